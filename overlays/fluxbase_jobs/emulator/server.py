"""Serving an emulator over HTTP: the socket, the start-up lines, the end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

from .app import DEVELOPER, Emulator
from .execution import THREAD_NAME

if TYPE_CHECKING:
    from types import FrameType

    from .functions import FunctionSet
    from .settings import Settings

_GRACE_SECONDS = 2
_BACKLOG = 2048


class UnusableAddressError(Exception):
    """The address cannot be listened on; the text says why and what to do."""


def serve(settings: Settings, functions: FunctionSet, host: str, port: int) -> None:
    """Serve an emulator until SIGINT or SIGTERM. Port 0 picks a free one.

    Raises:
        UnusableAddressError: the port is in use, the host is not this machine's, ...
        UnusableDatabaseError: the settings' database cannot be opened.

    """
    with listen(host, port) as listener:
        emulator = Emulator(settings, functions)
        config = uvicorn.Config(
            emulator.app,
            log_config=None,
            access_log=False,  # Uvicorn's would show queries, which may hold tokens; ours does not
            server_header=False,
            proxy_headers=False,  # the real server does not look at X-Forwarded-For either
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)
        _Server(config, emulator, functions, url_of(listener)).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, emulator: Emulator, functions: FunctionSet, url: str) -> None:
        super().__init__(config)
        self._emulator = emulator
        self._functions = functions
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so: a client that has read the lines can connect."""
        await super().startup(sockets)
        if self.started:
            print("\n".join(_start_up_lines(self._emulator, self._functions, self._url)), flush=True)  # noqa: T201


def _start_up_lines(emulator: Emulator, functions: FunctionSet, url: str) -> list[str]:
    settings = emulator.settings
    names = ", ".join(f"{definition.namespace}/{definition.name}" for definition in functions)
    return [
        f"fluxbase-jobs emulator ({settings.profile.name}) on {url}",
        f"  service key: {emulator.service_key()}",
        f"  user key:    {emulator.user_key()}  ({DEVELOPER})",
        f"  functions:   {names or 'none: name a handlers file with --functions FILE.py'}",
        f"  database:    {settings.database or 'in memory, gone at the end: keep it with --database FILE'}",
        "  keys are good for 24 hours; stop with Ctrl-C",
    ]


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
    except OSError as error:
        message = f"cannot listen on {host} port {port} ({error.strerror}): choose another with --host or --port"
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
    """Return the URL at which a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End well: when all is shut down, Uvicorn hands the signal that stopped it on to here."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        # A sync handler cannot be ended from outside. The interpreter's own end may crash on its last print().
        sys.stdout.flush()
        os._exit(0)
    sys.exit(0)
