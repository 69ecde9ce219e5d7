"""What all requests of one client share: where they go, what they carry, how long they may take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias, cast
from urllib.parse import SplitResult, urlsplit

from attrs import evolve, field, frozen

from . import _arguments as arguments
from .errors import InvalidInput

Key: TypeAlias = str | Callable[[], str]
AsyncKey: TypeAlias = str | Callable[[], str | Awaitable[str]]

_KEY_HEADERS: Final = {"sk_": "x-service-key", "pk_": "x-service-key", "fb_": "x-service-key", "fbk_": "x-client-key"}


@frozen(kw_only=True)
class Session:
    """One client's settings, checked."""

    base_url: str
    key: AsyncKey | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout: float

    def override(self, timeout: object) -> Session:
        """These settings with another timeout, in seconds, for one call; None leaves it. It is checked when the call is made."""
        return self if timeout is None else evolve(self, timeout=cast("float", timeout))


def make_session(url: object, key: object, headers: Mapping[str, str] | None, timeout: object) -> Session:
    """A client's settings from what its constructor was given. Raises InvalidInput, naming the argument."""
    if not (key is None or callable(key)):
        key_header(key)
    return Session(
        base_url=_base_url(url),
        key=key,  # type: ignore[arg-type]  # checked above
        headers=dict(_header(name, value) for name, value in (headers or {}).items()),
        timeout=arguments.seconds("timeout", timeout),
    )


def key_header(key: object) -> dict[str, str]:
    """The header that carries a key of this form: `sk_`, `pk_`, `fb_` are service keys, `fbk_` client keys, all else is a token."""
    if not isinstance(key, str) or not key or not all("!" <= character <= "~" for character in key):
        raise InvalidInput("key must be text of visible ASCII characters without blanks, or a callable that returns such text")
    form = key[: key.find("_") + 1]
    return {_KEY_HEADERS[form]: key} if form in _KEY_HEADERS else {"authorization": f"Bearer {key}"}


def _base_url(url: object) -> str:
    text = arguments.text("url", url)
    try:
        parts = urlsplit(text)
        valid = _is_server(parts)
    except ValueError:
        valid = False
    if not valid:
        raise InvalidInput("url must be the server's address, like https://example.com: http or https, no user name, query or fragment")
    return text.rstrip("/")


def _is_server(parts: SplitResult) -> bool:
    # Reading .port raises ValueError where it is no port.
    plain = not (parts.username or parts.password or parts.query or parts.fragment) and parts.port != 0
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _header(name: object, value: object) -> tuple[str, str]:
    sound = isinstance(name, str) and name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not (sound and isinstance(value, str) and value.isascii() and value.isprintable()):
        raise InvalidInput(f"headers must map names to printable ASCII text; {name!r} does not")
    return str(name).lower(), value
