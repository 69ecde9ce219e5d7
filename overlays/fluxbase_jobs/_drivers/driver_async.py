"""The async driver: carries plans out under asyncio and trio."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any, Final, NoReturn, TypeVar, assert_never

from .._lazy import anyio, asyncio
from .._plans.exchange.steps import (
    Acquire,
    Emit,
    Invoke,
    NextEvent,
    Pause,
    Plan,
    ReadClock,
    Received,
    Send,
    Shield,
    Step,
    Stream,
    Subscribe,
)
from .._transports.base import AsyncTransport
from .._transports.clock import is_asyncio, monotonic, move_on_after, sleep
from . import log
from .driver import instant, interrupt

T = TypeVar("T")

LOCK_POLL_SECONDS: Final = 0.005


async def run(plan: Plan[T], transport: AsyncTransport) -> T:
    """Carry a plan out and return its result."""
    answer: Any = None
    try:
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = await _perform(step, transport)
    except BaseException as error:
        if (cleanup := interrupt(plan, error)) is not None:
            with contextlib.suppress(Exception):
                await _run_shielded(cleanup, transport)
        raise


async def _run_shielded(plan: Plan[T], transport: AsyncTransport) -> T:
    """Carry a plan out to its end. What ends its caller (a cancellation, Ctrl-C) is raised after it."""
    return await (_run_in_task if is_asyncio() else _run_in_system_task)(plan, transport)


async def _run_in_task(plan: Plan[T], transport: AsyncTransport) -> T:
    """Under asyncio: a cancellation ends a task, but not the one that a task waits for.

    At its end an event loop cancels all tasks that it knows, so it must not know this one.
    """
    task = asyncio.create_task(run(plan, transport))
    asyncio._unregister_task(task)  # noqa: SLF001  # described in "Extending" of its documentation
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is None:
        return task.result()
    raise cancelled from (None if task.cancelled() else task.exception())


async def _run_in_system_task(plan: Plan[T], transport: AsyncTransport) -> T:
    """Under trio, which raises Ctrl-C in its main task also where that is shielded, but not in system tasks. A second one is raised at once."""
    ended = anyio.Event()
    outcome: list[Callable[[], T]] = []

    async def carry_out() -> None:
        try:
            result = await run(plan, transport)
            outcome.append(lambda: result)
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's task
            outcome.append(partial(_raise, error))
        finally:
            ended.set()

    spawn_in_trio(carry_out)
    interruption: BaseException | None = None
    with anyio.CancelScope(shield=True):
        while not ended.is_set():
            try:
                await ended.wait()
            except BaseException as error:
                if interruption is not None:
                    raise
                interruption = error
    if interruption is not None:
        raise interruption
    return outcome[0]()


def _raise(error: BaseException) -> NoReturn:
    raise error


def spawn_in_trio(function: Callable[[], Awaitable[None]]) -> None:
    """Start a task that belongs to no nursery."""
    sys.modules["trio"].lowlevel.spawn_system_task(function, name="fluxbase-jobs", context=copy_context())


async def iterate(stream: Stream[T], transport: AsyncTransport) -> AsyncGenerator[T]:
    """Carry a stream out as far as the caller iterates."""
    answer: Any = None
    try:
        while True:
            try:
                step = stream.send(answer)
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield step.value
                answer = None
            else:
                answer = await _perform(step, transport)
    finally:
        stream.close()


async def _perform(step: Step, transport: AsyncTransport) -> object:  # noqa: PLR0911  # one for each step
    match step:
        case Send(request, timeout):
            return log.sent(step, await transport.send(request, timeout), instant())
        case Pause(seconds):
            log.pausing(step)
            await sleep(seconds)
            return instant()
        case Invoke(callback):
            returned = callback()
            return await returned if inspect.isawaitable(returned) else returned
        case Acquire(lock, timeout):
            return await _acquire(lock, timeout)
        case ReadClock():
            return instant()
        case Subscribe(hub, groups, logs):
            return hub.subscribe(groups, logs=logs)
        case NextEvent(source, timeout):
            with move_on_after(max(timeout, 0.0)):
                await source.ready.wait()
            source.ready.clear()
            return Received(source.take(), instant())
        case Shield(plan):
            return await _run_shielded(plan, transport)
        case _:
            assert_never(step)


async def _acquire(lock: threading.Lock, timeout: float) -> bool:
    """Take a lock that tasks of several event loops, and threads, may hold: an event loop's own lock or event knows only its tasks."""
    end = monotonic() + timeout
    while not lock.acquire(blocking=False):
        if monotonic() > end:
            return False
        await sleep(LOCK_POLL_SECONDS)
    return True
