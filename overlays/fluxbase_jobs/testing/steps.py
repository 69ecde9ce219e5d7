"""What a script may tell a run to do, and the doing of it."""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import field, frozen

from fluxbase_jobs.emulator import JobUser
from fluxbase_jobs.emulator.handlers.context import Level


class ScriptedFailureError(Exception):
    """What a run raises that is scripted to fail."""


@frozen
class ScriptedRun:
    """One run that a script has given a job."""

    job_id: str
    payload: dict[str, Any] = field(repr=False)
    retry_count: int
    """0 in a job's first run, 1 after its first retry."""
    user: JobUser


@frozen
class Progress:
    """Report progress."""

    percent: int
    message: str | None
    data: dict[str, Any] | None


@frozen
class Log:
    """Write to the job's log."""

    message: str
    level: Level


@frozen
class Sleep:
    """Wait on the server's clock."""

    seconds: float


@frozen
class Hold:
    """Wait for the test."""


@frozen
class Complete:
    """End well."""

    result: dict[str, Any]


@frozen
class Fail:
    """End badly."""

    text: str


Step: TypeAlias = Progress | Log | Sleep | Hold | Complete | Fail
Ending = Complete | Fail
