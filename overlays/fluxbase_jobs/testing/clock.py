"""A clock that a test moves forward, and the work that has to be finished before it moves on."""

from __future__ import annotations

import asyncio
import time
from asyncio import TimerHandle
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock, RLock
from typing import Final, Protocol, cast

from anyio.to_thread import current_default_thread_limiter

from .._transports.clock import monotonic, monotonic_ns
from ..emulator.clock import micros
from ..emulator.faults.validation import in_nanoseconds
from ..emulator.services import Services
from .event_loop import EventLoopThread, Waiter

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND_NS: Final = 1e9
_ADVANCE_SETTLE_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 0.0005
_IDLE_ROUNDS: Final = 10
"""How many rounds of the event loop without a busy thread count as idle: a result takes a few rounds to reach its consumer."""


class Timeline(Protocol):
    """Events that do not sleep on the clock, but are due at times of the clock."""

    def next_due_ns(self) -> int | None:
        """When the next event is due, in nanoseconds since 1970."""
        ...

    def settle(self) -> None:
        """Block until everything that is due has happened."""
        ...


class VirtualClock:
    """The time of a test server: it runs as the machine's clock does, and `advance` moves it forward.

    Args:
        start: the first time it shows, with a time zone; the machine's time if not given.

    Raises:
        TypeError: `start` is not a datetime.
        ValueError: `start` has no time zone.
    """

    def __init__(self, start: datetime | None = None) -> None:
        first_ns = time.time_ns() if start is None else _nanoseconds(start)
        self._offset_ns = first_ns - monotonic_ns()
        self._sleepers = Sleepers()
        self._advancing = RLock()
        self._timelines: list[Timeline] = []

    def now(self) -> datetime:
        """The current time of the clock, in UTC."""
        return _EPOCH + timedelta(microseconds=self.now_ns() // 1_000)

    def now_ns(self) -> int:
        """Nanoseconds since 1970 in UTC."""
        return monotonic_ns() + self._offset_ns

    def advance(self, by: float | timedelta) -> None:
        """Move the clock forward, stopping at each time at which something is due.

        Scheduled jobs, cron schedules, timeouts and scripted sleeps happen in the order of their times. At each stop the
        workers run what is due, and the clock continues when that is done. It does not wait for runs that are held or sleep
        on this clock, nor for handlers of your own that are still busy after a second of real time.

        Args:
            by: seconds, or a timedelta.

        Raises:
            TypeError: `by` is neither.
            ValueError: `by` is negative or not finite.
        """
        with self._advancing:
            target = self.now_ns() + in_nanoseconds("by", by)
            self._settle()  # a run that has just begun may not have reached its sleep yet
            while (due := self._next_due()) is not None and due <= target:
                self._jump(due)
            self._jump(target)
            for sleeper in self._sleepers.waiting():
                sleeper.call(sleeper.set_timer)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved `seconds` forward; cancelling the caller ends the wait."""
        await self.sleep_until(self.sleeper(seconds))

    def sleeper(self, seconds: float) -> Sleeper:
        """Register a sleep in the running event loop; `sleep_until` then waits for it."""
        sleeper = Sleeper(self.now_ns() + in_nanoseconds("seconds", seconds), self.now_ns)
        self._sleepers.add(sleeper)
        return sleeper

    async def sleep_until(self, sleeper: Sleeper) -> None:
        """Wait until a registered sleep is due."""
        try:
            sleeper.set_timer()
            await sleeper.wait()
        finally:
            sleeper.stop_timer()
            self._sleepers.remove(sleeper)

    def attach(self, timeline: Timeline) -> None:
        """Make `advance` stop at the events of this timeline, too."""
        self._timelines.append(timeline)

    def detach(self, timeline: Timeline) -> None:
        """Undo `attach`. Idempotent."""
        with suppress(ValueError):
            self._timelines.remove(timeline)

    def _next_due(self) -> int | None:
        events = [timeline.next_due_ns() for timeline in [*self._timelines]]
        sleeps = [sleeper.due_ns for sleeper in self._sleepers.waiting()]
        return min([*sleeps, *(due for due in events if due is not None)], default=None)

    def _jump(self, due_ns: int) -> None:
        self._offset_ns += max(0, due_ns - self.now_ns())
        now_ns = self.now_ns()
        for sleeper in self._sleepers.waiting():
            if sleeper.due_ns <= now_ns:
                sleeper.wake()
        self._settle()

    def _settle(self) -> None:
        for timeline in [*self._timelines]:
            timeline.settle()


class Sleeper(Waiter):
    """One sleep. It ends when real time brings the clock to its due time, or when the clock jumps there.

    Args:
        due_ns: when it ends, in nanoseconds since 1970.
        now_ns: reads the clock.
    """

    def __init__(self, due_ns: int, now_ns: Callable[[], int]) -> None:
        super().__init__()
        self.due_ns: Final = due_ns
        self._now_ns = now_ns
        self._timer: TimerHandle | None = None

    def set_timer(self) -> None:
        """Start, or restart, the timer for the remaining time. Call it only in the sleeper's event loop."""
        self.stop_timer()
        left_ns = self.due_ns - self._now_ns()
        if left_ns <= 0:
            self.wake()
        elif self.is_waiting:
            self._timer = self.loop.call_later(left_ns / _SECOND_NS, self.set_timer)

    def stop_timer(self) -> None:
        """Stop the timer, so that only `wake` ends the sleep."""
        if self._timer:
            self._timer.cancel()


class Sleepers:
    """All sleepers of one clock. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._all: set[Sleeper] = set()

    def add(self, sleeper: Sleeper) -> None:
        """Add a sleeper."""
        with self._lock:
            self._all.add(sleeper)

    def remove(self, sleeper: Sleeper) -> None:
        """Remove a sleeper, if it is there."""
        with self._lock:
            self._all.discard(sleeper)

    def waiting(self) -> list[Sleeper]:
        """The sleepers that nothing has woken yet."""
        with self._lock:
            return [sleeper for sleeper in self._all if sleeper.is_waiting]


class Quiescence:
    """Detects when an emulator is idle: nothing is due, and all runs wait for the test or the clock.

    Args:
        services: the emulator's parts.
        waiting_jobs: reads the ids of jobs whose runs only wait.
    """

    def __init__(self, services: Services, waiting_jobs: Callable[[], frozenset[str]]) -> None:
        self._services = services
        self._waiting_jobs = waiting_jobs
        self._unsettled: frozenset[str] = frozenset()

    def next_due_ns(self) -> int | None:
        """When the next scheduled job may start, in nanoseconds since 1970. Safe to call from any thread."""
        due = self._services.jobs.next_scheduled(micros(self._services.clock))
        return None if due is None else due * 1_000

    async def wait_until_idle(self, timeout_seconds: float) -> None:
        """Wait in the emulator's event loop until it is idle or the timeout (in real time) expires.

        A run that is still busy at the timeout is not waited for again.
        """
        end = monotonic() + timeout_seconds
        while await _threads_busy(end) or self._has_work():
            if monotonic() > end:
                self._unsettled = self._busy()
                return
            await asyncio.sleep(_CHECK_SECONDS)

    def _has_work(self) -> bool:
        services = self._services
        claimable = services.workers.has_room and services.jobs.is_due(micros(services.clock))
        return claimable or bool(self._busy() - self._unsettled)

    def _busy(self) -> frozenset[str]:
        return self._services.workers.running - self._waiting_jobs()


async def _threads_busy(end: float) -> bool:
    limiter = current_default_thread_limiter()
    for _ in range(_IDLE_ROUNDS):
        await asyncio.sleep(0)
        if limiter.borrowed_tokens:
            return monotonic() <= end
    return False


class ServerTimeline:
    """The scheduled jobs and running jobs of one server, as a timeline of its clock.

    Args:
        quiescence: detects when the server is idle.
        loop: the server's event loop.
    """

    def __init__(self, quiescence: Quiescence, loop: EventLoopThread) -> None:
        self._quiescence = quiescence
        self._loop = loop

    def next_due_ns(self) -> int | None:
        """When the next scheduled job may start, in nanoseconds since 1970."""
        return self._quiescence.next_due_ns()

    def settle(self) -> None:
        """Block until the server is idle, but at most a second of real time."""
        future = self._loop.start(self._quiescence.wait_until_idle(_ADVANCE_SETTLE_SECONDS))
        with suppress(CancelledError):
            if future:
                future.result()


def _nanoseconds(start: datetime) -> int:
    if not isinstance(cast("object", start), datetime):
        raise TypeError(f"start must be a datetime, not {type(start).__name__}")
    if start.tzinfo is None:
        raise ValueError("start must have a time zone, like datetime(2026, 4, 1, tzinfo=UTC)")
    return (start - _EPOCH) // _MICROSECOND * 1_000
