"""The sync driver: carries plans out. Only drivers read clocks, sleep, take locks, send requests and call users' functions."""

from __future__ import annotations

import contextlib
import inspect
import random
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, Self, TypeVar, assert_never

from .._clock import monotonic
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
from .._transports.messages import RawResponse, Request
from ..errors import FluxbaseError
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
    return _remaining(plan, step)


def _remaining(plan: Plan[Any], step: Step) -> Plan[None]:
    try:
        while True:
            step = plan.send((yield step))
    except StopIteration:
        return
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
            return Received(source.take(), instant())
        case Shield(plan):
            return _run_shielded(plan, transport)
        case _:
            assert_never(step)


def _run_shielded(plan: Plan[T], transport: Transport) -> T:
    """Carry a plan out to its end. Ctrl-C during a request is raised after the plan's end; a second one is raised at once."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread is interrupted
        return run(plan, transport)
    deferred = _DeferringTransport(transport)
    result = run(plan, deferred)
    if deferred.interruption is not None:
        raise deferred.interruption
    return result


class _DeferringTransport:
    """Sends from another thread, so that an exception of a signal handler does not break off the request."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.name = transport.name
        self.interruption: BaseException | None = None

    def opened(self) -> Self:
        """This transport."""
        self._transport.opened()
        return self

    def close(self) -> None:
        """Close the connections of this process."""
        self._transport.close()

    def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request in its own thread."""
        with ThreadPoolExecutor(1, thread_name_prefix="fluxbase-jobs") as threads:
            sending = threads.submit(copy_context().run, self._transport.send, request, timeout)
            while True:
                try:
                    return sending.result()
                except BaseException as error:
                    of_request = sending.done() and error is sending.exception()
                    if of_request or self.interruption is not None:
                        raise
                    self.interruption = error


def instant() -> Instant:
    """Both clocks as they are, and a random number."""
    return Instant(monotonic(), datetime.now(UTC), random.random())  # noqa: S311  # jitter, not a secret


def _require_not_awaitable(returned: Any) -> object:
    if inspect.iscoroutine(returned):
        returned.close()
        raise TypeError("a coroutine function was given to the sync client; only the async client awaits one")
    return returned
