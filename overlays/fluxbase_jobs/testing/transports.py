"""Transports for httpx that reach a test server without a socket, from any thread and any event loop."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx

from .asgi import Answer, exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.types import ASGIApp

    from .event_loop import Background


class _Sending:
    """What both transports share: the way into the server's event loop.

    Args:
        background: the server's event loop.
        app: what answers there.

    """

    def __init__(self, background: Background, app: ASGIApp) -> None:
        self._background: Final = background
        self._app: Final = app

    def _begin(self, request: httpx.Request, body: bytes) -> Future[Answer | None]:
        future = self._background.start(exchange(self._app, request, body))
        if future is None:
            raise httpx.ConnectError("this test server is closed", request=request)
        return future


class Transport(_Sending, httpx.BaseTransport):
    """For httpx.Client."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.ReadTimeout: the answer has not come within the request's read timeout. The server goes on with it.
            httpx.RemoteProtocolError: the server closed the connection.
            httpx.ConnectError: the server is closed.

        """
        future = self._begin(request, request.read())
        try:
            return _response(request, future.result(_read_timeout(request)))
        except TimeoutError:
            raise _too_late(request) from None
        except CancelledError:
            raise _no_answer(request) from None


class AsyncTransport(_Sending, httpx.AsyncBaseTransport):
    """For httpx.AsyncClient, under asyncio or trio."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; see Transport."""
        future = self._begin(request, await request.aread())
        ended, tell = anyio.Event(), _caller_of_this_loop()
        future.add_done_callback(lambda _: tell(ended.set))
        with anyio.move_on_after(_read_timeout(request)):
            await ended.wait()
        if not future.done():
            raise _too_late(request)
        if future.cancelled():
            raise _no_answer(request)
        return _response(request, future.result())


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer, which may break off."""

    def __init__(self, request: httpx.Request, answer: Answer) -> None:
        self._request = request
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield self._answer.body
        if not self._answer.is_complete:
            raise _broken_off(self._request, self._answer)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def _response(request: httpx.Request, answer: Answer | None) -> httpx.Response:
    if answer is None:
        raise _no_answer(request)
    body = answer if request.method != "HEAD" else Answer(answer.status, answer.headers, b"", is_complete=True)
    return httpx.Response(answer.status, headers=answer.headers, stream=_Body(request, body), extensions={"http_version": b"HTTP/1.1"})


def _read_timeout(request: httpx.Request) -> float | None:
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    return timeouts.get("read")


# The words are those that httpx finds on sockets.


def _too_late(request: httpx.Request) -> httpx.ReadTimeout:
    return httpx.ReadTimeout("timed out", request=request)


def _no_answer(request: httpx.Request) -> httpx.RemoteProtocolError:
    return httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)


def _broken_off(request: httpx.Request, answer: Answer) -> httpx.RemoteProtocolError:
    announced = httpx.Headers(answer.headers).get("content-length", "unknown")
    text = f"peer closed connection without sending complete message body (received {len(answer.body)} bytes, expected {announced})"
    return httpx.RemoteProtocolError(text, request=request)


def _caller_of_this_loop() -> Callable[[Callable[[], object]], None]:
    """Return a function that calls another one in the running event loop, from any thread."""
    call: Callable[[Callable[[], object]], object] = _trio_call() or _asyncio_call()

    def call_there(function: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # that loop has ended: nobody waits
            call(function)

    return call_there


def _trio_call() -> Any:
    if trio := sys.modules.get("trio"):
        with suppress(RuntimeError):  # raised outside of its tasks
            trio.lowlevel.current_task()
            return trio.lowlevel.current_trio_token().run_sync_soon
    return None


def _asyncio_call() -> Any:
    return asyncio.get_running_loop().call_soon_threadsafe
