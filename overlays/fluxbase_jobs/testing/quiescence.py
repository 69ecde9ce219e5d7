"""Whether an emulator has come to rest: nothing is due, and whoever still runs only waits."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter

from fluxbase_jobs.emulator.clock import micros

if TYPE_CHECKING:
    from collections.abc import Callable

    from fluxbase_jobs.emulator.services import Services

_LOOK_SECONDS = 0.0005
_ROUNDS = 10
"""How often in a row the event loop must come round without a thread at work: a result needs a few rounds to get where it is used."""


class Settling:
    """Looks at one emulator, from within its event loop.

    Args:
        services: its parts.
        resting: gives the ids of the jobs whose runs only wait.

    """

    def __init__(self, services: Services, resting: Callable[[], frozenset[str]]) -> None:
        self._services = services
        self._resting = resting
        self._tireless: frozenset[str] = frozenset()

    def next_due_ns(self) -> int | None:
        """Return when the next scheduled job may start, in nanoseconds since 1970. From any thread."""
        due = self._services.jobs.next_scheduled(micros(self._services.clock))
        return None if due is None else due * 1_000

    async def settled(self, patience_seconds: float) -> None:
        """Wait for rest, but no longer than so many seconds of real time, and on a run that outlasted them never again."""
        end = time.monotonic() + patience_seconds
        while await _work_in_threads(end) or self._is_moving():
            if time.monotonic() > end:
                self._tireless = self._busy()
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _is_moving(self) -> bool:
        services = self._services
        claimable = services.workers.has_room and services.jobs.is_due(micros(services.clock))
        return claimable or bool(self._busy() - self._tireless)

    def _busy(self) -> frozenset[str]:
        return self._services.workers.running - self._resting()


async def _work_in_threads(end: float) -> bool:
    limiter = current_default_thread_limiter()
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)
        if limiter.borrowed_tokens:
            return time.monotonic() <= end
    return False
