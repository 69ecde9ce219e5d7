"""The single exchange that every verb is made of: credentials, a request, a judgement, and another try where it is worth one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from attrs import define, evolve

from .._context.call_context import Session
from .._context.credentials import key_header
from .._operations.interpret import judge
from .._operations.operation import Operation
from ..errors import AuthenticationFailed, FluxbaseError, InvalidInput
from ..result import Err, Meta, Ok, Result
from .authentication import addressed, current_key, renewed, send_by
from .steps import Emit, Instant, Pause, Plan, Reply, Stream, now

T = TypeVar("T")
P = ParamSpec("P")


@define
class _Try:
    """One request and what came of it."""

    key: object
    outcome: Reply | FluxbaseError
    at: Instant


@define
class _Chances:
    """What a 401 may still be answered with."""

    tokens: int = 1
    keys: int = 10
    """Each run with a bad token leaves a key behind to which the server replays a 401 for a day."""


def exchange(session: Session, operation: Operation[T]) -> Plan[Result[T]]:
    """Send a request and read its answer; try again as the session's policy says, and with other credentials after a 401."""
    session = session.checked()
    started = yield from now()
    end, attempts, chances = started.monotonic + session.retry.total, 0, _Chances()
    end = end if session.end is None else min(end, session.end)
    while True:
        tried = yield from _try(session, operation, end)
        attempts += not isinstance(tried.outcome, InvalidInput)
        result = _result(operation, tried, attempts, tried.at.monotonic - started.monotonic)
        if isinstance(result, Ok):
            return result
        if isinstance(result.error, AuthenticationFailed) and (yield from _changed(session, result, tried, end, chances)):
            operation = operation.rekeyed()
            continue
        left = end - tried.at.monotonic
        delay = session.retry.delay(result.error, attempts, left, tried.at.random) if operation.resendable else None
        if delay is None:
            return result
        yield Pause(delay)


def whole(session: Session) -> Plan[Session]:
    """The session for a verb of several exchanges, which share the time of one."""
    session = session.checked()
    instant = yield from now()
    return evolve(session, end=instant.monotonic + session.retry.total)


def _try(session: Session, operation: Operation[T], end: float) -> Plan[_Try]:
    key = yield from current_key(session, end)
    outcome: Reply | FluxbaseError
    try:
        credentials = {} if session.credentials.key is None else key_header(key)
    except InvalidInput as error:
        outcome = error
    else:
        outcome = yield from send_by(end, session, addressed(session, operation.request, credentials))
    return _Try(key, outcome, (yield from now()))


def _changed(session: Session, refused: Err, tried: _Try, end: float, chances: _Chances) -> Plan[bool]:
    """Whether another try may fare better: because the 401 was only the memory of an earlier one, or with a new key."""
    if tried.at.monotonic >= end:
        return False
    if refused.meta.idempotency_replayed:
        chances.keys -= 1
        return chances.keys >= 0
    chances.tokens -= 1
    if chances.tokens < 0:
        return False
    changed = yield from renewed(session, tried.key, end)
    fault = session.credentials.fault
    if fault is not None and not changed:
        refused.error.hint = refused.error.hint or f"the tokens could not be refreshed: {fault.message}"
    return changed


def _result(operation: Operation[T], tried: _Try, attempts: int, elapsed: float) -> Result[T]:
    outcome = tried.outcome
    if isinstance(outcome, FluxbaseError):
        outcome.attempts, outcome.job_id = attempts, operation.job_id
        return Err(outcome, Meta(attempts=attempts, elapsed=elapsed))
    meta = Meta(status=outcome.status, headers=outcome.headers, attempts=attempts, elapsed=elapsed)
    data, error = judge(operation, outcome, tried.at.utc)
    if error is None:
        return Ok(data, meta)
    error.attempts = attempts
    return Err(error, meta)


def refusing(plan: Plan[Result[T]]) -> Plan[Result[T]]:
    """The plan, with arguments that it refuses turned into an error value."""
    try:
        return (yield from plan)
    except InvalidInput as error:
        return Err(error)


def refusing_stream(plan: Callable[P, Stream[Result[T]]]) -> Callable[P, Stream[Result[T]]]:
    """A decorator: arguments that the stream refuses are turned into an error value, its only one."""

    @wraps(plan)
    def stream(*args: P.args, **options: P.kwargs) -> Stream[Result[T]]:
        try:
            yield from plan(*args, **options)
        except InvalidInput as error:
            yield Emit(Err(error))

    return stream
