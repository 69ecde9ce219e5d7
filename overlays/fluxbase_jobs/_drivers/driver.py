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

from .._plans.steps import Acquire, Ask, Emit, Instant, Now, Pause, Plan, Reply, Send, Step, Stream
from ..errors import ConnectionFailed, FluxbaseError, RequestTimeout

T = TypeVar("T")
ItemT = TypeVar("ItemT")
Opened: TypeAlias = Callable[[], Awaitable[httpx.AsyncClient]]
"""Gives the client of the event loop at hand: an iterator need not be walked on the loop, or any loop, where it was made."""

CONNECT_SECONDS: Final = 5.0
LOCATION: Final = "fluxbase_jobs.location"
LOCK_POLL_SECONDS: Final = 0.005
LONGEST_TIMEOUT: Final = 1_000_000.0
"""Seconds; sockets count milliseconds in 32 bits."""
FAULTS: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError)
"""What httpx raises of its own, and what it lets through: host names that no resolver takes, TLS that breaks off, our own TimeoutError."""


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
            return _told_at_once(callback())
        case Acquire(lock, timeout):
            return lock.acquire(timeout=timeout)
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
        case Acquire(lock, timeout):
            return await _acquire(lock, timeout)
        case Now():
            return instant()
        case _:
            assert_never(step)
    return None


def _send(step: Send, http: httpx.Client) -> Reply | FluxbaseError:
    end = time.monotonic() + step.timeout
    try:
        request = _built(step, http)
        response = http.send(request, stream=True, follow_redirects=False, auth=_auth(request))
        try:
            return _reply(response, [_in_time(chunk, end) for chunk in response.iter_bytes()])
        except httpx.DecodingError:
            return _reply(response, [])
        finally:
            response.close()
    except FAULTS as fault:
        return _failure(fault, step)


async def _send_async(step: Send, http: httpx.AsyncClient) -> Reply | FluxbaseError:
    try:
        with anyio.fail_after(step.timeout):
            request = _built(step, http)
            response = await http.send(request, stream=True, follow_redirects=False, auth=_auth(request))
            try:
                return _reply(response, [chunk async for chunk in response.aiter_bytes()])
            except httpx.DecodingError:
                return _reply(response, [])
            finally:
                await response.aclose()
    except FAULTS as fault:
        return _failure(fault, step)


def _auth(request: httpx.Request) -> Any:
    """No credentials of a given httpx client in place of ours."""
    return None if "authorization" in request.headers else httpx.USE_CLIENT_DEFAULT


def _in_time(chunk: bytes, end: float) -> bytes:
    """A piece of an answer, if it is not too late: httpx's timeout is one for each piece, so an answer that trickles would never end.

    The head of an answer is read by httpx in one go: a server that trickles that outlasts the timeout in the sync client.
    """
    if time.monotonic() > end:
        raise TimeoutError
    return chunk


def _told_at_once(told: Any) -> object:
    if inspect.iscoroutine(told):
        told.close()
        raise TypeError("a coroutine function was given to the sync client; only the async client awaits one")
    return told


async def _acquire(lock: threading.Lock, timeout: float) -> bool:
    """Take a lock that tasks of several event loops, and threads, may hold; an event loop's own lock knows only its tasks."""
    end = time.monotonic() + timeout
    while not lock.acquire(blocking=False):  # an event, too, knows only the tasks of one loop
        if time.monotonic() > end:
            return False
        await anyio.sleep(LOCK_POLL_SECONDS)
    return True


def instant() -> Instant:
    """Both clocks, now."""
    return Instant(time.monotonic(), datetime.now(UTC), random.random())  # noqa: S311  # jitter, no secret


def _built(step: Send, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    timeout = httpx.Timeout(min(step.timeout, LONGEST_TIMEOUT), connect=min(step.timeout, CONNECT_SECONDS))
    request = http.build_request(**step.request, timeout=timeout)
    # On admin and auth routes the server prefers a cookie to the Authorization header, however stale.
    request.headers.pop("cookie", None)
    return request


def _reply(response: httpx.Response, chunks: list[bytes]) -> Reply:
    response.headers.pop("set-cookie", None)
    if LOCATION in response.extensions:
        response.headers["location"] = response.extensions[LOCATION]
    return Reply(response.status_code, response.headers, b"".join(chunks))


def hide_location(response: httpx.Response) -> None:
    """Keep httpx from a redirect's address: it reads it even where it does not follow, and fails on one that is none."""
    if "location" in response.headers:
        response.extensions[LOCATION] = response.headers.pop("location")


async def hide_location_async(response: httpx.Response) -> None:
    """The same, as the async client wants it."""
    hide_location(response)


def _failure(fault: Exception, step: Send) -> FluxbaseError:
    """What kept an answer from coming; by kind, as a fault's own words could quote a header."""
    if isinstance(fault, httpx.TimeoutException | TimeoutError):
        return RequestTimeout(f"no complete answer within {max(round(step.timeout, 3), 0.001):g} s", retryable=True)
    words = f": {fault}" if isinstance(fault, httpx.TransportError) and not isinstance(fault, httpx.LocalProtocolError) else ""
    return ConnectionFailed(f"no complete answer ({type(fault).__name__}{words})", retryable=True)
