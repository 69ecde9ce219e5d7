"""Where scripted runs are held until a test lets them go on."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import TYPE_CHECKING

from .waiter import Waiter

if TYPE_CHECKING:
    from .steps import ScriptedRun


class Gate:
    """Lets one run pass for each release, before or after the run comes."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: deque[tuple[ScriptedRun, Waiter]] = deque()
        self._passes = 0

    def come(self, run: ScriptedRun) -> Waiter | None:
        """Return the wait of a run that has come to the gate, in its event loop; None if it may go on at once."""
        with self._changed:
            if self._passes:
                self._passes -= 1
                return None
            waiter = Waiter()
            self._waiting.append((run, waiter))
            self._changed.notify_all()
            return waiter

    def release(self) -> None:
        """Let the run that waits longest go on, or the next one that comes."""
        with self._changed:
            self._forget_the_gone()
            if self._waiting:
                self._waiting.popleft()[1].wake()
            else:
                self._passes += 1

    def held(self, timeout_seconds: float) -> ScriptedRun | None:
        """Return the run that waits longest, as soon as there is one; None if none comes in time."""
        with self._changed:
            return self._waiting[0][0] if self._changed.wait_for(self._is_anybody_here, timeout_seconds) else None

    def _is_anybody_here(self) -> bool:
        self._forget_the_gone()
        return bool(self._waiting)

    def _forget_the_gone(self) -> None:
        """Drop runs that were cancelled or timed out at the gate."""
        self._waiting = deque((run, waiter) for run, waiter in self._waiting if waiter.is_waiting)
