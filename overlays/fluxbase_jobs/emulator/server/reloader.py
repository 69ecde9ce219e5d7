"""Reload of the handlers file after a change of it or of what it imports from beside it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from threading import Thread
from typing import TYPE_CHECKING

from watchfiles import PythonFilter, awatch

from ..handlers.decorator import described
from ..handlers.loader import UnusableHandlersError
from ..runtime.run import THREAD_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..handlers.decorator import FunctionSet
    from ..handlers.handlers_file import HandlersFile

_LOGGER = logging.getLogger(__name__)
_SETTLED_MS = 50
"""How long nothing more may change before a change counts: editors write in several steps."""


async def reload_on_change(handlers: HandlersFile, replace: Callable[[FunctionSet], None]) -> None:
    """Read the file whenever it has changed, and hand on what is in it, until cancelled.

    A file that cannot be used is a line in the log, and the functions stay as they were.

    Args:
        handlers: the file.
        replace: takes the functions.

    """
    try:
        while True:
            await _until_folders_change(handlers, replace)
    except (OSError, RuntimeError) as error:  # too many watches on this machine, or the folder is gone
        _LOGGER.warning("%s is not watched any more (%s): start again to load changes", handlers.path, error)


async def _until_folders_change(handlers: HandlersFile, replace: Callable[[FunctionSet], None]) -> None:
    folders = handlers.folders()
    async with aclosing(awatch(*folders, watch_filter=PythonFilter(), step=_SETTLED_MS, recursive=False)) as changes:
        async for _ in changes:
            await _in_thread(lambda: _reload(handlers, replace))
            if handlers.folders() != folders:
                return


def _reload(handlers: HandlersFile, replace: Callable[[FunctionSet], None]) -> None:
    try:
        functions = handlers.load()
    except UnusableHandlersError as error:
        _LOGGER.warning("not reloaded, the functions stay as they were: %s", error)
        return
    replace(functions)
    _LOGGER.info("reloaded %s: %s", handlers.path, described(functions))


async def _in_thread(work: Callable[[], None]) -> None:
    """Do work that may block for ever, as a handlers file may: the thread is one that the program's end does not wait for."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:  # whatever a file has raised: the next change is waited for
            with suppress(RuntimeError):  # the loop has closed: the program is ending
                loop.call_soon_threadsafe(done.set)

    Thread(target=run, name=f"{THREAD_NAME} handlers", daemon=True).start()
    await done.wait()
