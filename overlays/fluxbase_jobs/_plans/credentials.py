"""Credentials on the way: asked for before each request, refreshed before they expire and after a 401."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from .._credentials import Credentials, expires_at
from .._operations import auth
from .._replies import judge
from .._session import Session
from ..models import Tokens
from .steps import Acquire, Ask, Plan, Reply, now, send

LEEWAY: Final = 30.0
"""Seconds before its expiry from which a token is refreshed: clocks differ and requests take time."""


def current_key(session: Session) -> Plan[Any]:
    """The key to send now."""
    credentials = session.credentials
    if callable(credentials.key):
        return (yield Ask(credentials.key))
    if credentials.refresh_token is not None:
        instant = yield from now()
        expiry = expires_at(credentials.key)
        if credentials.key is None or (expiry is not None and expiry - LEEWAY < instant.utc.timestamp()):
            yield from _refresh(session, credentials.key)
    return credentials.key


def renewed(session: Session, used: object) -> Plan[bool]:
    """After a 401 for the key `used`: whether there is another one now."""
    credentials = session.credentials
    if callable(credentials.key):
        return bool((yield Ask(credentials.key)) != used)
    return (yield from _refresh(session, used))


def _refresh(session: Session, used: object) -> Plan[bool]:
    """Exchange the refresh token. One caller at a time, as a refresh token works once; who waited takes what the first one got."""
    credentials = session.credentials
    yield Acquire(credentials.lock)
    try:
        if credentials.key != used:
            return True
        tokens = yield from _new_tokens(session, credentials)
        if tokens is None:
            return False
        credentials.key, credentials.refresh_token = tokens.access_token, tokens.refresh_token or credentials.refresh_token
    finally:
        credentials.lock.release()
    if credentials.on_tokens is not None:
        yield Ask(partial(credentials.on_tokens, tokens))
    return True


def _new_tokens(session: Session, credentials: Credentials) -> Plan[Tokens | None]:
    if credentials.refresh_token is None:
        return None
    operation = auth.refresh(credentials.refresh_token)
    reply = yield from send(addressed(session, operation.request, {}), session.timeout)
    instant = yield from now()
    return judge(operation, reply, instant.utc)[0] if isinstance(reply, Reply) else None


def addressed(session: Session, request: Any, credentials: dict[str, str]) -> dict[str, Any]:
    """A request with its full address, the client's headers and the credentials."""
    own = {name.lower(): value for name, value in request.get("headers", {}).items()}
    return {**request, "url": session.base_url + request["url"], "headers": {**session.headers, **credentials, **own}}
