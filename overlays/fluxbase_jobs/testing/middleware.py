"""What a test server adds between its faults and the emulator: rest before a look at jobs, and a date."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from fluxbase_jobs.emulator.clock import Clock, seconds

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .quiescence import Settling

_JOBS = "/api/v1/jobs"


class RestBeforeLooks:
    """Holds a look at jobs back until the workers have come to rest: a waiting client's first look may be its last.

    Without it that look would come before the job has ended, and the next one half a second later.

    Args:
        app: what comes next.
        settling: knows about rest.
        patience_seconds: the most that a look is held back.

    """

    def __init__(self, app: ASGIApp, settling: Settling, patience_seconds: float) -> None:
        self._app = app
        self._settling = settling
        self._patience_seconds = patience_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._patience_seconds and scope["method"] == "GET" and scope["path"].startswith(_JOBS):
            await self._settling.settled(self._patience_seconds)
        await self._app(scope, receive, send)


class Dates:
    """Dates answers by the server's clock.

    Args:
        app: what comes next.
        clock: the server's.

    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = formatdate(seconds(self._clock), usegmt=True)
            await send(message)

        await self._app(scope, receive, send_dated)
