"""Run an async handler in its own event loop, with every step of its tasks open to interrupts.

Only the steps are open, not the loop: an exception in the middle of asyncio's own code could leave the loop unclosed.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from .event_loop import loop_factory
from .interrupts import Interrupts, RunStopped

_T = TypeVar("_T")


class AsyncHandler:
    """The awaitable that an async handler returned, and the event loop it runs in.

    Args:
        awaitable: usually a coroutine.
        interrupts: those of the thread that calls `run`.
    """

    def __init__(self, awaitable: Awaitable[object], interrupts: Interrupts) -> None:
        self._awaitable = awaitable
        self._interrupts = interrupts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._is_cancelled = False
        self.is_forced = False
        """Whether the handler had its chance to end by cancellation: from now on its coroutines get `RunStopped`."""

    def run(self) -> object:
        """Run the awaitable to its end, in this thread.

        Raises:
            asyncio.CancelledError: it was interrupted, or cancelled itself.
        """
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            loop = self._loop = runner.get_loop()
            loop.set_task_factory(self._create_task)
            try:
                return runner.run(self._main_coroutine())
            finally:
                loop.set_task_factory(None)

    def interrupt(self) -> bool:
        """End the handler: by asyncio's cancellation the first time, by `RunStopped` after that. False if it has not begun.

        Only one thread may call this.
        """
        if self._main is None:
            return False
        if self._is_cancelled:
            self.is_forced = True
            self._interrupts.interrupt()
            self._call_in_loop(self._cancel_all)
        else:
            self._is_cancelled = True
            self._call_in_loop(self._main.cancel)
        return True

    async def _main_coroutine(self) -> object:
        self._main = asyncio.current_task()
        return await self._awaitable

    def _create_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(_InterruptibleCoroutine(coroutine, self, self._interrupts), loop=loop, **options)

    def _cancel_all(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            if isinstance(task.get_coro(), _InterruptibleCoroutine):
                task.cancel()

    def _call_in_loop(self, call: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has just closed: the handler has ended anyway
            if self._loop:
                self._loop.call_soon_threadsafe(call)


class _InterruptibleCoroutine(Coroutine[Any, Any, _T]):
    """Wraps a coroutine so that each of its steps can be interrupted. In everything else it behaves as the coroutine.

    An interrupt reaches the task as a cancellation, which asyncio propagates without logging it.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, _T], handler: AsyncHandler, interrupts: Interrupts) -> None:
        self._coroutine = coroutine
        self._handler = handler
        self._interrupts = interrupts

    def send(self, value: Any) -> Any:
        """Resume with a value."""
        return self._step(self._coroutine.send, value)

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """Resume with an exception."""
        error: BaseException = typ if isinstance(typ, BaseException) else (val or typ()).with_traceback(tb)
        is_forced = self._handler.is_forced and isinstance(error, asyncio.CancelledError)
        return self._step(self._coroutine.throw, RunStopped() if is_forced else error)

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Any:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        # asyncio and anyio read cr_frame, cr_running, __name__, ...
        return getattr(self._coroutine, name)

    def _step(self, resume: Callable[[Any], Any], value: Any) -> Any:
        try:
            return self._interrupts.run(partial(resume, value))
        except RunStopped:
            if _is_suspended(self._coroutine):  # it was raised when the coroutine had just reached its next await
                return self._step(self._coroutine.throw, RunStopped())
            raise asyncio.CancelledError from None


def _is_suspended(coroutine: object) -> bool:
    return inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
