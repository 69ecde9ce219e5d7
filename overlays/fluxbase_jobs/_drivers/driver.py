"""The sync driver: carries plans out. Only drivers read clocks, sleep, take locks, send requests and call users' functions."""

from __future__ import annotations

import contextlib
import inspect
import random
import signal
import threading
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from types import FrameType
from typing import Any, TypeVar, assert_never

from .._plans.exchange.steps import (
    Acquire,
    Emit,
    Instant,
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
from .._transports.base import Transport
from .._transports.clock import monotonic
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
        if (cleanup := interrupt(plan, error)) is not None:
            with contextlib.suppress(Exception):
                run(cleanup, transport)
        raise


def interrupt(plan: Plan[Any], error: BaseException) -> Plan[None] | None:
    """Raise in the plan what ends it (Ctrl-C, a cancelled task, a callback's exception), so that it releases locks and adds notes.

    Returns:
        The steps that the plan still wants carried out, like cancelling a job; None where there are none.
    """
    try:
        step = plan.throw(error)
    except BaseException:  # noqa: BLE001  # the driver raises the error itself
        return None
    return _remaining(plan, step, error)


def _remaining(plan: Plan[Any], step: Step, error: BaseException) -> Plan[None]:
    try:
        while True:
            step = plan.send((yield step))
    except StopIteration:
        return
    except BaseException as raised:
        if raised is not error:
            raise
    finally:
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


def _perform(step: Step, transport: Transport) -> object:  # noqa: PLR0911  # one for each step
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
        case Subscribe(hub, groups, logs):
            return hub.subscribe(groups, logs=logs)
        case NextEvent(source, timeout):
            source.ready.wait(max(timeout, 0.0))
            source.ready.clear()
            return Received(source.take(), instant())
        case Shield(plan):
            return _run_shielded(plan, transport)
        case _:
            assert_never(step)


def _run_shielded(plan: Plan[T], transport: Transport) -> T:
    """Carry a plan out to its end. Ctrl-C is raised after it; a second one is raised at once."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread is interrupted
        return run(plan, transport)
    with _DeferredSignals():
        return run(plan, transport)


class _DeferredSignals:
    """Holds back the program's signal handlers while a block runs: Ctrl-C raises wherever the program is, also between two lines of ours.

    Each signal is handled at the end of the block; one that comes again is handled at once.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
        self._received: list[int] = []
        self._deferring = True

    def __enter__(self) -> None:
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._receive)

    def __exit__(self, *_: object) -> None:
        self._deferring = False
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for number in self._received:
            self._handlers[number](number, None)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._deferring and number not in self._received:
            self._received.append(number)
        else:
            self._handlers[number](number, frame)


def instant() -> Instant:
    """Both clocks as they are, and a random number."""
    return Instant(monotonic(), datetime.now(UTC), random.random())  # noqa: S311  # jitter, not a secret


def _require_not_awaitable(returned: Any) -> object:
    if inspect.iscoroutine(returned):
        returned.close()
        raise TypeError("a coroutine function was given to the sync client; only the async client awaits one")
    return returned
