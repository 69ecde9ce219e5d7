"""The stream of changes to an open page: server-sent events, with all changes of a moment in one of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from ..services import Services
from ..store import Job, LogLine
from .views import row

_GATHER_SECONDS: Final = 0.1
"""Changes within this time go into one event."""
_TICK_SECONDS: Final = 0.5
"""How often the number of requests that faults have met is looked at."""
_TICKS_TO_KEEP_ALIVE: Final = 20
_MOST_JOBS: Final = 200
"""With more changed jobs at a time the page is asked to read its list again."""


class Changes:
    """What has changed since it was last taken. Any thread may add to it.

    Args:
        services: the emulator's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._lock = Lock()
        self._jobs: dict[str, Job] = {}
        self._logs: set[str] = set()
        self._are_functions_changed = False
        self.happened: Final = asyncio.Event()

    def listen(self) -> None:
        """Add all changes from now on."""
        self._services.jobs.listeners.add(self._job_changed)
        self._services.logs.listeners.add(self._line_added)
        self._services.functions.listeners.add(self._functions_changed)

    def unlisten(self) -> None:
        """Add no more changes."""
        self._services.jobs.listeners.remove(self._job_changed)
        self._services.logs.listeners.remove(self._line_added)
        self._services.functions.listeners.remove(self._functions_changed)

    def take(self) -> dict[str, Any]:
        """The changes since the last call: changed jobs in the order of their creation, and the ids of jobs with new log lines."""
        with self._lock:
            jobs, self._jobs = self._jobs, {}
            logs, self._logs = self._logs, set()
            functions, self._are_functions_changed = self._are_functions_changed, False
        now_ns = self._services.clock.now_ns()
        many = len(jobs) > _MOST_JOBS
        rows = [] if many else [row(job, now_ns) for job in sorted(jobs.values(), key=lambda job: job.created_at)]
        counts = self._services.statistics.by_status() if jobs else None
        return {"jobs": rows, "many": many, "logs": sorted(logs), "functions": functions, "counts": counts}

    def _job_changed(self, _: Job | None, new: Job) -> None:
        with self._lock:
            self._jobs[new.id] = new
        self._wake()

    def _line_added(self, line: LogLine) -> None:
        with self._lock:
            self._logs.add(line.job_id)
        self._wake()

    def _functions_changed(self) -> None:
        with self._lock:
            self._are_functions_changed = True
        self._wake()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has closed: the server is stopping
            self._loop.call_soon_threadsafe(self.happened.set)


class LiveStreams:
    """The streams of all open pages.

    Args:
        services: the emulator's parts.
        hits: tells how many requests the faults have met.
    """

    def __init__(self, services: Services, hits: Callable[[], object]) -> None:
        self._services = services
        self._hits = hits
        self._open: set[Changes] = set()
        self._is_closing = False

    def close(self) -> None:
        """End all streams: the server waits for them."""
        self._is_closing = True
        for changes in self._open:
            changes.happened.set()

    async def events(self) -> AsyncGenerator[str]:
        """The text of one stream, from now on. Its first event says that no change after it is missed."""
        changes = Changes(self._services)
        changes.listen()
        self._open.add(changes)
        try:
            yield _event("ready", {})
            async for text in self._follow(changes):
                yield text
        finally:
            self._open.discard(changes)
            changes.unlisten()

    async def _follow(self, changes: Changes) -> AsyncGenerator[str]:
        hits, idle_ticks = self._hits(), 0
        while not self._is_closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(changes.happened.wait(), _TICK_SECONDS)
            has_changes = changes.happened.is_set()
            if (now := self._hits()) != hits:
                hits = now
                yield _event("faults", {})
            if has_changes and not self._is_closing:
                await asyncio.sleep(_GATHER_SECONDS)
                changes.happened.clear()
                yield _event("changes", await run_in_threadpool(changes.take))
            idle_ticks = 0 if has_changes else idle_ticks + 1
            if idle_ticks == _TICKS_TO_KEEP_ALIVE:
                idle_ticks = 0
                yield ": still here\n\n"  # fails where the page has gone, which ends the stream


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
