"""Credentials on the way: asked for before each request, refreshed before they expire and after a 401."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from .._context.call_context import Session
from .._context.credentials import expires_at
from .._operations import auth
from .._operations.interpret import judge
from ..errors import FluxbaseError
from ..models.jobs import Tokens
from .steps import Acquire, Ask, Plan, Reply, now, send

LEEWAY: Final = 30.0
"""Seconds before its expiry from which a token is refreshed: clocks differ and requests take time."""


def current_key(session: Session, end: float) -> Plan[Any]:
    """The key to send now."""
    credentials = session.credentials
    if callable(credentials.key):
        return (yield Ask(credentials.key))
    if credentials.refresh_token is not None:
        instant = yield from now()
        expiry = expires_at(credentials.key)
        if credentials.key is None or (expiry is not None and expiry - LEEWAY < instant.utc.timestamp()):
            yield from _refresh(session, credentials.key, end)
    return credentials.key


def renewed(session: Session, used: object, end: float) -> Plan[bool]:
    """After a 401 for the key `used`: whether there is another one now."""
    credentials = session.credentials
    if callable(credentials.key):
        return bool((yield Ask(credentials.key)) != used)
    return (yield from _refresh(session, used, end))


def _refresh(session: Session, used: object, end: float) -> Plan[bool]:
    """Exchange the refresh token. One caller at a time, as a refresh token works once; who waited takes what the first one got."""
    credentials = session.credentials
    before, lock = credentials.refreshes, credentials.lock
    instant = yield from now()
    if not (yield Acquire(lock, max(end - instant.monotonic, 0.0))):
        return False
    try:
        if credentials.key != used or credentials.refreshes != before or credentials.refresh_token is None:
            return bool(credentials.key != used)
        told = yield from _new_tokens(session, credentials.refresh_token, end)
        credentials.refreshes += 1
        if isinstance(told, FluxbaseError):
            credentials.fault = told
            return False
        credentials.key, credentials.refresh_token = told.access_token, told.refresh_token or credentials.refresh_token
        credentials.fault = None
    finally:
        lock.release()
    if credentials.on_tokens is not None:
        yield Ask(partial(credentials.on_tokens, told))
    return True


def _new_tokens(session: Session, refresh_token: str, end: float) -> Plan[Tokens | FluxbaseError]:
    operation = auth.refresh(refresh_token)
    reply = yield from send_by(end, session, addressed(session, operation.request, {}))
    if isinstance(reply, FluxbaseError):
        return reply
    instant = yield from now()
    tokens, error = judge(operation, reply, instant.utc)
    return tokens if error is None else error


def send_by(end: float, session: Session, request: Mapping[str, Any]) -> Plan[Reply | FluxbaseError]:
    """Send one request, with the session's timeout or what is left until `end`, on the monotonic clock."""
    instant = yield from now()
    return (yield from send(request, min(session.timeout, max(end - instant.monotonic, 0.001))))


def addressed(session: Session, request: Any, credentials: dict[str, str]) -> dict[str, Any]:
    """A request with its full address, the client's headers and the credentials."""
    own = {name.lower(): value for name, value in request.get("headers", {}).items()}
    return {**request, "url": session.base_url + request["url"], "headers": {**session.headers, **credentials, **own}}
