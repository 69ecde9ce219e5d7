"""Hold an answer against its request: whatever comes back must be about what was asked for.

A broken cache or proxy, and a hostile server, can answer with another job's data. Every answer passes `require_match`, so no verb can forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, cast

import msgspec
from attrs import frozen
from msgspec.structs import force_setattr

from .._validation import arguments
from ..errors import InvalidInput
from ..models.admin import JobFunction, SyncResult
from ..models.jobs import Job, LogLine

_id_of: Final[Callable[[Job], str]] = attrgetter("id")
_execution_of: Final[Callable[[LogLine], str | None]] = attrgetter("execution_id")
_HEX_AS_ZERO: Final = bytes.maketrans(b"0123456789abcdef", b"0" * 16)
_CANONICAL: Final = b"00000000-0000-0000-0000-000000000000\n"
"""A line with a canonical id, its hexadecimal digits replaced by zeros."""
_ANOTHER_JOB: Final = "it is about another job"


@frozen(kw_only=True)
class Asked:
    """What a request asked for, as far as its answer shows it; None: anything."""

    job_id: str | None = None
    copied_id: str | None = None
    """The job that was copied: the answer is a new one."""
    job_name: str | None = None
    function: str | None = None
    namespace: str | None = None
    """Of a job that was submitted, of a function, or of the functions that were listed."""


def require_match(asked: Asked, value: object) -> None:
    """Raise msgspec.ValidationError for an answer about something else. Ids of jobs become canonical."""
    if isinstance(value, Job):
        _require_job(asked, value)
    elif isinstance(value, list) and value:
        _require_list(asked, cast("list[object]", value))
    elif isinstance(value, JobFunction):
        _require(value.name == asked.function and value.namespace == asked.namespace, "it is about another function")
    elif isinstance(value, SyncResult):
        _require(value.namespace == asked.namespace, "it is about another namespace")


def _require_job(asked: Asked, job: Job) -> None:
    _make_canonical([job])
    _require(asked.job_id in {None, job.id}, _ANOTHER_JOB)
    _require(asked.copied_id != job.id, "it is about the job that was copied, not about the copy")
    _require(asked.job_name in {None, job.job_name}, "it is about a job of another name")
    _require(asked.namespace in {None, job.namespace}, "it is about a job of another namespace")


def _require_list(asked: Asked, values: Sequence[object]) -> None:
    if isinstance(values[0], Job):
        _make_canonical(cast("Sequence[Job]", values))
    elif isinstance(values[0], LogLine):
        executions = set(map(_execution_of, cast("Sequence[LogLine]", values))) - {None, asked.job_id}
        _require(all(_canonical(each) == asked.job_id for each in executions), _ANOTHER_JOB)
    elif isinstance(values[0], JobFunction) and asked.namespace is not None:
        functions = cast("Sequence[JobFunction]", values)
        _require(all(each.namespace == asked.namespace for each in functions), "it holds functions of another namespace")


def _make_canonical(jobs: Sequence[Job]) -> None:
    """Put ids into the form in which they are compared. Raises msgspec.ValidationError for one that is none.

    All ids are checked in one pass in C: with a regular expression for each, a long list would take a quarter longer to decode.
    """
    ids = "\n".join(map(_id_of, jobs)) + "\n"
    if ids.encode().translate(_HEX_AS_ZERO) == _CANONICAL * len(jobs):
        return
    for job in jobs:
        canonical = _canonical(job.id)
        _require(canonical is not None, "a job's `id` is no UUID")
        force_setattr(cast("Any", job), "id", canonical)


def _canonical(given: object) -> str | None:
    """The canonical form of an id; None for what is none."""
    try:
        return arguments.job_id(given)
    except InvalidInput:
        return None


def _require(condition: bool, otherwise: str) -> None:  # noqa: FBT001  # as `assert` takes it
    if not condition:
        raise msgspec.ValidationError(otherwise)
