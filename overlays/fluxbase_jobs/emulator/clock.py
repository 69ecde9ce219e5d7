"""The one source of time: everything that reads or waits for time asks a `Clock`, so that tests can bring their own."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time and waiting."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`; cancelling the caller ends the wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 in UTC."""
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of real time."""
        await asyncio.sleep(seconds)


def micros(clock: Clock) -> int:
    """Microseconds since 1970: the precision the database keeps."""
    return clock.now_ns() // 1_000


def seconds(clock: Clock) -> int:
    """Whole seconds since 1970: the precision of tokens."""
    return clock.now_ns() // 1_000_000_000
