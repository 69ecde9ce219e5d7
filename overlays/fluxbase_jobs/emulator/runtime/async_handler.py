"""Async handlers: each in an event loop of its own, and every step of its tasks open to interrupts.

Only the steps, not the loop: an exception in the middle of asyncio's own code could leave the loop open for good.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .interrupts import Interrupts, RunStopped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")


class AsyncHandler:
    """What an async handler has returned, and the loop that it runs in.

    Args:
        awaitable: the coroutine, usually.
        interrupts: of the thread that calls `run`.

    """

    def __init__(self, awaitable: Awaitable[object], interrupts: Interrupts) -> None:
        self._awaitable = awaitable
        self._interrupts = interrupts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._is_cancelled = False
        self.is_forced = False
        """Whether the time for cancellation is over: from now on the coroutines get `RunStopped`."""

    def run(self) -> object:
        """Run it to its end, in this thread.

        Raises:
            asyncio.CancelledError: it was interrupted, or cancelled itself.

        """
        with asyncio.Runner() as runner:
            loop = self._loop = runner.get_loop()
            loop.set_task_factory(self._task)
            try:
                return runner.run(self._awaited())
            finally:
                loop.set_task_factory(None)

    def interrupt(self) -> bool:
        """End it: the first time by asyncio's cancellation, then by force. False if it has not begun.

        Only one thread may call this.
        """
        if self._main is None:
            return False
        if self._is_cancelled:
            self.is_forced = True
            self._interrupts.interrupt()
            self._in_loop(self._cancel_all)
        else:
            self._is_cancelled = True
            self._in_loop(self._main.cancel)
        return True

    async def _awaited(self) -> object:
        self._main = asyncio.current_task()
        return await self._awaitable

    def _task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(_Steps(coroutine, self, self._interrupts), loop=loop, **options)

    def _cancel_all(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            if isinstance(task.get_coro(), _Steps):
                task.cancel()

    def _in_loop(self, call: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has just closed: the handler is at its end anyway
            if self._loop:
                self._loop.call_soon_threadsafe(call)


class _Steps(Coroutine[Any, Any, _T]):
    """A coroutine whose every step is open to interrupts. For everything else it is the coroutine itself.

    To its task an interrupt is a cancellation, which asyncio passes on quietly.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, _T], handler: AsyncHandler, interrupts: Interrupts) -> None:
        self._coroutine = coroutine
        self._handler = handler
        self._interrupts = interrupts

    def send(self, value: Any) -> Any:
        """Go on."""
        return self._step(self._coroutine.send, value)

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """Go on with an exception."""
        error: BaseException = typ if isinstance(typ, BaseException) else (val or typ()).with_traceback(tb)
        is_forced = self._handler.is_forced and isinstance(error, asyncio.CancelledError)
        return self._step(self._coroutine.throw, RunStopped() if is_forced else error)

    def close(self) -> None:
        """End it."""
        self._coroutine.close()

    def __await__(self) -> Any:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        # What asyncio and anyio look at: cr_frame, cr_running, __name__, ...
        return getattr(self._coroutine, name)

    def _step(self, resume: Callable[[Any], Any], value: Any) -> Any:
        try:
            return self._interrupts.run(partial(resume, value))
        except RunStopped:
            if _is_suspended(self._coroutine):  # it hit when the coroutine had just come to its next await
                return self._step(self._coroutine.throw, RunStopped())
            raise asyncio.CancelledError from None


def _is_suspended(coroutine: object) -> bool:
    return inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
