"""The second argument of a handler: report progress, write log lines and notice that the run was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, TypeAlias, cast, get_args

from attrs import field, frozen

from .validation import is_a, type_name

Level: TypeAlias = Literal["trace", "debug", "info", "warn", "error", "fatal", "panic"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)


class Reports(Protocol):
    """Where a `Context` sends its reports. The server implements it; a unit test of a handler may pass its own."""

    @property
    def is_closed(self) -> bool:
        """Whether the run was stopped."""
        ...

    def progress(self, percent: object, message: object, data: object) -> None:
        """Store a progress report."""
        ...

    def log(self, text: str, level: Level) -> None:
        """Store log lines."""
        ...


@frozen
class JobUser:
    """The user a job runs for; each of the three may be missing."""

    id: str | None
    email: str | None
    role: str | None


@frozen
class Context:
    """One run of one job, as its handler sees it. All methods are synchronous, for async handlers too."""

    job_id: str
    job_name: str
    namespace: str
    retry_count: int
    """0 in the first run, 1 after the first retry."""
    user: JobUser
    _reports: Reports = field(repr=False, alias="reports")

    def progress(self, percent: float, message: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Report how far the job is.

        Args:
            percent: a whole number, usually 0 to 100. As on the real server, a report with 33.3 is silently dropped,
                and so is one whose `data` is not a mapping.
            message: what the job is doing.
            data: any JSON object.
        """
        self._reports.progress(percent, message, data)

    def log(self, message: object, level: Level = "info") -> None:
        """Write to the job's log, one log line for each line of the text.

        Raises:
            ValueError: `level` is not one of trace, debug, info, warn, error, fatal, panic.
        """
        if not is_a(level, str) or level not in LEVELS:
            given = level if cast("object", type(level)) is str and len(level) <= 60 else type_name(level)
            raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {given}")
        self._reports.log(str(message), level)

    @property
    def cancelled(self) -> bool:
        """Whether this run was stopped: the job was cancelled or timed out, or the server is shutting down.

        Handlers need not check it, because the handler of a stopped run is interrupted. An async handler is cancelled
        as by asyncio; a sync handler, and an async one that ignores the cancellation, gets an exception that is not an
        `Exception`, again every half a second until it ends. `finally` blocks run. One limit: a call that blocks
        outside of Python, such as one long `time.sleep`, returns first; meanwhile the job may be retried, so that two
        runs of it overlap. Reports of a stopped run are not stored: they raise the same exception.
        """
        return self._reports.is_closed
