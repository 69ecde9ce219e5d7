"""The key of a request: read before each one, refreshed before it expires and after a 401."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from attrs import evolve, field, frozen

from ..._context.call_context import CallContext, ClientSettings
from ..._context.credentials import Credentials
from ..._operations import auth
from ..._operations.interpret import interpret
from ..._operations.operation import Operation
from ...errors import FluxbaseError, Rejected, RequestTimeout
from ...models.tokens import Tokens
from .call import open_call
from .send import send
from .steps import Acquire, Instant, Invoke, Plan, Shield, read_clock

REFRESH_SECONDS: Final = 30.0
"""Seconds for a refresh, whatever time the call has that needs it: the server spends the old refresh token when it reads the request."""
LOCK_SECONDS: Final = REFRESH_SECONDS + 5.0
"""Seconds for the refresh of another call. One that takes longer never ends: its event loop was stopped."""


@frozen
class UsedKey:
    """The key that a request carries. It is not shown: it stays in the local variables of all that waits for the answer."""

    value: Any = field(repr=False)


NO_KEY: Final = UsedKey(None)


def current_key(context: CallContext, now: Instant) -> Plan[tuple[UsedKey | FluxbaseError, Instant]]:
    """The key to send now, and the time afterwards. Where there is no key and none can be had, the error in place of the key."""
    credentials = context.client.credentials
    if callable(credentials.key):
        used = UsedKey((yield Invoke(credentials.key)))
        return used, (yield from read_clock())
    if credentials.refresh_due(now.monotonic, now.utc.timestamp()):
        refreshed = yield from _refresh(context, UsedKey(credentials.key), now)
        now = yield from read_clock()
        if credentials.key is None and isinstance(refreshed, FluxbaseError) and not is_refusal(refreshed):
            return refreshed, now
    return UsedKey(credentials.key), now


def refresh_key(context: CallContext, used: UsedKey, now: Instant) -> Plan[bool | FluxbaseError]:
    """After a 401 for the key `used`: whether there is another one now, or why the refresh failed."""
    credentials = context.client.credentials
    if callable(credentials.key):
        return bool((yield Invoke(credentials.key)) != used.value)
    return (yield from _refresh(context, used, now))


def is_refusal(error: FluxbaseError) -> bool:
    """Whether the server refused the refresh token. Any other failure of a refresh passes and says nothing about the token."""
    return isinstance(error, Rejected) and not error.retryable


def _refresh(context: CallContext, used: UsedKey, now: Instant) -> Plan[bool | FluxbaseError]:
    """Exchange the refresh token. One caller at a time, as a refresh token works once; the others use what the first one got."""
    credentials = context.client.credentials
    before, lock = credentials.refreshes, credentials.lock
    if not (yield Acquire(lock, max(min(context.deadline - now.monotonic, LOCK_SECONDS), 0.0))):
        return RequestTimeout("the tokens are still being refreshed by another call", retryable=True)
    with ExitStack() as held:
        held.callback(lock.release)
        if credentials.key != used.value or credentials.refresh_token is None:
            return bool(credentials.key != used.value)
        if credentials.refreshes != before:
            return _failure(credentials)
        # The server spends the refresh token when it reads the request: the response must not be lost.
        renewed: bool = yield Shield(_exchange_tokens(context, credentials, auth.refresh(credentials.refresh_token), held))
        return renewed or _failure(credentials)


def _failure(credentials: Credentials) -> bool | FluxbaseError:
    return credentials.refresh_error or False


def _exchange_tokens(context: CallContext, credentials: Credentials, operation: Operation[Tokens], held: ExitStack) -> Plan[bool]:
    """Get new tokens, store them, release the lock and call `on_tokens`. True if there are new tokens."""
    now = yield from read_clock()
    tokens = yield from _new_tokens(evolve(context, timeout=REFRESH_SECONDS, deadline=now.monotonic + REFRESH_SECONDS), operation, now)
    credentials.refreshes += 1
    if isinstance(tokens, FluxbaseError):
        credentials.refresh_error, credentials.refresh_at = tokens, None
        return False
    credentials.replace(tokens, now.monotonic)
    held.close()
    if credentials.on_tokens is not None:
        yield Invoke(partial(credentials.on_tokens, tokens))
    return True


def _new_tokens(context: CallContext, operation: Operation[Tokens], now: Instant) -> Plan[Tokens | FluxbaseError]:
    sent = yield from send(context, operation.request, {}, now)
    if isinstance(sent.outcome, FluxbaseError):
        return sent.outcome
    tokens, error = interpret(operation, sent.outcome, sent.at.utc)
    return tokens if error is None else error


def key_of_now(client: ClientSettings) -> Plan[object]:
    """The key to send now, refreshed if it is due; None where there is none."""
    context = yield from open_call(client, {})
    used, _ = yield from current_key(context, (yield from read_clock()))
    return None if isinstance(used, FluxbaseError) else used.value
