"""Who calls: a key or token, where it comes from, and the header that carries it."""

from __future__ import annotations

import base64
import inspect
import math
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

import msgspec
from attrs import evolve

from .._transports.messages import Private
from .._validation import arguments
from ..errors import FluxbaseError, InvalidInput
from ..models.tokens import Tokens

Key: TypeAlias = str | Callable[[], str]
AsyncKey: TypeAlias = str | Callable[[], str | Awaitable[str]]
OnTokens: TypeAlias = Callable[[Tokens], object]

LEEWAY: Final = 30.0
"""Seconds before their expiry from which tokens are refreshed: requests take time. Half the lifetime of those that last a minute or less."""
_KEY_HEADERS: Final = {"sk_": "x-service-key", "pk_": "x-service-key", "fb_": "x-service-key", "fbk_": "x-client-key"}


class Credentials:
    """One client's credentials, as they stand now: refreshed tokens take the place of the old ones.

    Args:
        key: a token or key, or a callable that gives one.
        refresh_token: buys new tokens; only with a key that is text, or none.
        on_tokens: called, or awaited, with each new pair.

    Attributes:
        refresh_at: when to refresh the tokens ahead of their expiry, on the monotonic clock; None: only after a 401.
        refreshes: how many refreshes have ended.
        refresh_error: why the last one brought no tokens.
        tokens: the pair that the server gave last; None before it gave one.
        missing_key_hint: what to say where the server asks for a key and there is none.

    Raises:
        InvalidInput: an argument is not as described.
    """

    def __init__(self, key: AsyncKey | None, refresh_token: str | None, on_tokens: OnTokens | None) -> None:
        if not (key is None or callable(key)):
            key_header(key)
        if refresh_token is not None:
            refresh_token = header_text("refresh_token", refresh_token)
        if refresh_token is not None and callable(key):
            raise InvalidInput("refresh_token goes with a key that is text: a callable key refreshes itself")
        if on_tokens is not None and not callable(on_tokens):
            raise InvalidInput("on_tokens must be a function that takes the new tokens")
        self.key = key
        self.refresh_token = refresh_token
        self.on_tokens = on_tokens
        self.refresh_at: float | None = None
        self._lifetime_known = False
        self.tokens: Tokens | None = None
        self.refreshes = 0
        self.refresh_error: FluxbaseError | None = None
        self.missing_key_hint = "the client was made without a key"
        self._lock = threading.Lock()
        self._process = os.getpid()

    @property
    def lock(self) -> threading.Lock:
        """Held while the tokens are refreshed. A forked process has its own: the parent's may have been copied while it was held."""
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock

    def refresh_due(self, monotonic: float, wall: float) -> bool:
        """Whether to refresh the tokens now, ahead of their expiry.

        The wall clock is compared with the given key's expiry once, at the first request; it may be wrong,
        and may be changed later. After that only the monotonic clock counts.
        """
        if self.refresh_token is None:
            return False
        if not self._lifetime_known:
            self.set_lifetime(monotonic, remaining_seconds(self.key, wall))
        return self.key is None or (self.refresh_at is not None and self.refresh_at <= monotonic)

    def set_lifetime(self, received: float, seconds: float | None) -> None:
        """Plan the next refresh for shortly before the tokens expire.

        A key that has expired already is refreshed at once. What a server says of new tokens without a lifetime is not believed:
        they would be refreshed before every request.
        """
        self._lifetime_known = True
        self.refresh_at = None if seconds is None else received + seconds - min(LEEWAY, max(seconds, 0.0) / 2)

    def replace(self, tokens: Tokens, received: float) -> None:
        """Take new tokens, which were received at this moment of the monotonic clock."""
        self.key, self.refresh_token = tokens.access_token, tokens.refresh_token or self.refresh_token
        self.refresh_error = None
        self.received(tokens, received)

    def received(self, tokens: Tokens, at: float) -> None:
        """Keep tokens, and plan their refresh by the moment of the monotonic clock at which they came, whatever the wall clock says."""
        self.tokens = evolve(tokens, refresh_token=self.refresh_token)
        seconds = lifetime(tokens.access_token) if tokens.expires_in is None else tokens.expires_in
        self.set_lifetime(at, min(seconds, arguments.MAX_SECONDS) if seconds is not None and seconds > 0 else None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


def key_header(key: object) -> dict[str, str]:
    """The header that carries a key of this form: `sk_`, `pk_`, `fb_` are service keys, `fbk_` client keys, all else is a token."""
    text = header_text("key", key)
    form = text[: text.find("_") + 1]
    return Private({_KEY_HEADERS[form]: text} if form in _KEY_HEADERS else {"authorization": f"Bearer {text}"})


def refuse_coroutine_functions(**callbacks: object) -> None:
    """Raise InvalidInput where a sync client was given what it could not await: new tokens would be lost without an error."""
    for name, callback in callbacks.items():
        if _is_coroutine_function(callback):
            raise InvalidInput(f"{name} must not be a coroutine function: only the async client awaits one")


def _is_coroutine_function(callback: object) -> bool:
    with suppress(Exception):  # an object of any class, whose methods may raise anything
        if callable(callback):  # else it is text, or refused by Credentials
            return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(getattr(callback, "__call__", None))  # noqa: B004  # finds the method, does not call it
    return False


def remaining_seconds(token: object, wall: float) -> float | None:
    """The seconds until a JWT expires, by a wall clock and at most its whole lifetime; None for what is no JWT or does not say."""
    expiry, whole = _claim(token, "exp"), lifetime(token)
    if expiry is None:
        return None
    return expiry - wall if whole is None else min(expiry - wall, whole)


def lifetime(token: object) -> float | None:
    """The seconds from a JWT's issue to its expiry; None for what is no JWT or does not say."""
    expiry, issued = _claim(token, "exp"), _claim(token, "iat")
    return None if expiry is None or issued is None else expiry - issued


def _claim(token: object, name: str) -> float | None:
    """A moment that a JWT claims, in seconds since 1970."""
    try:
        claims = str(token).split(".")[1]
        claimed: Any = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        moment = float(claimed[name])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return None
    return moment if math.isfinite(moment) else None


def header_text(name: str, value: object) -> str:
    """The value, fit for a header. The message does not quote it."""
    text = arguments.plain_text(value)
    if text and text.isascii() and text.isprintable() and " " not in text:
        return text
    raise InvalidInput(
        f"{name} must be text of visible ASCII characters without blanks" + (", or a callable that gives such text" * (name == "key"))
    )
