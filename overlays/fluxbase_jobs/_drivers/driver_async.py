"""The async driver: carries plans out under asyncio and trio."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any, Final, TypeVar, assert_never

from .._lazy import anyio
from .._plans.steps import Acquire, Emit, Invoke, Pause, Plan, ReadClock, Send, Step, Stream
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
        interrupt(plan, error)
        raise


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
            await anyio.sleep(seconds)
            return instant()
        case Invoke(callback):
            returned = callback()
            return await returned if inspect.isawaitable(returned) else returned
        case Acquire(lock, timeout):
            return await _acquire(lock, timeout)
        case ReadClock():
            return instant()
        case _:
            assert_never(step)


async def _acquire(lock: threading.Lock, timeout: float) -> bool:
    """Take a lock that tasks of several event loops, and threads, may hold: an event loop's own lock or event knows only its tasks."""
    end = time.monotonic() + timeout
    while not lock.acquire(blocking=False):
        if time.monotonic() > end:
            return False
        await anyio.sleep(LOCK_POLL_SECONDS)
    return True
