"""The key of a request: read before each one, refreshed before it expires and after a 401."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from .._context.call_context import CallContext
from .._context.credentials import Credentials, expires_at
from .._operations import auth
from .._operations.interpret import interpret
from ..errors import FluxbaseError
from ..models.tokens import Tokens
from .send import send
from .steps import Acquire, Instant, Invoke, Plan, read_clock

LEEWAY: Final = 30.0
"""Seconds before its expiry from which a token is refreshed: clocks differ and requests take time."""


def current_key(context: CallContext, now: Instant) -> Plan[tuple[Any, Instant]]:
    """The key to send now, and the time afterwards."""
    credentials = context.client.credentials
    if callable(credentials.key):
        key = yield Invoke(credentials.key)
        return key, (yield from read_clock())
    if _expires_soon(credentials, now):
        yield from _refresh(context, credentials.key, now)
        now = yield from read_clock()
    return credentials.key, now


def refresh_key(context: CallContext, used: object, now: Instant) -> Plan[bool]:
    """After a 401 for the key `used`: whether there is another one now."""
    credentials = context.client.credentials
    if callable(credentials.key):
        return bool((yield Invoke(credentials.key)) != used)
    return (yield from _refresh(context, used, now))


def _expires_soon(credentials: Credentials, now: Instant) -> bool:
    if credentials.refresh_token is None:
        return False
    expiry = expires_at(credentials.key)
    return credentials.key is None or (expiry is not None and expiry - LEEWAY < now.utc.timestamp())


def _refresh(context: CallContext, used: object, now: Instant) -> Plan[bool]:
    """Exchange the refresh token. One caller at a time, as a refresh token works once; the others use what the first one got."""
    credentials = context.client.credentials
    before, lock = credentials.refreshes, credentials.lock
    if not (yield Acquire(lock, max(context.deadline - now.monotonic, 0.0))):
        return False
    try:
        if credentials.key != used or credentials.refreshes != before or credentials.refresh_token is None:
            return bool(credentials.key != used)
        tokens = yield from _new_tokens(context, credentials.refresh_token)
        credentials.refreshes += 1
        if isinstance(tokens, FluxbaseError):
            credentials.refresh_error = tokens
            return False
        credentials.key, credentials.refresh_token = tokens.access_token, tokens.refresh_token or credentials.refresh_token
        credentials.refresh_error = None
    finally:
        lock.release()
    if credentials.on_tokens is not None:
        yield Invoke(partial(credentials.on_tokens, tokens))
    return True


def _new_tokens(context: CallContext, refresh_token: str) -> Plan[Tokens | FluxbaseError]:
    operation = auth.refresh(refresh_token)
    sent = yield from send(context, operation.request, {}, (yield from read_clock()))
    if isinstance(sent.outcome, FluxbaseError):
        return sent.outcome
    tokens, error = interpret(operation, sent.outcome, sent.at.utc)
    return tokens if error is None else error
