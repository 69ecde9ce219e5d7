"""The listening socket, and Uvicorn's configuration of HTTP on it."""

from __future__ import annotations

import logging
import socket
import sys
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ..realtime.routes import TORN

_GRACE_SECONDS: Final = 2
"""Time that requests have to finish when the server shuts down."""

_PING_SECONDS: Final = 15
_PONG_SECONDS: Final = 60
_BACKLOG: Final = 2048
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # reachable here too when listening on all addresses

_SOCKET_LOGGER: Final = logging.getLogger(f"{__name__}.websockets")
_SOCKET_LOGGER.setLevel(logging.WARNING)


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


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket, which can also tear a connection down without a close frame. It logs no URL, which may hold a token."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = _SOCKET_LOGGER

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


def http_config(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """Uvicorn's configuration for an emulator; `more` are further arguments of `uvicorn.Config`."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # Uvicorn's log includes queries, which may hold tokens; ours does not
        server_header=False,
        ws=WebSocketProtocol,
        ws_per_message_deflate=False,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PONG_SECONDS,
        proxy_headers=False,  # the real server ignores X-Forwarded-For too
        timeout_graceful_shutdown=_GRACE_SECONDS,
        **more,
    )
