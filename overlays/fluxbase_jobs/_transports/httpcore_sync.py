"""The default transport of the sync client: single connections, the last used first. Each process has its own."""

from __future__ import annotations

import os
import ssl
from collections import deque
from typing import Self, TypeAlias

import httpcore

from ..errors import FluxbaseError
from .bounds import MAX_IDLE, Body
from .certificates import TlsContext
from .clock import monotonic
from .httpcore_messages import FAULTS, core_request, is_replaced, origin_of, send_error
from .messages import Headers, RawResponse, Request, address, user_agent
from .proxies import Proxied, sync_through
from .socket_connection import SocketConnection


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
            connection = self._connection(server, context, deadline)
            reusable = False
            try:
                response, reusable = connection.send(request, self._user_agent, deadline)
            finally:
                self._release(connection, reusable=reusable)
        except FAULTS as fault:
            return send_error(fault, request, timeout)
        return response

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        self._drain()
        for proxied in self._proxied.transports():
            proxied.close()

    def _connection(self, server: str, context: ssl.SSLContext | None, deadline: float) -> _Connection:
        kind = HttpcoreConnection if _is_replaced() else SocketConnection
        if self._process != os.getpid():
            # A connection must not be shared with the process that this one was forked from, where it stays open.
            inherited, self._idle, self._process = self._idle, deque(), os.getpid()
            for connection in inherited:
                connection.close()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                self.opened()
                return kind.opened(origin_of(server), context, deadline)
            if type(connection) is kind and connection.is_usable():
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


class HttpcoreConnection:
    """One request over httpcore, for what replaces httpcore's methods to answer or trace requests. Used once, within httpcore's timeouts."""

    def __init__(self, origin: httpcore.Origin, context: ssl.SSLContext | None) -> None:
        self._http = httpcore.HTTPConnection(origin, ssl_context=context)

    @classmethod
    def opened(cls, origin: httpcore.Origin, context: ssl.SSLContext | None, deadline: float) -> Self:  # noqa: ARG003  # connects when it sends
        """A new connection."""
        return cls(origin, context)

    def send(self, request: Request, user_agent: bytes, deadline: float) -> tuple[RawResponse, bool]:
        """The response, and that the connection may not be used again."""
        response = self._http.handle_request(core_request(request, user_agent, max(deadline - monotonic(), 0.001)))
        body = Body(response.status, headers := Headers(response.headers))
        body.add_all(response.iter_stream())
        response.close()
        return RawResponse(response.status, headers, body.content()), False

    def is_usable(self) -> bool:
        """Whether it may be used again."""
        return False

    def close(self) -> None:
        """Close it."""
        self._http.close()


_Connection: TypeAlias = SocketConnection | HttpcoreConnection


def _is_replaced() -> bool:
    return is_replaced(httpcore.HTTPConnection.handle_request)
