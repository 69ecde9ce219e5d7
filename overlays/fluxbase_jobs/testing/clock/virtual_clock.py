"""A clock that a test sets forward: an hour passes in milliseconds, and what was due in it has happened."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Protocol, cast

from ..._clock import monotonic_ns
from ..validation import in_nanoseconds
from .sleepers import Sleeper, Sleepers

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Timeline(Protocol):
    """What a clock carries along when it is set forward."""

    def next_due_ns(self) -> int | None:
        """Return when the next thing happens that does not sleep on the clock, in nanoseconds since 1970."""
        ...

    def settle(self) -> None:
        """Return when all that is due has happened."""
        ...


class VirtualClock:
    """The time of a test server: it flows as the machine's does, and jumps when it is told to.

    Args:
        start: the time that it shows at first, with a time zone; the machine's if not given.

    Raises:
        TypeError: `start` is no datetime.
        ValueError: `start` has no time zone.

    """

    def __init__(self, start: datetime | None = None) -> None:
        first_ns = time.time_ns() if start is None else _nanoseconds(start)
        self._ahead_ns = first_ns - monotonic_ns()
        self._sleepers = Sleepers()
        self._advancing = RLock()
        self._timelines: list[Timeline] = []

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return _EPOCH + timedelta(microseconds=self.now_ns() // 1_000)

    def now_ns(self) -> int:
        """Nanoseconds since 1970 in UTC."""
        return monotonic_ns() + self._ahead_ns

    def advance(self, by: float | timedelta) -> None:
        """Set the clock forward, with a stop at each moment at which something is due.

        Scheduled jobs, cron schedules, time-outs and scripted sleeps come in the order of their times. At each stop the
        workers run what is due, so that it is done at the next one. Not waited for: runs that are held or sleep on this
        clock, and handlers of your own that are still busy after a second of real time.

        Args:
            by: seconds, or a timedelta.

        Raises:
            TypeError: `by` is neither.
            ValueError: `by` is negative or not finite.

        """
        with self._advancing:
            target = self.now_ns() + in_nanoseconds("by", by)
            self._settle()  # what has just been added may not have begun to sleep
            while (due := self._next_due()) is not None and due <= target:
                self._jump(due)
            self._jump(target)
            for sleeper in self._sleepers.asleep():
                sleeper.call(sleeper.set_timer)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock is `seconds` further; cancelling the caller ends the wait."""
        await self.doze(self.sleeper(seconds))

    def sleeper(self, seconds: float) -> Sleeper:
        """Begin a sleep in the running event loop, for `doze` to go through with."""
        sleeper = Sleeper(self.now_ns() + in_nanoseconds("seconds", seconds), self.now_ns)
        self._sleepers.add(sleeper)
        return sleeper

    async def doze(self, sleeper: Sleeper) -> None:
        """Sleep a sleep to its end."""
        try:
            sleeper.set_timer()
            await sleeper.wait()
        finally:
            sleeper.stop_timer()
            self._sleepers.remove(sleeper)

    def carry(self, timeline: Timeline) -> None:
        """Let `advance` mind what happens there, too."""
        self._timelines.append(timeline)

    def leave(self, timeline: Timeline) -> None:
        """Mind it no more. Idempotent."""
        with suppress(ValueError):
            self._timelines.remove(timeline)

    def _next_due(self) -> int | None:
        others = [timeline.next_due_ns() for timeline in [*self._timelines]]
        dues = [sleeper.due_ns for sleeper in self._sleepers.asleep()]
        return min([*dues, *(due for due in others if due is not None)], default=None)

    def _jump(self, due_ns: int) -> None:
        self._ahead_ns += max(0, due_ns - self.now_ns())
        now_ns = self.now_ns()
        for sleeper in self._sleepers.asleep():
            if sleeper.due_ns <= now_ns:
                sleeper.wake()
        self._settle()

    def _settle(self) -> None:
        for timeline in [*self._timelines]:
            timeline.settle()


def _nanoseconds(start: datetime) -> int:
    if not isinstance(cast("object", start), datetime):
        raise TypeError(f"start must be a datetime, not {type(start).__name__}")
    if start.tzinfo is None:
        raise ValueError("start must have a time zone, like datetime(2026, 4, 1, tzinfo=UTC)")
    return (start - _EPOCH) // _MICROSECOND * 1_000
