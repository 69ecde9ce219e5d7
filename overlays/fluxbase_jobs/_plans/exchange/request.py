"""The one exchange that every verb is made of: a request with its credentials, its response, and another attempt where that may help."""

from __future__ import annotations

from typing import Final, TypeVar

from attrs import define, evolve

from ..._context.call_context import CallContext
from ..._context.credentials import key_header
from ..._operations.confidential import (
    public_failure,
    public_headers,
    secrets_among,
    without_secrets_in_headers,
    without_secrets_of_call,
)
from ..._operations.interpret import interpret, public_error
from ..._operations.operation import Operation
from ..._transports.messages import RawResponse
from ...errors import AuthenticationFailed, FluxbaseError, InvalidInput
from ...models.jobs import notes_on
from ...result import Err, Meta, Ok, Result
from .authentication import NO_KEY, UsedKey, current_key, is_refusal, refresh_key
from .send import send
from .steps import Instant, Plan, pause, read_clock

T = TypeVar("T")

_MIN_SECRET_KEY: Final = 20
"""Characters of an idempotency key that is hidden: a shorter one was chosen by the user, and may be a word of the error."""


@define
class _Attempt:
    """One request, the key that it carried, and what came of it."""

    used: UsedKey
    outcome: RawResponse | FluxbaseError
    at: Instant


@define
class _ReauthBudget:
    """How many more times this exchange may re-authenticate after a 401."""

    refreshes: int = 1
    replays: int = 10
    """Each run with a bad token leaves an idempotency key behind, for which the server replays its 401 for a day."""


def exchange(context: CallContext, operation: Operation[T]) -> Plan[Result[T]]:
    """Send a request and read its response; retry by the context's policy, and with new credentials after a 401."""
    now = yield from read_clock()
    attempts, budget = 0, _ReauthBudget()
    while True:
        attempt = yield from _attempt(context, operation, now)
        attempts += not isinstance(attempt.outcome, InvalidInput)
        now = attempt.at
        result = _result(context, operation, attempt, attempts, now.monotonic - context.opened)
        if isinstance(result, Ok):
            return result
        if isinstance(result.error, AuthenticationFailed):
            renewed = yield from _reauthenticated(context, result, attempt, budget)
            now = yield from read_clock()
            if renewed is not False:
                operation = operation.rekeyed()
            if renewed is True:
                continue
            result = _renewal_failed(context, operation, result, renewed)
        delay = _delay(context, operation, result.error, attempts, now)
        if delay is None:
            return _with_wait_hint(context, result, attempts, now)
        now = yield from pause(delay, _retry_reason(operation, result.error, attempts, context))


def after(before: Meta, result: Result[T]) -> Result[T]:
    """The result of a request, with what was sent before it for the same call."""
    meta = result.meta.plus(before)
    return Ok(result.data, meta) if isinstance(result, Ok) else Err(result.error.with_(attempts=meta.attempts), meta)


def _attempt(context: CallContext, operation: Operation[T], now: Instant) -> Plan[_Attempt]:
    used, now = yield from current_key(context, now)
    if isinstance(used, FluxbaseError):
        return _Attempt(NO_KEY, used, now)
    try:
        credentials = {} if context.client.credentials.key is None else key_header(used.value)
    except InvalidInput as error:
        return _Attempt(used, error, now)
    sent = yield from send(context, operation.request, credentials, now)
    return _Attempt(used, sent.outcome, sent.at)


def _delay(context: CallContext, operation: Operation[T], error: FluxbaseError, attempts: int, now: Instant) -> float | None:
    """The seconds until the next attempt; None where there is none."""
    if not operation.resendable:
        return None
    return context.retry.delay(error, attempts, context.deadline - now.monotonic, now.random)


def _with_wait_hint(context: CallContext, result: Err, attempts: int, now: Instant) -> Err:
    """The last error, with a hint where the server asks for a longer pause than the call has time for."""
    error, left = result.error, max(context.deadline - now.monotonic, 0.0)
    if error.retry_after is None or error.retry_after < left or not error.retryable or attempts >= context.retry.attempts:
        return result
    reason = f"the server asks to wait {error.retry_after:g} s, more than the {left:.3g} s left"
    return Err(error.with_(hint=f"{error.hint}; {reason}" if error.hint else reason), result.meta)


def _retry_reason(operation: Operation[T], error: FluxbaseError, attempts: int, context: CallContext) -> str:
    """What is retried and why, for the log: without the server's text, which could hold anything."""
    cause = type(error).__name__ if error.status is None else f"status {error.status}"
    method, url = str(operation.request["method"]).upper(), operation.request["url"]
    return f"{method} {url}: {cause}, attempt {attempts} of {context.retry.attempts}"


def _reauthenticated(context: CallContext, refused: Err, attempt: _Attempt, budget: _ReauthBudget) -> Plan[bool | FluxbaseError]:
    """Whether another attempt may succeed: because the 401 was only replayed for an old idempotency key, or with a new access key.

    Where the refresh failed, its error.
    """
    if attempt.at.monotonic >= context.deadline:
        return False
    if refused.meta.idempotency_replayed:
        budget.replays -= 1
        return budget.replays >= 0
    if budget.refreshes == 0:
        return False
    renewed = yield from refresh_key(context, attempt.used, attempt.at)
    if not isinstance(renewed, FluxbaseError) or is_refusal(renewed):
        budget.refreshes -= 1
    return renewed


def _renewal_failed(context: CallContext, operation: Operation[T], refused: Err, renewed: bool | FluxbaseError) -> Err:  # noqa: FBT001  # an outcome
    """The failure of the refresh, which may pass, or else the 401 with a hint: the refresh token was refused, or there is no key."""
    if isinstance(renewed, FluxbaseError) and not is_refusal(renewed):
        hint = "this happened while the tokens were refreshed after a 401; the refresh token was not refused"
        hint = f"{renewed.hint}; {hint}" if renewed.hint else hint
        return Err(renewed.with_(hint=hint, attempts=refused.error.attempts, job_id=refused.error.job_id), refused.meta)
    return refused if operation.confidential else _with_key_hint(context, refused)


def _with_key_hint(context: CallContext, refused: Err) -> Err:
    """The 401 with a hint: that there was no key, or why the tokens could not be refreshed."""
    credentials = context.client.credentials
    if credentials.key is None and not refused.error.hint:
        return Err(refused.error.with_(hint=credentials.missing_key_hint), refused.meta)
    cause = credentials.refresh_error
    if cause is None or refused.error.hint:
        return refused
    return Err(refused.error.with_(hint=f"the tokens could not be refreshed: {cause.message}"), refused.meta)


def _result(context: CallContext, operation: Operation[T], attempt: _Attempt, attempts: int, elapsed: float) -> Result[T]:
    outcome, secrets = attempt.outcome, _secrets(context, operation, attempt)
    if isinstance(outcome, FluxbaseError):
        failure = public_failure(outcome) if operation.confidential else without_secrets_of_call(outcome, secrets)
        return Err(failure.with_(attempts=attempts, job_id=operation.job_id), Meta(attempts=attempts, elapsed=elapsed))
    headers = public_headers(outcome.headers) if operation.confidential else without_secrets_in_headers(outcome.headers, secrets)
    meta = Meta(status=outcome.status, headers=headers, attempts=attempts, elapsed=elapsed)
    data, error = interpret(operation, outcome, attempt.at.utc)
    context.client.memory.observe(data)
    if error is not None:
        return Err(public_error(operation, outcome, error, attempt.at.utc, secrets).with_(attempts=attempts), meta)
    notes = operation.notes + notes_on(data)
    return Ok(data, evolve(meta, notes=notes) if notes else meta)


def _secrets(context: CallContext, operation: Operation[T], attempt: _Attempt) -> tuple[str, ...]:
    """What was sent, or could be, that no answer may bring into an error, a log or a pickle."""
    key = operation.key if operation.key and len(operation.key) >= _MIN_SECRET_KEY else None
    return secrets_among((attempt.used.value, key, *context.client.secrets))
