"""The single exchange that every verb is made of: credentials, a request, a judgement, and another try where it is worth one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from attrs import define

from .._credentials import key_header
from .._operations.operation import Operation
from .._replies import judge
from .._session import Session
from ..errors import AuthenticationFailed, FluxbaseError, InvalidInput
from ..result import Err, Meta, Ok, Result
from .credentials import addressed, current_key, renewed
from .steps import Emit, Instant, Pause, Plan, Reply, Stream, now, send

T = TypeVar("T")
P = ParamSpec("P")


@define
class _Try:
    """One request and what came of it."""

    key: object
    outcome: Reply | FluxbaseError
    at: Instant


def exchange(session: Session, operation: Operation[T]) -> Plan[Result[T]]:
    """Send a request and read its answer; try again as the session's policy says, and once more with new credentials after a 401."""
    session = session.checked()
    started = yield from now()
    end, attempts, may_renew = started.monotonic + session.retry.total, 0, True
    while True:
        tried = yield from _try(session, operation, end)
        attempts += not isinstance(tried.outcome, InvalidInput)
        left = end - tried.at.monotonic
        result = _result(operation, tried, attempts, tried.at.monotonic - started.monotonic)
        if isinstance(result, Ok):
            return result
        if (
            may_renew
            and isinstance(result.error, AuthenticationFailed)
            and (yield from _other_credentials(session.hurried(left), result.meta, tried.key))
        ):
            operation, may_renew = operation.rekeyed(), False
            continue
        delay = session.retry.delay(result.error, attempts, left, tried.at.dice) if operation.resendable else None
        if delay is None:
            return result
        yield Pause(delay)


def _try(session: Session, operation: Operation[T], end: float) -> Plan[_Try]:
    instant = yield from now()
    key = yield from current_key(session.hurried(end - instant.monotonic))
    outcome: Reply | FluxbaseError
    try:
        credentials = {} if session.credentials.key is None else key_header(key)
    except InvalidInput as error:
        outcome = error
    else:
        instant = yield from now()  # the key may have taken its time
        timeout = session.hurried(end - instant.monotonic).timeout
        outcome = yield from send(addressed(session, operation.request, credentials), timeout)
    return _Try(key, outcome, (yield from now()))


def _other_credentials(session: Session, meta: Meta, used: object) -> Plan[bool]:
    """Whether a second try may fare better: with a new key, or because the 401 was only the memory of an earlier one."""
    return meta.idempotency_replayed or (yield from renewed(session, used))


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
