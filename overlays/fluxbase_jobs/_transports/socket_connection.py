"""A connection of the sync client: a socket whose every wait ends at the deadline of the current request."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self

import httpcore

from .bounds import IDLE_SECONDS
from .clock import monotonic
from .http1 import ResponseReader, request_bytes
from .httpcore_messages import CONNECT_SECONDS
from .messages import RawResponse, Request

READ_BYTES: Final = 2**16
"""Bytes that are read at once."""
LONG_READ_BYTES: Final = 2**20
"""The same of a long body."""


class SocketConnection:
    """One connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._idle_since = monotonic()

    @classmethod
    def opened(cls, origin: httpcore.Origin, context: ssl.SSLContext | None, deadline: float) -> Self:
        """A new connection. Raises httpcore.ConnectError and httpcore.ConnectTimeout."""
        host = origin.host.decode("ascii")
        connected = _connected(host, origin.port or (443 if context else 80), deadline)
        if context is None:
            return cls(connected)
        context.set_alpn_protocols(["http/1.1"])
        try:
            connected.settimeout(_left(deadline, httpcore.ConnectTimeout))
            return cls(context.wrap_socket(connected, server_hostname=host))
        except TimeoutError:
            connected.close()
            raise httpcore.ConnectTimeout from None
        except OSError as fault:
            connected.close()
            raise httpcore.ConnectError(str(fault)) from None

    def send(self, request: Request, user_agent: bytes, deadline: float) -> tuple[RawResponse, bool]:
        """The response, and whether the connection may be used again."""
        reader = ResponseReader()
        try:
            with suppress(httpcore.WriteError):  # the server may have answered before it closed the connection
                self._write(memoryview(request_bytes(request, user_agent)), deadline)
            self._read(reader, deadline)
        except BaseException:
            self._socket.close()
            raise
        self._idle_since = monotonic()
        return reader.response(), reader.reusable

    def is_usable(self) -> bool:
        """Whether it is open and nothing waits on it, which would be no answer to the next request."""
        return monotonic() - self._idle_since <= IDLE_SECONDS and not is_readable(self._socket)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _write(self, unsent: memoryview, deadline: float) -> None:
        try:
            while unsent:
                self._socket.settimeout(_left(deadline, httpcore.WriteTimeout))
                unsent = unsent[self._socket.send(unsent) :]
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except OSError as fault:
            raise httpcore.WriteError(type(fault).__name__) from None

    def _read(self, reader: ResponseReader, deadline: float) -> None:
        size = READ_BYTES
        try:
            while True:
                self._socket.settimeout(_left(deadline, httpcore.ReadTimeout))
                data = self._socket.recv(size)
                if not data:
                    return reader.end()
                if reader.feed(data):
                    return None
                size = LONG_READ_BYTES if len(data) == size else READ_BYTES
        except TimeoutError:
            raise httpcore.ReadTimeout from None
        except OSError as fault:
            raise httpcore.ReadError(type(fault).__name__) from None


def is_readable(connected: socket.socket) -> bool:
    """Whether something waits to be read, or the connection has ended."""
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connected], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """A socket that is connected to the first address of a name that answers; all of them share the deadline."""
    fault: Exception = httpcore.ConnectError("the name has no address")
    for family, kind, protocol, _, address in _addresses(host, port):
        seconds = min(CONNECT_SECONDS, _left(deadline, httpcore.ConnectTimeout))
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.settimeout(seconds)
            connecting.connect(address)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException as error:
            connecting.close()
            if not isinstance(error, OSError):
                raise
            fault = httpcore.ConnectTimeout() if isinstance(error, TimeoutError) else httpcore.ConnectError(str(error))
        else:
            return connecting
    raise fault


def _addresses(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise httpcore.ConnectError(str(fault)) from None


def _left(deadline: float, late: type[Exception]) -> float:
    """The seconds left; raises `late` where there are none."""
    left = deadline - monotonic()
    if left <= 0:
        raise late
    return left
