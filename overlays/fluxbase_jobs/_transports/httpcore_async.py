"""The async transport without httpx: single connections, the last used first. Each event loop has its own.

Under asyncio they are ours, and httpcore's under trio.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from typing import Any, Final, Self, TypeAlias, cast

import anyio
import httpcore
from anyio.lowlevel import RunVar

from ..errors import FluxbaseError
from .asyncio_connection import AsyncioConnection, in_asyncio
from .bounds import IDLE_SECONDS, MAX_IDLE, Body, Progress, ResponseTooLong
from .certificates import TlsContext
from .clock import fail_after, monotonic
from .httpcore_messages import CONNECT_SECONDS, FAULTS, WRITE_BYTES, core_request, finished, is_replaced, origin_of, send_error
from .messages import Headers, RawResponse, Request, address, user_agent
from .proxies import Proxied, async_through

_LOOP: Final = RunVar[object]("fluxbase_jobs.loop")
"""Stands for the running event loop, of asyncio or trio."""


class AsyncHttpcoreTransport:
    """Sends each request over an idle connection of the running event loop, or a new one where none is idle.

    A connection belongs to its event loop: in another one it fails with "Event loop is closed", and only its own loop can close it.
    """

    name = "httpcore"

    def __init__(self) -> None:
        self._idle: dict[object, tuple[deque[_Connection], AsyncGenerator[deque[_Connection]]]] = {}
        self._tls = TlsContext()
        self._proxied = Proxied(async_through)
        self._user_agent = user_agent()
        self._closed = False

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        if self._closed:
            raise RuntimeError("this client is closed")
        return self

    async def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request and read the whole response within `timeout` seconds; what goes wrong is returned."""
        server, _ = address(request)
        context = self._tls.context(server)
        if isinstance(context, FluxbaseError):
            return context
        route = self._proxied.route(server, context)
        if isinstance(route, FluxbaseError):
            return route
        if route is not None:
            return await route.send(request, timeout)
        return await self._send(request, server, context, timeout)

    async def close(self) -> None:
        """Close the connections of this event loop; those of others close with them."""
        self._closed = True
        if own := self._idle.get(_this_loop()):
            await own[1].aclose()
        for proxied in self._proxied.transports():
            await proxied.close()

    async def _send(self, request: Request, server: str, context: ssl.SSLContext | None, timeout: float) -> RawResponse | FluxbaseError:
        end = monotonic() + timeout
        idle = await self._connections()
        try:
            connection = await self._connection(idle, server, context, timeout)
            response, reusable = await connection.send(request, self._user_agent, end - monotonic())
        except FAULTS as fault:
            return send_error(fault, request, timeout)
        if reusable and not self._closed and len(idle) < MAX_IDLE:
            idle.append(connection)
        else:
            await connection.close()
        return response

    async def _connection(self, idle: deque[_Connection], server: str, context: ssl.SSLContext | None, timeout: float) -> _Connection:
        kind = AsyncioConnection if in_asyncio() and not _is_replaced() else HttpcoreConnection
        while idle:
            connection = idle.pop()
            if type(connection) is kind and connection.is_usable():
                return connection
            await connection.close()
        self.opened()
        return await kind.opened(origin_of(server), context, timeout)

    async def _connections(self) -> deque[_Connection]:
        """The idle connections of the running event loop."""
        loop = _this_loop()
        if loop not in self._idle:
            lifetime = self._lifetime(loop)
            self._idle[loop] = await anext(lifetime), lifetime
        return self._idle[loop][0]

    async def _lifetime(self, loop: object) -> AsyncGenerator[deque[_Connection]]:
        """Connections that are open until this generator is closed: event loops close, at their end, the generators that are left."""
        idle: deque[_Connection] = deque()
        try:
            yield idle
        finally:
            self._idle.pop(loop, None)
            with anyio.CancelScope(shield=True):  # trio closes such generators in a cancelled scope
                while idle:
                    await idle.pop().close()


class HttpcoreConnection:
    """One connection of httpcore, for trio and for what replaces httpcore's methods. Its deadlines are those of a cancel scope."""

    def __init__(self, origin: httpcore.Origin, context: ssl.SSLContext | None) -> None:
        self._progress = Progress()
        self._http = httpcore.AsyncHTTPConnection(
            origin, ssl_context=context, keepalive_expiry=IDLE_SECONDS, network_backend=_Backend(self._progress)
        )

    @classmethod
    async def opened(cls, origin: httpcore.Origin, context: ssl.SSLContext | None, timeout: float) -> Self:  # noqa: ARG003  # connects when it sends
        """A new connection."""
        return cls(origin, context)

    async def send(self, request: Request, user_agent: bytes, timeout: float) -> tuple[RawResponse, bool]:
        """The response, and whether the connection may be used again."""
        with fail_after(timeout):
            return await self._send(core_request(request, user_agent))

    async def _send(self, request: httpcore.Request) -> tuple[RawResponse, bool]:
        self._progress.begin(float("inf"))
        try:
            response = await self._http.handle_async_request(request)
            headers = Headers(response.headers)
            body = Body(response.status, headers)
            await self._read(response, body)
            await response.aclose()
            received, reusable = finished(response, headers, body, self._progress)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._http.aclose()
            raise
        return received, reusable and self._http.is_idle()

    async def _read(self, response: httpcore.Response, body: Body) -> None:
        """Read the body up to its limit. httpcore's generators are run to their end: trio warns of those that are not."""
        fault: Exception | None = None
        try:
            async for piece in response.aiter_stream():
                if fault is None:
                    try:
                        body.add(piece)
                    except ResponseTooLong as error:
                        fault = error
                        await self._http.aclose()
        except Exception as error:  # noqa: BLE001  # raised again, or what led to it
            raise fault or error from None
        if fault is not None:
            raise fault

    def is_usable(self) -> bool:
        """Whether it is open and nothing waits on it, which would be no answer to the next request."""
        return self._http.is_available() and not self._http.has_expired()

    async def close(self) -> None:
        """Close it."""
        await self._http.aclose()


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections that count what comes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the cancel scope takes its place
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; anyio tries the addresses of a name one after the other, a quarter of a second apart."""
        stream = await self._inner.connect_tcp(host, port, CONNECT_SECONDS, local_address, socket_options)
        return _Stream(stream, self._progress)


class _Stream(httpcore.AsyncNetworkStream):
    """A stream that counts what comes. A short request is written at once, head and body."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, progress: Progress) -> None:
        self._inner, self._progress = inner, progress
        self._unsent = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # the cancel scope takes its place
        with suppress(httpcore.WriteError):  # the server may have answered before it closed the connection
            await self._flush()
        data = await self._inner.read(max_bytes)
        self._progress.note(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # the cancel scope takes its place
        self._unsent += buffer
        if len(self._unsent) > WRITE_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        unsent, self._unsent = self._unsent, b""
        if unsent:
            await self._inner.write(unsent)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  # the cancel scope takes its place
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._inner.start_tls(ssl_context, server_hostname), self._progress)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


_Connection: TypeAlias = AsyncioConnection | HttpcoreConnection


def _is_replaced() -> bool:
    return is_replaced(httpcore.AsyncHTTPConnection.handle_async_request)


def _this_loop() -> object:
    loop = _LOOP.get(None)
    if loop is None:
        loop = object()
        _LOOP.set(loop)
    return loop
