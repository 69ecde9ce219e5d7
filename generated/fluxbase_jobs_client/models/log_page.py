# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..models.log_entry import LogEntry


@define(frozen=True, kw_only=True, slots=False)
class LogPage:
    """A job's log lines."""

    logs: list[LogEntry] | None
    """Null where there are none."""

    count: int
    """The number of lines in this answer."""
