"""One coroutine that waits, in whatever event loop, until any thread wakes it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


class Waiter:
    """A wait that begins where this is made. `is_waiting` ends in the thread that wakes it, before the waiting one goes on."""

    def __init__(self) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self.is_waiting = True
        self._woken: asyncio.Future[None] = self.loop.create_future()

    def wake(self) -> None:
        """End the wait, from any thread."""
        self.is_waiting = False
        self.call(self._end)

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the event loop that waits, from any thread."""
        with suppress(RuntimeError):  # that loop has closed: nobody waits
            self.loop.call_soon_threadsafe(function)

    async def wait(self) -> None:
        """Wait to be woken."""
        try:
            await self._woken
        finally:
            self.is_waiting = False

    def _end(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)
