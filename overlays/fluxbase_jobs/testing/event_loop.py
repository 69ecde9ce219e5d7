"""An event loop in a background thread, and a wait in one event loop that any thread can end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context
from typing import Any, Final, TypeVar

from .._transports.clock import monotonic
from ..emulator.runtime.event_loop import loop_factory

_T = TypeVar("_T")

_CLOSED: Final = "this test server is closed"


class EventLoopThread:
    """A thread with an event loop that runs until `close()`.

    Args:
        name: the thread's name.
        context: entered before any work runs, and left after all work has ended, in the event loop.

    Raises:
        Exception: what entering the context raises.
    """

    def __init__(self, name: str, context: AbstractAsyncContextManager[None]) -> None:
        self._context = context
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False
        started: Future[asyncio.AbstractEventLoop] = Future()
        # A daemon thread, so that a server that nobody closes does not keep the program alive.
        self._thread = threading.Thread(target=self._run_loop, args=[started], name=name, daemon=True)
        self._thread.start()
        self._loop = started.result()

    def start(self, work: Coroutine[Any, Any, _T]) -> Future[_T] | None:
        """Start a coroutine in the loop; None if the loop is closed. Closing the loop cancels the future."""
        with self._lock:
            if not self._closed:
                # In a new context: the caller's may belong to trio, because anyio keeps the name of its backend there.
                return Context().run(asyncio.run_coroutine_threadsafe, self._tracked(work), self._loop)
        work.close()
        return None

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop and wait for its result.

        Raises:
            RuntimeError: the loop is closed.
        """
        future = self.start(work)
        with suppress(CancelledError):
            if future is not None:
                return future.result()
        raise RuntimeError(_CLOSED)

    def check_open(self) -> None:
        """Raise if the loop is closed.

        Raises:
            RuntimeError: the loop is closed.
        """
        if self._closed:
            raise RuntimeError(_CLOSED)

    def close(self) -> None:
        """Cancel running coroutines, leave the context and end the thread. Idempotent."""
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _tracked(self, work: Coroutine[Any, Any, _T]) -> _T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # run_coroutine_threadsafe wraps every coroutine in a task
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)

    def _run_loop(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._serve(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        # A test may freeze the time, and a loop whose clock stands still waits without end.
        vars(asyncio.get_running_loop())["time"] = monotonic
        async with self._context:
            started.set_result(asyncio.get_running_loop())
            await self._stop.wait()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


class Waiter:
    """A wait in the event loop that creates it; any thread can end it.

    `is_waiting` becomes false in the thread that calls `wake()`, before the waiting coroutine continues.
    """

    def __init__(self) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self.is_waiting = True
        self._woken: asyncio.Future[None] = self.loop.create_future()

    def wake(self) -> None:
        """End the wait, from any thread."""
        self.is_waiting = False
        self.call(self._end)

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the waiter's event loop, from any thread."""
        with suppress(RuntimeError):  # the loop is closed, so nothing waits any more
            self.loop.call_soon_threadsafe(function)

    async def wait(self) -> None:
        """Wait until `wake()` is called."""
        try:
            await self._woken
        finally:
            self.is_waiting = False

    def _end(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)
