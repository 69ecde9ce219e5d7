"""The source of time. Everything in the emulator reads time and waits through a `Clock`, so that tests can replace it."""

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
    """Microseconds since 1970: the precision of the database."""
    return clock.now_ns() // 1_000


def seconds(clock: Clock) -> int:
    """Whole seconds since 1970: the precision of tokens."""
    return clock.now_ns() // 1_000_000_000
