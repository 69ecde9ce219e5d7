"""Serving an emulator over HTTP: the start and the end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import uvicorn

from ..app import Emulator
from ..runtime.run import THREAD_NAME
from .banner import start_up_lines
from .reloader import reload_on_change
from .sockets import http_config, listen, url_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine
    from types import FrameType

    from ..handlers.decorator import FunctionSet
    from ..handlers.handlers_file import HandlersFile
    from ..settings import Settings


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
        config = http_config(emulator.app)
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


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End well: when all is shut down, Uvicorn hands the signal that stopped it on to here."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        # A handler that does not end, in a long call into C say, cannot be waited for. The interpreter's own end may crash on its
        # last print().
        _end_at_once()
    sys.exit(0)


def _end_at_once() -> NoReturn:
    sys.stdout.flush()
    os._exit(0)
