"""Serve an emulator with Uvicorn: start, start-up lines, signals, shutdown."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from ipaddress import ip_address
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from ..app import DEVELOPER, Emulator
from ..handlers.decorator import FunctionSet, describe
from ..handlers.loader import HandlersFile
from ..runtime.run import THREAD_NAME
from ..settings import Settings
from .reloader import reload_on_change
from .sockets import http_config, listen, url_of


def serve(settings: Settings, functions: FunctionSet, host: str, port: int, watched: HandlersFile | None = None) -> None:
    """Serve an emulator until SIGINT or SIGTERM.

    Args:
        settings: its behaviour.
        functions: the job functions it can run at first.
        host: the address to listen on.
        port: the port to listen on; 0 picks a free one.
        watched: a handlers file to reload when it changes.

    Raises:
        UnusableAddressError: the port is in use, the host is not an address of this machine, ...
        UnusableDatabaseError: the settings' database cannot be opened.
    """
    with listen(host, port) as listener:
        emulator = Emulator(settings, functions)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _exit_after_shutdown)
        config = http_config(emulator.app)
        logging.getLogger("uvicorn.error").addFilter(_is_not_cancellation)
        lines = _start_up_lines(emulator, functions, url_of(listener), listener.getsockname()[0])
        background = partial(reload_on_change, watched, emulator.replace_functions) if watched else None
        _Server(config, lines, background).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A Uvicorn server that prints lines when it is ready and runs a background task."""

    def __init__(self, config: uvicorn.Config, lines: list[str], background: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        super().__init__(config)
        self._lines = lines
        self._background = background
        self._task: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the lines: whoever has read them can connect."""
        await super().startup(sockets)
        if self._background:
            self._task = asyncio.create_task(self._background())
        if self.started:
            print("\n".join(self._lines), flush=True)  # noqa: T201  # the program's output

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shut down gracefully at the first signal, and exit at once at the second: acknowledged data is on disk already."""
        if self.should_exit:
            _exit_at_once()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the background task, then the server."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await super().shutdown(sockets)


def _start_up_lines(emulator: Emulator, functions: FunctionSet, url: str, address: str) -> list[str]:
    """The lines printed when the server is ready: its URL, keys, functions and database.

    Args:
        emulator: issues the keys.
        functions: the job functions it can run.
        url: its URL for clients on this machine.
        address: the IP address it listens on.
    """
    settings = emulator.settings
    lines = [
        f"fluxbase-jobs emulator ({settings.profile.name}) on {url}",
        f"  service key: {emulator.service_key()}",
        f"  user key:    {emulator.user_key()}  ({DEVELOPER})",
        f"  functions:   {describe(functions) or 'none: name a handlers file with --functions FILE.py'}",
        f"  database:    {settings.database or 'in memory, gone at the end: keep it with --database FILE'}",
    ]
    if not ip_address(address.partition("%")[0]).is_loopback:
        lines.append(f"  network:     open to all who reach {address}, and they can sign up: leave --host out if that is not wanted")
    return [*lines, "  keys are good for 24 hours; stop with Ctrl-C"]


def _is_not_cancellation(record: logging.LogRecord) -> bool:
    """Filter out the errors that Uvicorn logs for requests cut off by its own shutdown."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _exit_after_shutdown(_number: int, _frame: FrameType | None) -> None:
    """Exit when everything is shut down: Uvicorn then raises the signal that stopped it again, which calls this."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        # A handler that does not end, for example in a long call into C, cannot be waited for, and the interpreter's own
        # shutdown may crash in that handler's print().
        _exit_at_once()
    sys.exit(0)


def _exit_at_once() -> NoReturn:
    sys.stdout.flush()
    os._exit(0)
