"""What users receive: jobs and log lines. Fields that pass through unchanged come from the generated models."""

# Job's properties hide the text fields that they decode, on purpose.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self, TypeAlias, TypeVar, cast

from fluxbase_jobs_client import models as wire
from msgspec.structs import force_setattr

from .decoding import MIN_DEEP, decoded, is_too_deep, json_value, struct_of
from .wire_value import WireValue

if TYPE_CHECKING:  # type checkers read the generated models, at run time the bases are msgspec structs with the same fields
    from fluxbase_jobs_client.models import Job as _JobFields
    from fluxbase_jobs_client.models import LogEntry as _LogFields
else:
    _JobFields = struct_of(
        wire.Job,
        (
            *("id", "namespace", "job_function_id", "job_name", "status", "payload", "result", "progress", "priority"),
            *("max_duration_seconds", "progress_timeout_seconds", "max_retries", "retry_count", "error_message", "worker_id", "created_by"),
            *("user_role", "user_email", "user_name", "tenant_id", "created_at", "scheduled_at", "started_at", "last_progress_at"),
        ),
    )
    _LogFields = struct_of(wire.LogEntry)

T = TypeVar("T")
JobT = TypeVar("JobT", bound="Job")

JobStatus: TypeAlias = Literal["pending", "running", "completed", "failed", "cancelled", "interrupted"]
"""The statuses known today. A job's status is open text: a newer server's word is no error, and is not final."""

TERMINAL: Final = frozenset({"completed", "failed", "cancelled", "interrupted"})
"""The statuses after which a job changes no more, unless it is retried."""


class Job(WireValue, _JobFields):
    """One background job as the server last sent it: every wire field under its wire name, moments as aware datetimes.

    `payload`, `result` and `progress` are values, decoded on first use; the server sends them as JSON text, which `payload_text`,
    `result_text` and `progress_text` keep. A job from a list has no payload, and a result only with `include_result`. Jobs are immutable, equal
    by value and hashable by id.
    """

    LOCAL: ClassVar[tuple[str, ...]] = ("logs",)
    TEXTS: ClassVar = ("payload", "result", "progress")
    PRINTED: ClassVar = ("id", "job_name", "status", "progress_percent")
    COLUMNS: ClassVar = (
        "id",
        "namespace",
        "job_name",
        "status",
        "progress_percent",
        "priority",
        "created_at",
        "started_at",
        "completed_at",
    )

    if TYPE_CHECKING:  # a field of the base, narrowed for type checkers
        logs: list[LogLine] | None
        """The log, where it was read with `get(..., include_logs=True)`; else None."""
    else:

        @property
        def logs(self) -> list[LogLine] | None:
            """The log, where it was read with `get(..., include_logs=True)`; else None."""
            return vars(self).get("logs")

    def __hash__(self) -> int:
        return hash(self.id)

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, value) for name in self.PRINTED if (value := getattr(self, name)) is not None]

    def to_dict(self) -> dict[str, Any]:
        """A plain dict that `json.dumps` takes: every wire field, with payload, result and progress decoded, moments as RFC 3339 text.

        `logs` is None, or a list of such dicts.
        """
        fields = {
            **super().to_dict(),
            "progress_percent": self.progress_percent,
            "progress_message": self.progress_message,
            "progress_data": self.progress_data,
        }
        return {**fields, "logs": None if self.logs is None else [line.to_dict() for line in self.logs]}

    @classmethod
    def from_any(cls, value: object) -> Self:
        """The job itself, or one made of the form of `to_dict`, its log included."""
        made = super().from_any(value)
        lines: Any = cast("Mapping[str, Any]", value).get("logs") if made is not value else None
        return made if lines is None else with_logs(made, [LogLine.from_any(line) for line in lines])

    @cached_property
    def payload(self) -> Any:
        """What the job was submitted with; None in jobs from a list."""
        return json_value(self.payload_text)

    @cached_property
    def result(self) -> Any:
        """What the job returned, an object; None before its end and in lists without `include_result`."""
        return json_value(self.result_text)

    @cached_property
    def progress(self) -> Any:
        """The last progress report: percent, message, data, estimated_seconds_left."""
        return json_value(self.progress_text)

    @property
    def progress_percent(self) -> int | None:
        """The last reported percentage, as reported: it may lie outside 0 to 100. A retried job keeps that of its last attempt."""
        return self._reported("progress_percent", "percent", int)

    @property
    def progress_message(self) -> str | None:
        """The last reported progress message."""
        return self._reported("progress_message", "message", str)

    @property
    def progress_data(self) -> dict[str, Any] | None:
        """The data of the last progress report."""
        return cast("dict[str, Any] | None", self._reported("progress_data", "data", dict))

    def _reported(self, field: str, key: str, kind: type[T]) -> T | None:
        """The job's own progress field, else the value in `progress`: lists send only that (recorded)."""
        value = decoded(_JobFields, self, field)
        report: Any = self.progress
        if value is None and isinstance(report, dict):
            value = cast("dict[str, Any]", report).get(key)
        return value if isinstance(value, kind) else None

    @property
    def payload_text(self) -> str | None:
        """The payload's JSON text as the server sent it."""
        return cast("str | None", decoded(_JobFields, self, "payload"))

    @property
    def result_text(self) -> str | None:
        """The result's JSON text as the server sent it."""
        return cast("str | None", decoded(_JobFields, self, "result"))

    @property
    def progress_text(self) -> str | None:
        """The progress report's JSON text as the server sent it."""
        return cast("str | None", decoded(_JobFields, self, "progress"))

    @property
    def error(self) -> str | None:
        """The server's `error_message`. For a thrown error it is only "exit status 1"; the text is in the log."""
        return self.error_message

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended: completed, failed, cancelled or interrupted. An unknown status has not."""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether the job has completed."""
        return self.status == "completed"


class LogLine(WireValue, _LogFields):
    """One line of a job's log; `str()` of it is the message.

    `line_number` counts from 1 over all attempts of a job, but starts from 1 again after a restart of the server.
    """

    PRINTED: ClassVar = ("line_number", "level", "message")

    def __str__(self) -> str:
        return self.message


TOO_DEEP: Final = "the {name} of job {id} is nested too deep to be decoded: it is text, as in `{name}_text`"
_result_text: Final[Callable[[Job], str | None]] = vars(_JobFields)["result"].__get__
_ALIKE: Final = ("job_function_id", "worker_id", "created_by", "user_email", "user_name")
"""The fields that jobs of a list mostly have in common. Each decoded job has texts of its own, 60 to 90 bytes each."""
_READERS: Final[tuple[Callable[[Job], str | None], ...]] = tuple(vars(_JobFields)[name].__get__ for name in Job.TEXTS)
"""Read the texts of a job without the properties that hide them."""


def share_texts(jobs: list[Job]) -> None:
    """Let neighbours in a list share equal texts: that takes a fifth of a list's memory away, for a tenth of its time."""
    write: Callable[[Any, str, Any], None] = force_setattr
    for name in _ALIKE:
        read, last = attrgetter(name), None
        for job in jobs:
            text = read(job)
            if text == last:
                write(job, name, last)
            else:
                last = text


def notes_on(data: object) -> tuple[str, ...]:
    """What is worth knowing about the jobs that a request returned: which of their values can't be decoded."""
    if isinstance(data, Job):
        if max(len(read(data) or "") for read in _READERS) < MIN_DEEP:
            return ()
        texts = {name: cast("str | None", getattr(data, f"{name}_text")) for name in Job.TEXTS}
        return tuple(TOO_DEEP.format(name=name, id=data.id) for name, text in texts.items() if is_too_deep(text))
    if not isinstance(data, list) or not data or not isinstance(data[0], Job):
        return ()
    jobs = cast("list[Job]", data)
    longest = max(map(len, filter(None, map(_result_text, jobs))), default=0)
    if longest < MIN_DEEP:
        return ()
    return tuple(TOO_DEEP.format(name="result", id=job.id) for job in jobs if is_too_deep(job.result_text))


def with_logs(job: JobT, lines: list[LogLine] | None) -> JobT:
    """The job with its log."""
    made = copy(job)
    vars(made)["logs"] = lines
    return made
