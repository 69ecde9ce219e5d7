"""The limit on all requests of one client address, those that are refused later on too (rate_limited)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from fluxbase_jobs.emulator.http.rate_limits import FixedWindowLimiter, RateLimit, WindowCount, client_address, too_many

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fluxbase_jobs.emulator.clock import Clock

_PREFIX = "/api/"


class RateLimitMiddleware:
    """Refuses what comes too often, whoever sends it; `X-Forwarded-For` is not looked at.

    Args:
        app: what comes next.
        requests: how many each address may send a minute; None for any number.
        clock: says when a minute is over.

    """

    def __init__(self, app: ASGIApp, requests: int | None, clock: Clock) -> None:
        self._app = app
        self._windows = FixedWindowLimiter(_limit(requests), clock) if requests else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._windows is None or scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await self._app(scope, receive, send)
            return
        count = self._windows.count(client_address(HTTPConnection(scope)))
        if count.is_beyond:
            await too_many(count.limit)(scope, receive, send)
        else:
            await self._app(scope, receive, _announcing(count, send))


def _limit(requests: int) -> RateLimit:
    return RateLimit(requests, f"API rate limit exceeded. Maximum {requests} requests per minute allowed.")


def _announcing(count: WindowCount, send: Send) -> Send:
    async def announce(message: Message) -> None:
        if message["type"] == "http.response.start":
            # Over those of a route with a limit of its own, which are not seen then.
            MutableHeaders(scope=message).update(count.headers)
        await send(message)

    return announce
