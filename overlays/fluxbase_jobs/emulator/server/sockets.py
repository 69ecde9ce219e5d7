"""The socket that an emulator listens on, and how it speaks HTTP there."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_GRACE_SECONDS = 2
_BACKLOG = 2048
_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens on all addresses is also here


class UnusableAddressError(Exception):
    """The address cannot be listened on; the text says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 picks a free one.

    Raises:
        UnusableAddressError: see there.

    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol named: asyncio turns Nagle's delay off only then, and that delay is 40 ms a request.
        listener = socket.socket(family, kind, protocol)
        return _bound(listener, address)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host name"
        message = f"cannot listen on {host} port {port} ({reason}): choose another with --host or --port"
        raise UnusableAddressError(message) from error


def _bound(listener: socket.socket, address: Any) -> socket.socket:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL at which clients on this machine find a listening socket."""
    address, port = listener.getsockname()[:2]
    host = str(_THIS_MACHINE.get(address, address))
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def http_config(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """Return how Uvicorn answers for an emulator; `more` is what else `uvicorn.Config` takes."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # Uvicorn's would show queries, which may hold tokens; ours does not
        server_header=False,
        ws="none",  # an Upgrade is no route here, whatever websocket library is installed
        proxy_headers=False,  # the real server does not look at X-Forwarded-For either
        timeout_graceful_shutdown=_GRACE_SECONDS,
        **more,
    )
