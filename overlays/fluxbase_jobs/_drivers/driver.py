"""The sync driver: carries plans out. Only drivers read clocks, sleep, take locks, send requests and call users' functions."""

from __future__ import annotations

import contextlib
import inspect
import random
import time
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, TypeVar, assert_never

from .._plans.steps import Acquire, Emit, Instant, Invoke, Pause, Plan, ReadClock, Send, Step, Stream
from .._transports.base import Transport
from . import log

T = TypeVar("T")


def run(plan: Plan[T], transport: Transport) -> T:
    """Carry a plan out and return its result."""
    answer: Any = None
    try:
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = _perform(step, transport)
    except BaseException as error:
        interrupt(plan, error)
        raise


def interrupt(plan: Plan[T], error: BaseException) -> None:
    """Raise in the plan what ends it (Ctrl-C, a cancelled task, a callback's exception), so that it releases locks and adds notes."""
    with contextlib.suppress(BaseException):
        plan.throw(error)
    plan.close()


def iterate(stream: Stream[T], transport: Transport) -> Generator[T]:
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
                answer = _perform(step, transport)
    finally:
        stream.close()


def _perform(step: Step, transport: Transport) -> object:
    match step:
        case Send(request, timeout):
            return log.sent(step, transport.send(request, timeout), instant())
        case Pause(seconds):
            log.pausing(step)
            time.sleep(seconds)
            return instant()
        case Invoke(callback):
            return _require_not_awaitable(callback())
        case Acquire(lock, timeout):
            return lock.acquire(timeout=timeout)
        case ReadClock():
            return instant()
        case _:
            assert_never(step)


def instant() -> Instant:
    """Both clocks as they are, and a random number."""
    return Instant(time.monotonic(), datetime.now(UTC), random.random())  # noqa: S311  # jitter, not a secret


def _require_not_awaitable(returned: Any) -> object:
    if inspect.iscoroutine(returned):
        returned.close()
        raise TypeError("a coroutine function was given to the sync client; only the async client awaits one")
    return returned
