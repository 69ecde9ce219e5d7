"""The sync transport without httpx: single httpcore connections, the last used first. Each process has its own connections."""

from __future__ import annotations

import os
import socket
import ssl
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self

import httpcore

from .._clock import monotonic
from ..errors import FluxbaseError
from .bounds import IDLE_SECONDS, MAX_IDLE, Body, Progress
from .certificates import TlsContext
from .httpcore_messages import (
    CONNECT_SECONDS,
    FAULTS,
    WRITE_BYTES,
    core_request,
    finished,
    origin_of,
    send_error,
)
from .messages import Headers, RawResponse, Request, address, user_agent
from .proxies import Proxied, sync_through


class HttpcoreTransport:
    """Sends each request over an idle connection, or a new one where none is idle."""

    name = "httpcore"

    def __init__(self) -> None:
        self._idle: deque[_Connection] = deque()
        self._process = os.getpid()
        self._tls = TlsContext()
        self._proxied = Proxied(sync_through)
        self._user_agent = user_agent()
        self._closed = False

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        if self._closed:
            raise RuntimeError("this client is closed")
        return self

    def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request and read the whole response within `timeout` seconds; what goes wrong is returned."""
        deadline = monotonic() + timeout
        server, _ = address(request)
        context = self._tls.context(server)
        if isinstance(context, FluxbaseError):
            return context
        route = self._proxied.route(server, context)
        if isinstance(route, FluxbaseError):
            return route
        if route is not None:
            return route.send(request, timeout)
        try:
            connection = self._connection(server, context)
            response, reusable = connection.send(core_request(request, self._user_agent), deadline)
        except FAULTS as fault:
            return send_error(fault, request, timeout)
        self._release(connection, reusable=reusable)
        return response

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        self._drain()
        for proxied in self._proxied.transports():
            proxied.close()

    def _connection(self, server: str, context: ssl.SSLContext | None) -> _Connection:
        if self._process != os.getpid():
            # A connection must not be shared with the process that this one was forked from.
            self._idle, self._process = deque(), os.getpid()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                self.opened()
                return _Connection(origin_of(server), context)
            if connection.is_usable():
                return connection
            connection.close()

    def _release(self, connection: _Connection, *, reusable: bool) -> None:
        if reusable and not self._closed and len(self._idle) < MAX_IDLE and self._process == os.getpid():
            self._idle.append(connection)
            if self._closed:
                self._drain()
        else:
            connection.close()

    def _drain(self) -> None:
        while self._idle:
            self._idle.pop().close()


class _Connection:
    """One connection. Each of its waits ends at the deadline of the current request."""

    def __init__(self, origin: httpcore.Origin, context: ssl.SSLContext | None) -> None:
        self._progress = Progress()
        self._http = httpcore.HTTPConnection(
            origin, ssl_context=context, keepalive_expiry=IDLE_SECONDS, network_backend=_Backend(self._progress)
        )

    def send(self, request: httpcore.Request, deadline: float) -> tuple[RawResponse, bool]:
        """The response, and whether the connection may be used again."""
        self._progress.begin(deadline)
        try:
            response = self._http.handle_request(request)
            headers = Headers(response.headers)
            body = Body(response.status, headers)
            body.add_all(response.iter_stream())
            response.close()
            received, reusable = finished(response, headers, body, self._progress)
        except BaseException:
            self._http.close()
            raise
        return received, reusable and self._http.is_idle()

    def is_usable(self) -> bool:
        """Whether it is open and nothing waits on it, which would be no answer to the next request."""
        return self._http.is_available() and not self._http.has_expired()

    def close(self) -> None:
        """Close it."""
        self._http.close()


class _Backend(httpcore.NetworkBackend):
    """Opens connections whose reads and writes end at the deadline."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._inner = progress, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the deadline takes its place
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a name that answers; all of them share the deadline."""
        fault: Exception = httpcore.ConnectError("the name has no address")
        for address_info in _addresses(host, port):
            seconds = min(CONNECT_SECONDS, self._progress.left(httpcore.ConnectTimeout))
            try:
                stream = self._inner.connect_tcp(address_info, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return _Stream(stream, self._progress)
        raise fault


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise httpcore.ConnectError(str(fault)) from None
    return [str(entry[4][0]) for entry in found]


class _Stream(httpcore.NetworkStream):
    """A stream whose every wait ends at the deadline, and which counts what comes. A short request is written at once, head and body."""

    def __init__(self, inner: httpcore.NetworkStream, progress: Progress) -> None:
        self._inner, self._progress = inner, progress
        self._unsent = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # the deadline takes its place
        with suppress(httpcore.WriteError):  # the server may have answered before it closed the connection
            self._flush()
        data = self._inner.read(max_bytes, self._progress.left(httpcore.ReadTimeout))
        self._progress.note(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # the deadline takes its place
        self._unsent += buffer
        if len(self._unsent) > WRITE_BYTES:
            self._flush()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, b""
        for start in range(0, len(unsent), WRITE_BYTES):
            self._inner.write(unsent[start : start + WRITE_BYTES], self._progress.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  # as above
    ) -> httpcore.NetworkStream:
        seconds = self._progress.left(httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds), self._progress)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
