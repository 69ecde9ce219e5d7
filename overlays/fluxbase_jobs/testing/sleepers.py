"""Who sleeps on a clock, and until when."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from .waiter import Waiter

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from collections.abc import Callable

_SECOND_NS = 1e9


class Sleeper(Waiter):
    """One sleep: it ends when real time has brought the clock to its end, or when the clock jumps there.

    Args:
        due_ns: its end, in nanoseconds since 1970.
        now_ns: the clock.

    """

    def __init__(self, due_ns: int, now_ns: Callable[[], int]) -> None:
        super().__init__()
        self.due_ns: Final = due_ns
        self._now_ns = now_ns
        self._timer: TimerHandle | None = None

    def set_timer(self) -> None:
        """Count the rest of the sleep from now. Only in the event loop that waits."""
        self.stop_timer()
        left_ns = self.due_ns - self._now_ns()
        if left_ns <= 0:
            self.wake()
        elif self.is_waiting:
            self._timer = self.loop.call_later(left_ns / _SECOND_NS, self.set_timer)

    def stop_timer(self) -> None:
        """Leave the end to `wake`."""
        if self._timer:
            self._timer.cancel()


class Sleepers:
    """All that sleep on one clock; threads may ask at any time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._all: set[Sleeper] = set()

    def add(self, sleeper: Sleeper) -> None:
        """Count one in."""
        with self._lock:
            self._all.add(sleeper)

    def remove(self, sleeper: Sleeper) -> None:
        """Count one out."""
        with self._lock:
            self._all.discard(sleeper)

    def asleep(self) -> list[Sleeper]:
        """Return those that nothing has woken yet."""
        with self._lock:
            return [sleeper for sleeper in self._all if sleeper.is_waiting]
