"""What a client remembers of its server: which jobs it has seen, and whether logs are hidden there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, cast

from attrs import define, field, frozen

from ..models.jobs import Job, LogLine

MAX_JOBS: Final = 4096
"""So many of the newest jobs are remembered, and twice as many at most."""
_JOB_ID: Final[Callable[[Any], str]] = attrgetter("id")
_NAME_AND_MOMENTS: Final[Callable[[Any], tuple[str, datetime, datetime | None]]] = attrgetter("job_name", "created_at", "completed_at")


@frozen
class SeenJob:
    """What it takes to find a job in the list, and when it ended."""

    job_name: str
    created_at: datetime
    completed_at: datetime | None


@define(eq=False)
class ClientMemory:
    """One client's memory. Threads share it: each step is one operation of a dict."""

    shows_logs: bool | None = None
    """Whether the server shows the logs of jobs that have just ended; None where that is not known."""
    hub: Any = field(default=None, repr=False)
    """The client's WebSocket, a Hub or AsyncHub; None where it only polls."""
    _newer: dict[str, tuple[str, datetime, datetime | None]] = field(factory=dict[str, tuple[str, datetime, datetime | None]], repr=False)
    """The arguments of a SeenJob."""
    _older: dict[str, tuple[str, datetime, datetime | None]] = field(factory=dict[str, tuple[str, datetime, datetime | None]], repr=False)
    """What was remembered before the newer ones were too many."""

    _aging: threading.Lock = field(factory=threading.Lock, repr=False)

    @property
    def size(self) -> int:
        """How many jobs are remembered."""
        return len(self._newer.keys() | self._older.keys())

    def observe(self, data: object) -> None:
        """Remember the jobs that a request returned."""
        if isinstance(data, Job):
            self._remember([data])
        elif isinstance(data, list) and data and isinstance(data[0], Job):
            self._remember(cast("list[Job]", data)[-MAX_JOBS:])

    def seen(self, job_id: str | None) -> SeenJob | None:
        """What is known of a job; None where this client has not seen it, or too long ago."""
        found = None if job_id is None else self._newer.get(job_id) or self._older.get(job_id)
        return None if found is None else SeenJob(*found)

    def heard(self, job_id: str) -> list[LogLine]:
        """The lines of a job's log that came over the WebSocket."""
        return [] if self.hub is None else self.hub.heard.of(job_id)

    def heard_all(self, job_id: str) -> bool:
        """Whether all lines of a job's log came over the WebSocket, from the first one on."""
        return self.hub is not None and bool(self.hub.heard.is_complete(job_id))

    def kept(self, job_id: str) -> int | None:
        """How many lines of a job's log are kept, where more came over the WebSocket; None where all that came are."""
        return len(self.heard(job_id)) if self.hub is not None and self.hub.heard.is_trimmed(job_id) else None

    def _remember(self, jobs: Sequence[Any]) -> None:
        """Remember jobs as the newest ones. A list may hold thousands of them, so this is done without a line of Python for each.

        No job is absent meanwhile, not even for a moment: another thread may look for it.
        """
        if len(self._newer) + len(jobs) > MAX_JOBS and self._aging.acquire(blocking=False):
            try:
                self._age(len(jobs))
            finally:
                self._aging.release()
        self._newer.update(zip(map(_JOB_ID, jobs), map(_NAME_AND_MOMENTS, jobs), strict=True))

    def _age(self, more: int) -> None:
        """Make the newer jobs the older ones, unless another thread has just done so."""
        if len(self._newer) + more > MAX_JOBS:
            # In this order: whoever reads the newer ones and then the older ones finds each job in one of the two.
            self._older = self._newer
            self._newer = {}
