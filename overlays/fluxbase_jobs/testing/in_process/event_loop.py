"""An event loop in a thread of its own, for tests that have none or another one."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

from ..._clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractAsyncContextManager

_T = TypeVar("_T")

_CLOSED = "this test server is closed"


class Background:
    """The event loop, which runs while a context is open in it.

    Args:
        name: the thread's.
        context: entered first and left last, in the event loop.

    Raises:
        Exception: what entering the context raises.

    """

    def __init__(self, name: str, context: AbstractAsyncContextManager[None]) -> None:
        self._context = context
        self._over = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False
        entered: Future[asyncio.AbstractEventLoop] = Future()
        # A daemon: a server that nobody closes must not keep the program from its end.
        self._thread = threading.Thread(target=self._live, args=[entered], name=name, daemon=True)
        self._thread.start()
        self._loop = entered.result()

    def start(self, work: Coroutine[Any, Any, _T]) -> Future[_T] | None:
        """Run a coroutine there and return its future, which is cancelled at the end; None if the end has come."""
        with self._lock:
            if not self._closed:
                # In a context of its own: the caller's may say that this is trio (anyio notes it there).
                return Context().run(asyncio.run_coroutine_threadsafe, self._counted(work), self._loop)
        work.close()
        return None

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine there and return what it returns.

        Raises:
            RuntimeError: the end has come.

        """
        future = self.start(work)
        with suppress(CancelledError):
            if future is not None:
                return future.result()
        raise RuntimeError(_CLOSED)

    def check_open(self) -> None:
        """Raise if the end has come.

        Raises:
            RuntimeError: it has.

        """
        if self._closed:
            raise RuntimeError(_CLOSED)

    def close(self) -> None:
        """Cancel what runs, leave the context and end the thread. Idempotent."""
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _counted(self, work: Coroutine[Any, Any, _T]) -> _T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks here
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)

    def _live(self, entered: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            asyncio.run(self._stay(entered))
        except BaseException as error:
            if entered.done():
                raise
            entered.set_exception(error)

    async def _stay(self, entered: Future[asyncio.AbstractEventLoop]) -> None:
        # A test may freeze the time, and a loop whose clock stands still waits without end.
        vars(asyncio.get_running_loop())["time"] = monotonic
        async with self._context:
            entered.set_result(asyncio.get_running_loop())
            await self._over.wait()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
