"""Serving an emulator over HTTP: the socket, the start, the end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import uvicorn

from .app import Emulator
from .execution import THREAD_NAME
from .reloading import reload_on_change
from .start_up import start_up_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType

    from .functions import FunctionSet
    from .handlers_file import HandlersFile
    from .settings import Settings

_GRACE_SECONDS = 2
_BACKLOG = 2048
_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens on all addresses is also here


class UnusableAddressError(Exception):
    """The address cannot be listened on; the text says why and what to do."""


def serve(settings: Settings, functions: FunctionSet, host: str, port: int, watched: HandlersFile | None = None) -> None:
    """Serve an emulator until SIGINT or SIGTERM.

    Args:
        settings: how it behaves.
        functions: what it can run at first.
        host: the address to listen on.
        port: 0 picks a free one.
        watched: the handlers file that is read again when it changes.

    Raises:
        UnusableAddressError: the port is in use, the host is not this machine's, ...
        UnusableDatabaseError: the settings' database cannot be opened.

    """
    with listen(host, port) as listener:
        emulator = Emulator(settings, functions)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)
        config = uvicorn.Config(
            emulator.app,
            log_config=None,
            access_log=False,  # Uvicorn's would show queries, which may hold tokens; ours does not
            server_header=False,
            ws="none",  # an Upgrade is no route here, whatever websocket library is installed
            proxy_headers=False,  # the real server does not look at X-Forwarded-For either
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
        lines = start_up_lines(emulator, functions, url_of(listener), listener.getsockname()[0])
        beside = partial(reload_on_change, watched, emulator.replace_functions) if watched else None
        _Server(config, lines, beside).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn's, which says when it is ready and has something done meanwhile."""

    def __init__(self, config: uvicorn.Config, lines: list[str], beside: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        super().__init__(config)
        self._lines = lines
        self._beside = beside
        self._task: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so: a client that has read the lines can connect."""
        await super().startup(sockets)
        if self._beside:
            self._task = asyncio.create_task(self._beside())
        if self.started:
            print("\n".join(self._lines), flush=True)  # noqa: T201

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End well at the first signal and at once at the next, not half: what was acknowledged is on disk anyway."""
        if self.should_exit:
            _end_at_once()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what runs beside, then the server."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await super().shutdown(sockets)


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Tell whether a record is worth a line: Uvicorn logs the requests that its own shutdown cuts off as errors of the application."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


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


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End well: when all is shut down, Uvicorn hands the signal that stopped it on to here."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        # A sync handler cannot be ended from outside. The interpreter's own end may crash on its last print().
        _end_at_once()
    sys.exit(0)


def _end_at_once() -> NoReturn:
    sys.stdout.flush()
    os._exit(0)
