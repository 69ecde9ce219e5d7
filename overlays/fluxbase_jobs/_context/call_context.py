"""What all requests of one client share: where they go, what they carry, how long and how often they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict, cast
from urllib.parse import SplitResult, urlsplit

from attrs import evolve, field, frozen

from .._validation import arguments
from .._validation.arguments import Seconds
from ..errors import InvalidInput
from ..policies.retry import RetryPolicy
from .credentials import Credentials

_INHERIT: Final = object()
# The HTTP library's own business; one from outside would break the request, and cookies are never sent.
_RESERVED: Final = frozenset({"connection", "content-length", "cookie", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"})


class RetryOption(TypedDict, total=False):
    """What every verb takes in place of the client's setting."""

    retry: RetryPolicy | None
    """How often and how long to try; None: one attempt."""


class CallOptions(RetryOption, total=False):
    """What the verbs that do not wait take in place of the client's settings."""

    timeout: Seconds
    """Seconds for one request."""


@frozen(kw_only=True)
class Session:
    """One client's settings, checked, and its credentials."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    retry: RetryPolicy
    credentials: Credentials
    end: float | None = None
    """When the verb that this session is for must have ended, on the monotonic clock; None where each exchange has its own time."""

    def override(self, *, timeout: Any = None, retry: Any = _INHERIT) -> Session:
        """These settings with others for one call. They are checked when the call is made, as only then there is a result to say so."""
        policy = self.retry if retry is _INHERIT else evolve(self.retry, attempts=1) if retry is None else retry
        return (
            self
            if timeout is None and policy is self.retry
            else evolve(self, timeout=self.timeout if timeout is None else timeout, retry=policy)
        )

    def within(self, left: float) -> Session:
        """These settings for a call that has only so many seconds left. Raises InvalidInput for what `override` let pass."""
        sound = self.checked()
        return evolve(sound, retry=evolve(sound.retry, total=min(sound.retry.total, max(left, 0.001))))

    def checked(self) -> Session:
        """These settings, fit for use. Raises InvalidInput for what `override` let pass."""
        if not isinstance(cast("object", self.retry), RetryPolicy):
            raise InvalidInput("retry must be a RetryPolicy, or None for one attempt")
        return evolve(self, timeout=arguments.seconds("timeout", self.timeout))


def make_session(
    url: object, headers: Mapping[str, str] | None, timeout: object, retry: RetryPolicy | None, credentials: Credentials
) -> Session:
    """A client's settings from what its constructor was given. Raises InvalidInput, naming the argument."""
    session = Session(
        base_url=_base_url(url),
        headers=_headers({} if headers is None else headers),
        timeout=arguments.seconds("timeout", timeout),
        retry=RetryPolicy(attempts=1) if retry is None else retry,
        credentials=credentials,
    )
    return session.checked()


def _base_url(url: object) -> str:
    text = arguments.text("url", url)
    try:
        # urlsplit drops line breaks, outer blanks, and a query or fragment that is empty.
        valid = _is_server(urlsplit(text)) and not any(character.isspace() or character in "?#\\" for character in text)
    except ValueError:
        valid = False
    if not valid:
        raise InvalidInput("url must be the server's address, like https://example.com: http or https, no user name, query or fragment")
    return text.rstrip("/")


def _is_server(parts: SplitResult) -> bool:
    # Reading .port raises ValueError where it is no port.
    plain = parts.username is None and parts.password is None and parts.port != 0
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _headers(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidInput("headers must be a mapping of names to texts")
    return dict(_header(name, value) for name, value in cast("Mapping[object, object]", given).items())


def _header(name: object, value: object) -> tuple[str, str]:
    if not isinstance(name, str) or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise InvalidInput(f"headers has the name {name!r}; names are ASCII letters, digits and hyphens")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or value != value.strip():
        raise InvalidInput(f"headers must map {name!r} to printable ASCII text without outer blanks")
    if name.lower() in _RESERVED:
        raise InvalidInput(f"headers must not contain {name!r}, which belongs to the connection")
    return name.lower(), value
