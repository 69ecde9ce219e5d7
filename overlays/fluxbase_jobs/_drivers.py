"""The only functions that touch the network or the clock: they perform the steps that a plan asks for."""

from __future__ import annotations

import contextlib
import inspect
import random
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar, assert_never

import anyio  # comes with httpx, whose async half runs on it, under asyncio and trio
import httpx

from ._plans.steps import Acquire, Ask, Emit, Instant, Now, Pause, Plan, Reply, Send, Step, Stream
from .errors import ConnectionFailed, FluxbaseError, RequestTimeout

T = TypeVar("T")
ItemT = TypeVar("ItemT")
Opened: TypeAlias = Callable[[], Awaitable[httpx.AsyncClient]]
"""Gives the client of the event loop at hand: an iterator need not be walked on the loop, or any loop, where it was made."""

CONNECT_SECONDS: Final = 5.0
LOCK_POLL_SECONDS: Final = 0.005


def run(plan: Plan[T], http: httpx.Client) -> T:
    """Carry a plan out to its end."""
    told: Any = None
    try:
        while True:
            try:
                step = plan.send(told)
            except StopIteration as end:
                result: T = end.value
                return result
            told = _perform(step, http)
    except BaseException as error:
        _tell(plan, error)
        raise


async def run_async(plan: Plan[T], http: httpx.AsyncClient) -> T:
    """Carry a plan out to its end."""
    told: Any = None
    try:
        while True:
            try:
                step = plan.send(told)
            except StopIteration as end:
                result: T = end.value
                return result
            told = await _perform_async(step, http)
    except BaseException as error:
        _tell(plan, error)
        raise


def _tell(plan: Plan[T], error: BaseException) -> None:
    """Let a plan know what ends it (Ctrl-C, a cancelled task, a user's callback): it may release what it holds and add a note, not go on."""
    with contextlib.suppress(BaseException):
        plan.throw(error)
    plan.close()


def iterate(stream: Stream[T], http: httpx.Client) -> Generator[T]:
    """Carry a stream out as far as the caller goes along."""
    told: Any = None
    try:
        while True:
            try:
                step = stream.send(told)
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield step.value
                told = None
            else:
                told = _perform(step, http)
    finally:
        stream.close()


async def iterate_async(stream: Stream[T], opened: Opened) -> AsyncGenerator[T]:
    """Carry a stream out as far as the caller goes along."""
    told: Any = None
    try:
        http = await opened()
        while True:
            try:
                step = stream.send(told)
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield step.value
                told = None
            else:
                told = await _perform_async(step, http)
    finally:
        stream.close()


def run_many(plans: Iterator[tuple[ItemT, Plan[T]]], http: httpx.Client, concurrency: int) -> Generator[tuple[ItemT, T]]:
    """Carry out many plans, `concurrency` at a time, and give each one's result beside what it was for, in order."""
    with ThreadPoolExecutor(concurrency, thread_name_prefix="fluxbase-jobs") as threads:
        while batch := list(islice(plans, concurrency)):
            running = [(item, threads.submit(run, plan, http)) for item, plan in batch]
            yield from [(item, result.result()) for item, result in running]


async def run_many_async(plans: Iterator[tuple[ItemT, Plan[T]]], opened: Opened, concurrency: int) -> AsyncGenerator[tuple[ItemT, T]]:
    """Carry out many plans, `concurrency` at a time, and give each one's result beside what it was for, in order."""
    http = await opened()
    while batch := list(islice(plans, concurrency)):
        for pair in await _together(batch, http):
            yield pair


async def _together(batch: list[tuple[ItemT, Plan[T]]], http: httpx.AsyncClient) -> list[tuple[ItemT, T]]:
    # Not in the generator itself: a task group must not be left open over a yield.
    results: dict[int, T] = {}
    raised: list[Exception] = []

    async def carry_out(number: int, plan: Plan[T]) -> None:
        try:
            results[number] = await run_async(plan, http)
        except Exception as error:  # noqa: BLE001  # a user's, and raised below: the task group would wrap it in an ExceptionGroup
            raised.append(error)

    async with anyio.create_task_group() as tasks:
        for number, (_, plan) in enumerate(batch):
            tasks.start_soon(carry_out, number, plan)
    if raised:
        raise raised[0]
    return [(item, results[number]) for number, (item, _) in enumerate(batch)]


def _perform(step: Step, http: httpx.Client) -> object:
    match step:
        case Send():
            return _send(step, http)
        case Pause(seconds):
            time.sleep(seconds)
        case Ask(callback):
            return callback()
        case Acquire(lock):
            lock.acquire()
        case Now():
            return instant()
        case _:
            assert_never(step)
    return None


async def _perform_async(step: Step, http: httpx.AsyncClient) -> object:
    match step:
        case Send():
            return await _send_async(step, http)
        case Pause(seconds):
            await anyio.sleep(seconds)
        case Ask(callback):
            told = callback()
            return await told if inspect.isawaitable(told) else told
        case Acquire(lock):
            await _acquire(lock)
        case Now():
            return instant()
        case _:
            assert_never(step)
    return None


def _send(step: Send, http: httpx.Client) -> Reply | FluxbaseError:
    deadline = _Deadline(step)
    try:
        response = http.send(_built(step, http), stream=True, follow_redirects=False)
        try:
            return _reply(response, [deadline.checked(chunk) for chunk in response.iter_bytes()])
        finally:
            response.close()
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        return _failure(fault, step)


async def _send_async(step: Send, http: httpx.AsyncClient) -> Reply | FluxbaseError:
    deadline = _Deadline(step)
    try:
        response = await http.send(_built(step, http), stream=True, follow_redirects=False)
        try:
            return _reply(response, [deadline.checked(chunk) async for chunk in response.aiter_bytes()])
        finally:
            await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        return _failure(fault, step)


async def _acquire(lock: threading.Lock) -> None:
    """Take a lock that tasks of several event loops, and threads, may hold; an event loop's own lock knows only its tasks."""
    while not lock.acquire(blocking=False):  # noqa: ASYNC110  # an event, too, knows only the tasks of one loop
        await anyio.sleep(LOCK_POLL_SECONDS)


def instant() -> Instant:
    """Both clocks, now."""
    return Instant(time.monotonic(), datetime.now(UTC), random.random())  # noqa: S311  # jitter, no secret


def _built(step: Send, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    timeout = httpx.Timeout(step.timeout, connect=min(step.timeout, CONNECT_SECONDS))
    request = http.build_request(**step.request, timeout=timeout)
    # On admin and auth routes the server prefers a cookie to the Authorization header, however stale (CONTRACT 0.13).
    request.headers.pop("cookie", None)
    return request


class _Deadline:
    """Ends an answer that trickles: httpx's timeout is one for each piece, not for the whole."""

    def __init__(self, step: Send) -> None:
        self._end = time.monotonic() + step.timeout

    def checked(self, chunk: bytes) -> bytes:
        if time.monotonic() > self._end:
            raise httpx.ReadTimeout("the answer was not complete in time")
        return chunk


def _reply(response: httpx.Response, chunks: list[bytes]) -> Reply:
    response.headers.pop("set-cookie", None)
    return Reply(response.status_code, response.headers, b"".join(chunks))


def _failure(fault: httpx.HTTPError | httpx.InvalidURL, step: Send) -> FluxbaseError:
    """What kept an answer from coming; by kind, as a fault's own words could quote a header."""
    if isinstance(fault, httpx.TimeoutException):
        return RequestTimeout(f"no complete answer within {max(round(step.timeout, 3), 0.001):g} s", retryable=True)
    words = "" if isinstance(fault, httpx.LocalProtocolError | httpx.InvalidURL) else f": {fault}"
    return ConnectionFailed(f"no complete answer ({type(fault).__name__}{words})", retryable=True)
