"""The scheduler: creates a job of each function with a schedule whenever one is due.

As on the real server, missed times are not caught up: a job that was due while no server ran, or while the machine slept,
is not created later.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final, TypeAlias

from attrs import define

from ..clock import Clock
from ..formats.schedule import InvalidScheduleError, Schedule, read_schedule
from ..store import FullDiskError, Functions, Jobs
from .submission import job_of

_LOGGER: Final = logging.getLogger(__name__)
_FunctionKey: TypeAlias = tuple[str, str]
"""Namespace and name."""


@define
class _Entry:
    """A function's schedule and its next due time in nanoseconds since 1970: None if the schedule is invalid."""

    text: str
    schedule: Schedule | None
    due_ns: int | None

    def advance(self, now_ns: int) -> None:
        self.due_ns = self.schedule.next_after(now_ns) if self.schedule else None

    def upcoming(self, count: int) -> list[int]:
        times: list[int] = []
        due = self.due_ns
        while self.schedule and due is not None and len(times) < count:
            times.append(due)
            due = self.schedule.next_after(due)
        return times


class Scheduler:
    """The schedules of one emulator.

    Args:
        functions: the functions with their schedules; changes take effect at once.
        jobs: where new jobs are stored.
        clock: decides what is due.
    """

    def __init__(self, functions: Functions, jobs: Jobs, clock: Clock) -> None:
        self._functions = functions
        self._jobs = jobs
        self._clock = clock
        self._entries: dict[_FunctionKey, _Entry] = {}
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start following the schedules, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._functions.listeners.add(self._functions_changed)
        self._entries = self._read()
        self._task = self._loop.create_task(self._follow())

    async def stop(self) -> None:
        """Create no more jobs."""
        self._functions.listeners.remove(self._functions_changed)
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def upcoming(self, count: int) -> dict[_FunctionKey, list[int]]:
        """The next due times of each function with a schedule, in nanoseconds since 1970: none where the schedule is invalid."""
        return {key: entry.upcoming(count) for key, entry in self._entries.items()}

    def _functions_changed(self) -> None:
        if self._loop:
            with suppress(RuntimeError):  # the loop has closed: the server is stopping
                self._loop.call_soon_threadsafe(self._restart)

    def _restart(self) -> None:
        # The task can only be cancelled while it sleeps: what is due at this moment is left to the new task.
        if self._task:
            self._task.cancel()
            self._task = asyncio.get_running_loop().create_task(self._reload_and_follow())

    async def _reload_and_follow(self) -> None:
        self._entries = self._read()
        await self._follow()

    async def _follow(self) -> None:
        while (due := self._next_due()) is not None:
            # This is the only await, database access is synchronous: so a test clock that advances from one due time to the
            # next meets each of them.
            await self._clock.sleep(max(due - self._clock.now_ns(), 0) / 1e9)
            self._create_due_jobs(self._clock.now_ns())

    def _next_due(self) -> int | None:
        return min((entry.due_ns for entry in self._entries.values() if entry.due_ns is not None), default=None)

    def _read(self) -> dict[_FunctionKey, _Entry]:
        return {key: self._entry(key, text) for key, text in self._functions.schedules().items()}

    def _entry(self, key: _FunctionKey, text: str) -> _Entry:
        known = self._entries.get(key)
        if known and known.text == text:
            return known
        schedule = _schedule(key, text)
        if known and schedule is None:
            # As on the real server, an invalid schedule leaves the previous one in force until the next start.
            return _Entry(text, known.schedule, known.due_ns)
        entry = _Entry(text, schedule, None)
        entry.advance(self._clock.now_ns())
        return entry

    def _create_due_jobs(self, now_ns: int) -> None:
        for key, entry in sorted(self._entries.items()):
            if entry.schedule and entry.due_ns is not None and entry.due_ns <= now_ns:
                entry.advance(now_ns)
                try:
                    self._create_job(key, entry.schedule, now_ns)
                except FullDiskError:
                    """The database said so; the next is due as planned."""
                except Exception:
                    _LOGGER.exception("no job of %s/%s could be made on schedule; the next is due as planned", *key)

    def _create_job(self, key: _FunctionKey, schedule: Schedule, now_ns: int) -> None:
        definition = self._functions.get(*key)
        if definition and definition.enabled:
            self._jobs.add(job_of(definition, schedule.payload(now_ns), now_ns // 1_000))


def _schedule(key: _FunctionKey, text: str) -> Schedule | None:
    try:
        return read_schedule(text)
    except InvalidScheduleError as error:
        _LOGGER.warning("%s/%s: %s", *key, error)
        return None
