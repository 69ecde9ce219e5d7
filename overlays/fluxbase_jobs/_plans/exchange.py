"""The single exchange that every verb is made of: credentials, one request, a judgement."""

from __future__ import annotations

from typing import Any, TypeVar

from .. import _arguments as arguments
from .._operations.operation import Operation
from .._replies import judge
from .._session import Session, key_header
from ..errors import FluxbaseError, InvalidInput
from ..result import Err, Meta, Ok, Result
from .steps import Ask, Instant, Plan, Reply, now, send

T = TypeVar("T")


def exchange(session: Session, operation: Operation[T]) -> Plan[Result[T]]:
    """Send a request and read its answer. One attempt; the place for more is around `_attempt`."""
    started = yield from now()
    outcome = yield from _attempt(session, operation)
    ended = yield from now()
    return _result(operation, outcome, started, ended)


def _attempt(session: Session, operation: Operation[T]) -> Plan[Reply | FluxbaseError]:
    timeout = arguments.seconds("timeout", session.timeout)
    credentials = yield from _credentials(session)
    request = dict(operation.request)
    own = {name.lower(): value for name, value in request.get("headers", {}).items()}
    request["url"] = session.base_url + request["url"]
    request["headers"] = {**session.headers, **credentials, **own}
    return (yield from send(request, timeout))


def _credentials(session: Session) -> Plan[dict[str, str]]:
    if session.key is None:
        return {}
    key: Any = session.key
    if callable(key):
        key = yield Ask(key)
    return key_header(key)


def _result(operation: Operation[T], outcome: Reply | FluxbaseError, started: Instant, ended: Instant) -> Result[T]:
    elapsed = ended.monotonic - started.monotonic
    if isinstance(outcome, FluxbaseError):
        outcome.attempts, outcome.job_id = 1, operation.job_id
        return Err(outcome, Meta(attempts=1, elapsed=elapsed))
    meta = Meta(status=outcome.status, headers=outcome.headers, attempts=1, elapsed=elapsed)
    data, error = judge(operation, outcome, ended.utc)
    if error is None:
        return Ok(data, meta)
    error.attempts = 1
    return Err(error, meta)


def refusing(plan: Plan[Result[T]]) -> Plan[Result[T]]:
    """The plan, with arguments that it refuses turned into an error value."""
    try:
        return (yield from plan)
    except InvalidInput as error:
        return Err(error)
