"""The async driver: carries plans out under asyncio and trio."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import AsyncGenerator
from typing import Any, Final, TypeVar, assert_never

from .._clock import monotonic
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
    """Carry a plan out to its end. A cancellation of the caller is raised after it."""
    if _is_asyncio():
        return await _run_in_task(plan, transport)
    results: list[T] = []
    with anyio.CancelScope(shield=True):
        results.append(await run(plan, transport))
    return results[0]


async def _run_in_task(plan: Plan[T], transport: AsyncTransport) -> T:
    """The same under asyncio, whose own cancellation ignores anyio's scopes: it ends a task, but not the one that a task waits for."""
    task = asyncio.create_task(run(plan, transport))
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
            await _sleep(seconds)
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
            await _wait(source.ready, max(timeout, 0.0))
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
        await _sleep(LOCK_POLL_SECONDS)
    return True


async def _sleep(seconds: float) -> None:
    """Wait. Where a test has frozen the time, the event loop's own timers never fire, so a thread wakes the task."""
    if not _is_asyncio() or not _is_frozen(asyncio.get_running_loop()):
        await anyio.sleep(seconds)
        return
    await _wait(asyncio.Event(), seconds)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event of asyncio, but not longer than that. Where the time is frozen, a thread sets the event then."""
    loop = asyncio.get_running_loop()
    if not _is_frozen(loop):
        with anyio.move_on_after(seconds):
            await event.wait()
        return
    timer = threading.Timer(seconds, loop.call_soon_threadsafe, [event.set])
    timer.daemon = True
    timer.start()
    try:
        await event.wait()
    finally:
        timer.cancel()


def _is_frozen(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the event loop's clock stands still while time passes."""
    shown, began = loop.time(), monotonic()
    while monotonic() == began:
        pass
    return loop.time() == shown


def _is_asyncio() -> bool:
    """Whether the running task is asyncio's, not trio's."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # no event loop of asyncio
        return False
