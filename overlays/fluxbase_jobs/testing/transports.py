"""httpx transports that call a test server without a socket, from any thread and any event loop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Final

import anyio
import httpx
from attrs import define, field, frozen
from starlette.types import ASGIApp, Message, Scope

from ..emulator.faults.injection import EXTENSION
from .event_loop import EventLoopThread

_CLIENT: Final = ("127.0.0.1", 50000)
_LOGGER: Final = logging.getLogger(__name__)
_SERVER_ERROR: Final[tuple[Message, Message]] = (
    {"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"text/plain; charset=utf-8")]},
    {"type": "http.response.body", "body": b"Internal Server Error"},
)


class _InProcess:
    """The part that both transports share: start a request in the server's event loop.

    Args:
        loop: the server's event loop.
        app: the ASGI application that responds.
    """

    def __init__(self, loop: EventLoopThread, app: ASGIApp) -> None:
        self._loop: Final = loop
        self._app: Final = app

    def _start(self, request: httpx.Request, body: bytes) -> Future[_AsgiResponse | None]:
        future = self._loop.start(_call_app(self._app, request, body))
        if future is None:
            raise httpx.ConnectError("this test server is closed", request=request)
        return future


class Transport(_InProcess, httpx.BaseTransport):
    """The transport for httpx.Client."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.ReadTimeout: no response within the request's read timeout. The server continues to handle the request.
            httpx.RemoteProtocolError: the server closed the connection.
            httpx.ConnectError: the server is closed.
        """
        future = self._start(request, request.read())
        try:
            return _response(request, future.result(_read_timeout(request)))
        except TimeoutError:
            raise _read_timed_out(request) from None
        except CancelledError:
            raise _disconnected(request) from None


class AsyncTransport(_InProcess, httpx.AsyncBaseTransport):
    """The transport for httpx.AsyncClient, under asyncio or trio."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; see Transport."""
        future = self._start(request, await request.aread())
        done, call_in_this_loop = anyio.Event(), _threadsafe_call()
        future.add_done_callback(lambda _: call_in_this_loop(done.set))
        with anyio.move_on_after(_read_timeout(request)):
            await done.wait()
        if not future.done():
            raise _read_timed_out(request)
        if future.cancelled():
            raise _disconnected(request)
        return _response(request, future.result())


@frozen
class _AsgiResponse:
    """What the application sent before the connection was closed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    is_complete: bool


@define
class _Connection:
    """The ASGI connection of one request."""

    _unread: bytes | None
    start: Message | None = None
    _body: bytearray = field(factory=bytearray)
    _is_complete: bool = False
    _closed: asyncio.Event = field(factory=asyncio.Event)

    async def receive(self) -> Message:
        """Pass the whole request body on first, then wait for the end of the connection."""
        if self._unread is not None:
            body, self._unread = self._unread, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._closed.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Store a part of the response."""
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self._is_complete = True
                self._closed.set()

    def close(self) -> None:
        """Close the connection."""
        self._closed.set()

    def response(self) -> _AsgiResponse | None:
        """The response as the client receives it; None without a status line."""
        if self.start is None:
            return None
        return _AsgiResponse(self.start["status"], list(self.start.get("headers", [])), bytes(self._body), self._is_complete)


async def _call_app(app: ASGIApp, request: httpx.Request, body: bytes) -> _AsgiResponse | None:
    """Send a request to the application; None if it closes the connection without a response."""
    connection = _Connection(body)
    try:
        await app(_scope(request, connection), connection.receive, connection.send)
    except Exception:
        _LOGGER.exception("the emulator failed at %s %s", request.method, request.url.path)
        if connection.start is None:
            for message in _SERVER_ERROR:
                await connection.send(message)
    return connection.response()


def _scope(request: httpx.Request, connection: _Connection) -> Scope:
    url = request.url
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": _CLIENT,
        "server": (url.host, url.port),
        "state": {},
        "extensions": {EXTENSION: {"close_connection": connection.close}},
    }
    return scope


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body; reading an incomplete one raises at its end."""

    def __init__(self, request: httpx.Request, response: _AsgiResponse) -> None:
        self._request = request
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield self._response.body
        if not self._response.is_complete:
            raise _incomplete_body(self._request, self._response)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def _response(request: httpx.Request, response: _AsgiResponse | None) -> httpx.Response:
    if response is None:
        raise _disconnected(request)
    shown = response if request.method != "HEAD" else _AsgiResponse(response.status, response.headers, b"", is_complete=True)
    stream = _Body(request, shown)
    return httpx.Response(response.status, headers=response.headers, stream=stream, extensions={"http_version": b"HTTP/1.1"})


def _read_timeout(request: httpx.Request) -> float | None:
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    return timeouts.get("read")


# The messages of the three errors are those of httpx on a socket.


def _read_timed_out(request: httpx.Request) -> httpx.ReadTimeout:
    return httpx.ReadTimeout("timed out", request=request)


def _disconnected(request: httpx.Request) -> httpx.RemoteProtocolError:
    return httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)


def _incomplete_body(request: httpx.Request, response: _AsgiResponse) -> httpx.RemoteProtocolError:
    expected = httpx.Headers(response.headers).get("content-length", "unknown")
    text = f"peer closed connection without sending complete message body (received {len(response.body)} bytes, expected {expected})"
    return httpx.RemoteProtocolError(text, request=request)


def _threadsafe_call() -> Callable[[Callable[[], object]], None]:
    """A function that any thread can use to call another function in the running event loop."""
    call: Callable[[Callable[[], object]], object] = _trio_call() or _asyncio_call()

    def call_in_loop(function: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has ended, so nothing waits any more
            call(function)

    return call_in_loop


def _trio_call() -> Any:
    if trio := sys.modules.get("trio"):
        with suppress(RuntimeError):  # raised outside of trio's tasks
            trio.lowlevel.current_task()
            return trio.lowlevel.current_trio_token().run_sync_soon
    return None


def _asyncio_call() -> Any:
    return asyncio.get_running_loop().call_soon_threadsafe
