"""What a client remembers of its server: which jobs it has seen, and whether logs are hidden there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, cast

from attrs import define, field, frozen

from ..models.jobs import Job, LogLine

MAX_JOBS: Final = 4096


@frozen
class SeenJob:
    """What it takes to find a job in the list."""

    job_name: str
    created_at: datetime


@define(eq=False)
class ClientMemory:
    """One client's memory. Threads share it: each step is one operation of a dict."""

    hides_logs: bool = False
    """Whether the last log of an ended job that was read was hidden by the server."""
    hub: Any = field(default=None, repr=False)
    """The client's WebSocket, a Hub or AsyncHub; None where it only polls."""
    _jobs: dict[str, SeenJob] = field(factory=dict[str, SeenJob], repr=False)

    def observe(self, data: object) -> None:
        """Remember the jobs that a request returned."""
        if isinstance(data, Job):
            self._remember([data])
        elif isinstance(data, list) and data and isinstance(data[0], Job):
            self._remember(cast("list[Job]", data)[-MAX_JOBS:])

    def seen(self, job_id: str | None) -> SeenJob | None:
        """What is known of a job; None where this client has not seen it, or too long ago."""
        return None if job_id is None else self._jobs.get(job_id)

    def heard(self, job_id: str) -> list[LogLine]:
        """The lines of a job's log that came over the WebSocket."""
        return [] if self.hub is None else self.hub.heard.of(job_id)

    def _remember(self, jobs: Iterable[Any]) -> None:
        for job in jobs:
            self._jobs.pop(job.id, None)
            self._jobs[job.id] = SeenJob(job.job_name, job.created_at)
        while len(self._jobs) > MAX_JOBS:
            self._jobs.pop(next(iter(self._jobs), ""), None)
