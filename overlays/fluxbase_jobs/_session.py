"""What all requests of one client share: where they go, what they carry, how long and how often they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict, cast
from urllib.parse import SplitResult, urlsplit

from attrs import evolve, field, frozen

from . import _arguments as arguments
from ._arguments import Seconds
from ._credentials import Credentials
from .errors import InvalidInput
from .retry import RetryPolicy

_INHERIT: Final = object()


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
        self.check()
        return evolve(self, retry=evolve(self.retry, total=min(self.retry.total, max(left, 0.001))))

    def hurried(self, left: float) -> Session:
        """These settings for a request that has only so many seconds left."""
        return evolve(self, timeout=min(arguments.seconds("timeout", self.timeout), max(left, 0.001)))

    def check(self) -> None:
        """Raise InvalidInput for what `override` let pass."""
        arguments.seconds("timeout", self.timeout)
        if not isinstance(cast("object", self.retry), RetryPolicy):
            raise InvalidInput("retry must be a RetryPolicy, or None for one attempt")


def make_session(
    url: object, headers: Mapping[str, str] | None, timeout: object, retry: RetryPolicy | None, credentials: Credentials
) -> Session:
    """A client's settings from what its constructor was given. Raises InvalidInput, naming the argument."""
    session = Session(
        base_url=_base_url(url),
        headers=dict(_header(name, value) for name, value in (headers or {}).items()),
        timeout=arguments.seconds("timeout", timeout),
        retry=RetryPolicy(attempts=1) if retry is None else retry,
        credentials=credentials,
    )
    session.check()
    return session


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
