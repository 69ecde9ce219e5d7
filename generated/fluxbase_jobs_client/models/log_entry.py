# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..models.log_entry_fields import LogEntryFields
from ..types import AwareDatetime


@define(frozen=True, kw_only=True, slots=False)
class LogEntry:
    """A line of a job's log."""

    id: str
    """UUID, not a number."""

    timestamp: AwareDatetime
    """When the line reached the log, which is not quite the order of lines."""

    category: str
    """`execution` for the lines of a job."""

    level: str
    """`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `panic`. What the job prints is `info`."""

    message: str
    """The text. The last line of nearly every job is its raw result, after `__RESULT__::`."""

    execution_id: str | None = None
    """The job's UUID."""

    line_number: int | None = None
    """From 1. Goes on over retries; begins at 1 again when the server starts."""

    fields: LogEntryFields | None = None
    """Anything else; the worker's own line number, say."""

    custom_category: str | None = None
    """Unused for jobs."""

    request_id: str | None = None
    """Unused for jobs."""

    trace_id: str | None = None
    """Unused for jobs."""

    component: str | None = None
    """Unused for jobs."""

    user_id: str | None = None
    """Unused for jobs."""

    ip_address: str | None = None
    """Unused for jobs."""
