"""The listening socket, and Uvicorn's configuration of HTTP on it."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from typing import Any, Final, cast

import h11
import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ..faults.frames import TORN
from ..faults.injection import EXTENSION

_GRACE_SECONDS: Final = 2
"""Time that requests have to finish when the server shuts down."""

_PING_SECONDS: Final = 15
_PONG_SECONDS: Final = 60
_REQUEST_SECONDS: Final = 20
_LOWEST_RATE: Final = 500
"""Bytes a second. A request must be read within 20 seconds and one more for each 500 bytes, as Apache's RequestReadTimeout has it."""
_BACKLOG: Final = 2048
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # reachable here too when listening on all addresses

_SOCKET_LOGGER: Final = logging.getLogger(f"{__name__}.websockets")
_SOCKET_LOGGER.setLevel(logging.WARNING)
_INVALID_TEXT: Final = "Invalid UTF-8 sequence received from client."
_SOCKET_LOGGER.addFilter(lambda record: record.msg != _INVALID_TEXT)  # Uvicorn logs a traceback for it, but it is the client's fault

_TWO_LENGTHS: Final = PlainTextResponse("A request has a Content-Length or a Transfer-Encoding, not both.\n", 400, {"connection": "close"})
_NO_UPGRADE: Final = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class UnusableAddressError(Exception):
    """The address cannot be listened on; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 picks a free one.

    Raises:
        UnusableAddressError: the port is in use, the host is not an address of this machine, ...
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With an explicit protocol: only then does asyncio set TCP_NODELAY, without which each request takes 40 ms longer.
        listener = socket.socket(family, kind, protocol)
        return _bind(listener, address)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host name"
        raise UnusableAddressError(f"cannot listen on {host} port {port} ({reason}): choose another with --host or --port") from error


def _bind(listener: socket.socket, address: Any) -> socket.socket:
    try:
        if sys.platform != "win32":  # there it would let two programs listen on one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL of a listening socket for clients on this machine."""
    address, port = listener.getsockname()[:2]
    host = str(_LOOPBACK.get(address, address))
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class HttpProtocol(H11Protocol):
    """Uvicorn's protocol, with an ASGI extension that closes the connection.

    Connections that send their request too slowly are closed, where Uvicorn waits for ever. So are those whose request
    has two lengths: a proxy may have believed the other one. It is always the protocol with h11, also where httptools is
    installed, because h11 bounds the size of a head.
    """

    _is_websocket = False
    _timer: asyncio.TimerHandle | None = None
    _began = 0.0
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as Uvicorn: asyncio declares BaseTransport
        """Give the application the extension, and wait for the first request."""
        super().connection_made(transport)
        self._start()
        app = cast("ASGIApp", self.app)

        async def with_extension(scope: Scope, receive: Receive, send: Send) -> None:
            # `close`, not `abort`, so that what was sent before still arrives.
            extension = {EXTENSION: {"close_connection": transport.close}}
            answering = _TWO_LENGTHS if _has_two_lengths(scope) else app
            try:
                await answering({**scope, "extensions": extension}, receive, send)
            except asyncio.CancelledError:
                if not transport.is_closing():
                    raise
                # Nobody waits for the response any more, and Uvicorn would log an error.

        self.app = with_extension

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        super().data_received(data)
        if not self._is_reading():
            self._stop()
            return
        if self._timer is None:
            self._start()
        self._received += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _is_reading(self) -> bool:
        """Whether a part of a request is missing. Uvicorn has a time limit of its own for the pause between two requests.

        Of a connection that has become a WebSocket h11 has not read the end of its request, and never will.
        """
        return not self._is_websocket and not self.transport.is_closing() and self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def _start(self) -> None:
        self._began, self._received = self.loop.time(), 0
        self._timer = self.loop.call_later(_REQUEST_SECONDS, self._check)

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        left = self._began + _REQUEST_SECONDS + self._received / _LOWEST_RATE - self.loop.time()
        if left > 0 or self.flow.read_paused:  # paused: the emulator is slow, not the client
            self._timer = self.loop.call_later(max(left, 1), self._check)
        else:
            self.transport.close()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Leave the connection to the WebSocket."""
        self._is_websocket = True
        self._stop()
        super().handle_websocket_upgrade(event)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket, which can also tear a connection down without a close frame. It logs no URL, which may hold a token.

    Requests that `websockets` cannot read, those with a body or a long head, are answered 400, where Uvicorn leaves them open.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = _SOCKET_LOGGER

    def data_received(self, data: bytes) -> None:
        """Read the request, which comes in one piece, and then frames."""
        super().data_received(data)
        if self.conn.handshake_exc and not self.transport.is_closing():
            self.transport.write(_NO_UPGRADE)
            self.transport.close()

    async def send(self, message: Any) -> None:
        """Send a message of the application."""
        if message["type"] == "websocket.close" and message.get("code") == TORN:
            self.handshake_complete = self.close_sent = True
            self.transport.close()  # not `abort`: what was sent before shall arrive
            return
        if message["type"] == "websocket.http.response.start":
            # `websockets` adds the length itself; earlier releases of Uvicorn (0.50, say) would send it twice.
            message = {**message, "headers": [header for header in message["headers"] if header[0].lower() != b"content-length"]}
        await super().send(message)


def _has_two_lengths(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "content-length" in headers and "transfer-encoding" in headers


def http_config(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """Uvicorn's configuration for an emulator; `more` are further arguments of `uvicorn.Config`."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # Uvicorn's log includes queries, which may hold tokens; ours does not
        server_header=False,
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_per_message_deflate=False,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PONG_SECONDS,
        proxy_headers=False,  # the real server ignores X-Forwarded-For too
        timeout_graceful_shutdown=_GRACE_SECONDS,
        **more,
    )
