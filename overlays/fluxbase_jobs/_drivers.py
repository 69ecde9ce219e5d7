"""The only functions that touch the network or the clock: they perform the steps that a plan asks for."""

from __future__ import annotations

import inspect
import time
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, assert_never

import httpx

from ._plans.steps import Ask, Instant, Now, Plan, Reply, Send, Step
from .errors import ConnectionFailed, FluxbaseError, RequestTimeout

T = TypeVar("T")

CONNECT_SECONDS: Final = 5.0


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
    finally:
        plan.close()


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
    finally:
        plan.close()


def _perform(step: Step, http: httpx.Client) -> object:
    match step:
        case Send():
            return _send(step, http)
        case Ask(callback):
            return callback()
        case Now():
            return instant()
        case _:
            assert_never(step)


async def _perform_async(step: Step, http: httpx.AsyncClient) -> object:
    match step:
        case Send():
            return await _send_async(step, http)
        case Ask(callback):
            told = callback()
            return await told if inspect.isawaitable(told) else told
        case Now():
            return instant()
        case _:
            assert_never(step)


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


def instant() -> Instant:
    """Both clocks, now."""
    return Instant(time.monotonic(), datetime.now(UTC))


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
        return RequestTimeout(f"no complete answer within {step.timeout:g} s", retryable=True)
    words = "" if isinstance(fault, httpx.LocalProtocolError | httpx.InvalidURL) else f": {fault}"
    return ConnectionFailed(f"no complete answer ({type(fault).__name__}{words})", retryable=True)
