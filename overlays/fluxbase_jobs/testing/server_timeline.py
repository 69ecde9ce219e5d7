"""What a virtual clock carries along of one test server."""

from __future__ import annotations

from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .event_loop import Background
    from .quiescence import Settling

_PATIENCE_SECONDS = 1.0


class ServerTimeline:
    """The scheduled jobs of a server, and the runs that have begun there.

    Args:
        settling: knows about them.
        background: the server's event loop.

    """

    def __init__(self, settling: Settling, background: Background) -> None:
        self._settling = settling
        self._background = background

    def next_due_ns(self) -> int | None:
        """Return when the next scheduled job may start, in nanoseconds since 1970."""
        return self._settling.next_due_ns()

    def settle(self) -> None:
        """Return when all that is due has been run, but after a second of real time in any case."""
        future = self._background.start(self._settling.settled(_PATIENCE_SECONDS))
        with suppress(CancelledError):
            if future:
                future.result()
