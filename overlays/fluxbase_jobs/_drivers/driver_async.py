"""The async driver: carries plans out under asyncio and trio."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import AsyncGenerator
from typing import Any, Final, TypeVar, assert_never

from .._clock import monotonic
from .._lazy import anyio, asyncio
from .._plans.exchange.steps import Acquire, Emit, Invoke, Pause, Plan, ReadClock, Send, Shield, Step, Stream
from .._transports.async_time import is_asyncio, sleep
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
    if is_asyncio():
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


async def _perform(step: Step, transport: AsyncTransport) -> object:
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
