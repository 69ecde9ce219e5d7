"""Reload the handlers file when it, or a module that it imports from beside it, changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from threading import Thread
from typing import Final

from watchfiles import PythonFilter, awatch

from ..handlers.decorator import FunctionSet, describe
from ..handlers.loader import HandlersFile, UnusableHandlersError
from ..runtime.run import THREAD_NAME
from ..store import FullDiskError

_LOGGER: Final = logging.getLogger(__name__)
_SETTLED_MS: Final = 50
"""How long a file must stay unchanged before it is reloaded: editors write in several steps."""


async def reload_on_change(handlers: HandlersFile, replace: Callable[[FunctionSet], None]) -> None:
    """Load the file whenever it has changed and pass on its functions, until cancelled.

    If the file cannot be loaded, one line is logged and the functions stay as they were.

    Args:
        handlers: the file.
        replace: called with the new functions.
    """
    try:
        while True:
            await _watch_until_folders_change(handlers, replace)
    except (OSError, RuntimeError) as error:  # too many watches on this machine, or the folder was deleted
        _LOGGER.warning("%s is not watched any more (%s): start again to load changes", handlers.path, error)


async def _watch_until_folders_change(handlers: HandlersFile, replace: Callable[[FunctionSet], None]) -> None:
    folders = handlers.folders()
    async with aclosing(awatch(*folders, watch_filter=PythonFilter(), step=_SETTLED_MS, recursive=False)) as changes:
        async for changed in changes:
            if handlers.is_affected_by(Path(path) for _, path in changed):
                await _run_in_daemon_thread(lambda: _reload(handlers, replace))
            if handlers.folders() != folders:
                return


def _reload(handlers: HandlersFile, replace: Callable[[FunctionSet], None]) -> None:
    try:
        functions = handlers.load()
        replace(functions)
    except (UnusableHandlersError, FullDiskError) as error:
        _LOGGER.warning("not reloaded, the functions stay as they were: %s", error)
        return
    _LOGGER.info("reloaded %s: %s", handlers.path, describe(functions))


async def _run_in_daemon_thread(work: Callable[[], None]) -> None:
    """Run work that may block forever, as a handlers file may, in a thread that does not delay the program's exit."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:  # whatever the file has raised, keep watching for the next change
            with suppress(RuntimeError):  # the loop has closed: the program is exiting
                loop.call_soon_threadsafe(done.set)

    Thread(target=run, name=f"{THREAD_NAME} handlers", daemon=True).start()
    await done.wait()
