"""ASGI middleware between a test server's faults and the emulator: polls that wait for the workers, and the Date header."""

from __future__ import annotations

from email.utils import formatdate
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..emulator.clock import Clock, seconds
from .clock import Quiescence

_JOBS: Final = "/api/v1/jobs"


class SettleBeforePolls:
    """Delays GET requests for jobs until the workers are idle, so that a client's first poll already sees the finished job.

    Without it the first poll would come before the job has ended, and the next one half a second later.

    Args:
        app: the next application.
        quiescence: detects when the workers are idle.
        settle_seconds: the longest delay.
    """

    def __init__(self, app: ASGIApp, quiescence: Quiescence, settle_seconds: float) -> None:
        self._app = app
        self._quiescence = quiescence
        self._settle_seconds = settle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._settle_seconds and scope.get("method") == "GET" and scope["path"].startswith(_JOBS):
            await self._quiescence.wait_until_idle(self._settle_seconds)
        await self._app(scope, receive, send)


class DateHeader:
    """Sets the Date header of responses from the server's clock.

    Args:
        app: the next application.
        clock: the server's clock.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = formatdate(seconds(self._clock), usegmt=True)
            await send(message)

        await self._app(scope, receive, send_with_date)
