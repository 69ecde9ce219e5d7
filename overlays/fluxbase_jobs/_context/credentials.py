"""Who calls: a key or token, where it comes from, and the header that carries it."""

from __future__ import annotations

import base64
import inspect
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec

from ..errors import FluxbaseError, InvalidInput
from ..models.tokens import Tokens

Key: TypeAlias = str | Callable[[], str]
AsyncKey: TypeAlias = str | Callable[[], str | Awaitable[str]]
OnTokens: TypeAlias = Callable[[Tokens], object]

_KEY_HEADERS: Final = {"sk_": "x-service-key", "pk_": "x-service-key", "fb_": "x-service-key", "fbk_": "x-client-key"}


class Credentials:
    """One client's credentials, as they stand now: refreshed tokens take the place of the old ones.

    Args:
        key: a token or key, or a callable that gives one.
        refresh_token: buys new tokens; only with a key that is text, or none.
        on_tokens: called, or awaited, with each new pair.

    Attributes:
        refreshes: how many refreshes have ended.
        refresh_error: why the last one brought no tokens.
        missing_key_hint: what to say where the server asks for a key and there is none.

    Raises:
        InvalidInput: an argument is not as described.
    """

    def __init__(self, key: AsyncKey | None, refresh_token: str | None, on_tokens: OnTokens | None) -> None:
        if not (key is None or callable(key)):
            key_header(key)
        if refresh_token is not None:
            header_text("refresh_token", refresh_token)
        if refresh_token is not None and callable(key):
            raise InvalidInput("refresh_token goes with a key that is text: a callable key refreshes itself")
        if on_tokens is not None and not callable(on_tokens):
            raise InvalidInput("on_tokens must be a function that takes the new tokens")
        self.key = key
        self.refresh_token = refresh_token
        self.on_tokens = on_tokens
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

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


def key_header(key: object) -> dict[str, str]:
    """The header that carries a key of this form: `sk_`, `pk_`, `fb_` are service keys, `fbk_` client keys, all else is a token."""
    text = header_text("key", key)
    form = text[: text.find("_") + 1]
    return {_KEY_HEADERS[form]: text} if form in _KEY_HEADERS else {"authorization": f"Bearer {text}"}


def refuse_coroutine_functions(**callbacks: object) -> None:
    """Raise InvalidInput where a sync client was given what it could not await: new tokens would be lost without a word."""
    for name, callback in callbacks.items():
        if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(getattr(callback, "__call__", None)):  # noqa: B004
            raise InvalidInput(f"{name} must not be a coroutine function: only the async client awaits one")


def expires_at(token: object) -> float | None:
    """When a JWT expires, in seconds since 1970; None for what is no JWT or does not say."""
    try:
        claims = str(token).split(".")[1]
        claimed: Any = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return float(claimed["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def header_text(name: str, value: object) -> str:
    """The value, fit for a header. The message does not quote it."""
    if isinstance(value, str) and value and all("!" <= character <= "~" for character in value):
        return value
    raise InvalidInput(
        f"{name} must be text of visible ASCII characters without blanks" + (", or a callable that gives such text" * (name == "key"))
    )
