"""Middleware that refuses requests with too large a body, too many requests of one client, and all requests on a full disk."""

from __future__ import annotations

from typing import Final

from attrs import frozen
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...clock import Clock
from ...store import Database, FullDiskError
from ..rate_limits import FixedWindowLimiter, RateLimit, WindowCount, client_address, too_many_requests
from ..responses import error

_PREFIX: Final = "/api/"
_MEGABYTE: Final = 1024 * 1024


@frozen
class _BodyLimit:
    path: str
    kind: str
    max_bytes: int
    text: str

    def covers(self, path: str) -> bool:
        """Whether the limit applies to a path. A limit whose path ends in a slash applies to all paths below it."""
        return path.startswith(self.path) if self.path.endswith("/") else path == self.path


_BODY_LIMITS: Final = (
    _BodyLimit("/api/v1/admin/jobs/sync", "jobs sync", 500 * _MEGABYTE, "500.0 MB"),
    _BodyLimit("/api/v1/admin/", "admin", 5 * _MEGABYTE, "5.0 MB"),
    _BodyLimit("/api/v1/auth/", "auth", 64 * 1024, "64.0 KB"),
    _BodyLimit("/api/", "API", _MEGABYTE, "1.0 MB"),
)

_CHUNKED_LIMIT: Final = _BodyLimit("/", "chunked", 16 * _MEGABYTE, "16.0 MB")
"""The bound of chunked bodies where the server's own limit is lower: the real server does not check their size."""


class _BodyTooLargeError(Exception):
    """A chunked body has passed its bound."""


class BodyLimitMiddleware:
    """Refuses requests with a too large `Content-Length`, and chunked bodies that would fill the memory.

    A chunked body has no `Content-Length`, so the server's limits do not apply to it. It is read up to a bound of our own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif limit := _exceeded_limit(scope):
            await _drain(receive)
            await _too_large(limit)(scope, receive, send)
        elif "content-length" in Headers(scope=scope):
            await self._app(scope, receive, send)
        else:
            await self._read_bounded(scope, receive, send)

    async def _read_bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = _chunked_limit(scope["path"])
        size = 0

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit.max_bytes:
                raise _BodyTooLargeError
            return message

        try:
            await self._app(scope, receive_bounded, send)
        except _BodyTooLargeError:
            await _drain(receive)
            await _too_large(limit)(scope, receive, send)


class RateLimitMiddleware:
    """Limits the requests of each client address, including those that are refused for another reason (rate_limited).

    The address is that of the socket; `X-Forwarded-For` is ignored.

    Args:
        app: the next application.
        requests: how many requests each address may send in a minute; None for no limit.
        clock: decides when a minute is over.
    """

    def __init__(self, app: ASGIApp, requests: int | None, clock: Clock) -> None:
        self._app = app
        self._limiter = FixedWindowLimiter(_rate_limit(requests), clock) if requests else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if self._limiter is None or scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await self._app(scope, receive, send)
            return
        count = self._limiter.count(client_address(HTTPConnection(scope)))
        if count.exceeds_limit:
            await too_many_requests(count.limit)(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(count, send))


class FullDiskMiddleware:
    """Answers 503 to every request while the database cannot be written: a server that half works would be hard to understand.

    Args:
        app: the next application.
        database: tells whether it can be written.
    """

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif await run_in_threadpool(self._database.is_full):
            await _drain(receive)
            await _disk_is_full()(scope, receive, send)
        else:
            try:
                await self._app(scope, receive, send)
            except FullDiskError:
                await _disk_is_full()(scope, receive, send)


def _exceeded_limit(scope: Scope) -> _BodyLimit | None:
    length = Headers(scope=scope).get("content-length", "0")
    limit = next((limit for limit in _BODY_LIMITS if limit.covers(scope["path"])), None)
    return limit if limit and length.isdigit() and int(length) > limit.max_bytes else None


def _chunked_limit(path: str) -> _BodyLimit:
    limit = next((limit for limit in _BODY_LIMITS if limit.covers(path)), _CHUNKED_LIMIT)
    return limit if limit.max_bytes > _CHUNKED_LIMIT.max_bytes else _CHUNKED_LIMIT


async def _drain(receive: Receive) -> None:
    """Read the body. A client that is still sending would see a closed connection instead of the response."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)


def _disk_is_full() -> ASGIApp:
    response = error(
        503, "Service Unavailable", code="DATABASE_FULL", message="the emulator's database cannot be written: make room on its disk"
    )
    response.headers["retry-after"] = "1"
    return response


def _too_large(limit: _BodyLimit) -> ASGIApp:
    return error(
        413,
        "Payload Too Large",
        code="PAYLOAD_TOO_LARGE",
        details={"endpoint_type": limit.kind, "max_bytes": limit.max_bytes},
        hint="Reduce size of your request body or use chunked upload for large files",
        message=f"Request body exceeds maximum size of {limit.text} for {limit.kind} endpoints",
    )


def _rate_limit(requests: int) -> RateLimit:
    return RateLimit(requests, f"API rate limit exceeded. Maximum {requests} requests per minute allowed.")


def _with_headers(count: WindowCount, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            # These replace the headers of a route with its own limit.
            MutableHeaders(scope=message).update(count.headers)
        await send(message)

    return send_with_headers
