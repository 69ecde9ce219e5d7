"""What one call carries: its client's settings, its own time limits, and when it must have ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Final, TypedDict, cast
from urllib.parse import SplitResult, urlsplit

from attrs import evolve, field, frozen

from .._validation import arguments
from .._validation.arguments import Seconds
from ..errors import InvalidInput
from ..policies.retry import RetryPolicy
from .credentials import Credentials
from .memory import ClientMemory

# The HTTP library's own business; one from outside would break the request, and cookies are never sent.
_RESERVED: Final = frozenset({"connection", "content-length", "cookie", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"})

_SECRET: Final = re.compile("auth|key|token|secret|passw|session")
"""What the names of such headers contain."""


class RetryOption(TypedDict, total=False):
    """What every verb takes in place of the client's setting."""

    retry: RetryPolicy | None
    """How often and how long to try; None: one attempt."""


class CallOptions(RetryOption, total=False):
    """What the verbs that do not wait take in place of the client's settings. They are not checked yet."""

    timeout: Seconds
    """Seconds for one request."""


@frozen(kw_only=True)
class ClientSettings:
    """One client's settings, checked, and its credentials."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    retry: RetryPolicy
    credentials: Credentials
    memory: ClientMemory = field(factory=ClientMemory)

    @property
    def secrets(self) -> tuple[object, ...]:
        """What no error may show: the key where it is known, the refresh token, and credentials in the user's headers."""
        return (self.credentials.key, self.credentials.refresh_token, *self._secret_headers)

    @cached_property
    def _secret_headers(self) -> tuple[str, ...]:
        """The values of the user's own headers that are credentials, like those for a gateway, by their names."""
        values = [value for name, value in self.headers.items() if _SECRET.search(name)]
        return tuple(part for value in values for part in {value, *value.split()})


@frozen(kw_only=True)
class CallContext:
    """The settings of one call, checked, and its deadline."""

    client: ClientSettings
    timeout: float
    """Seconds for one request."""
    retry: RetryPolicy
    opened: float
    """When the call began, on the monotonic clock."""
    deadline: float
    """When the call, or the part of it that this context is for, must have ended, on the monotonic clock."""

    def until(self, deadline: float, now: float) -> CallContext:
        """This context for one exchange of a longer call: it ends at `deadline`, or when its own retries have used up their time."""
        return evolve(self, deadline=min(deadline, now + self.retry.total))

    def restarted(self, now: float) -> CallContext:
        """This context for a part that has its own time, like a page of an iterator: as if the call began now."""
        return evolve(self, opened=now, deadline=now + self.retry.total)


def make_settings(
    url: object, headers: Mapping[str, str] | None, timeout: object, retry: object, credentials: Credentials
) -> ClientSettings:
    """A client's settings from what its constructor was given. Raises InvalidInput, naming the argument."""
    return ClientSettings(
        base_url=base_url("url", url),
        headers=_headers({} if headers is None else headers),
        timeout=arguments.seconds("timeout", timeout),
        retry=retry_policy(retry, RetryPolicy()),
        credentials=credentials,
    )


def retry_policy(given: object, default: RetryPolicy) -> RetryPolicy:
    """The policy that was given, or for None one attempt within the default's time. Raises InvalidInput for anything else."""
    if given is None:
        return evolve(default, attempts=1)
    if not arguments.is_a(given, RetryPolicy):
        raise InvalidInput("retry must be a RetryPolicy, or None for one attempt")
    return cast("RetryPolicy", given)


def base_url(name: str, url: object) -> str:
    """A server's address, without the path that all endpoints share. Raises InvalidInput, with the name of the argument."""
    text = arguments.text(name, url)
    try:
        # urlsplit drops line breaks, outer blanks, and a query or fragment that is empty.
        valid = _is_server(urlsplit(text)) and not any(character.isspace() or character in "?#\\" for character in text)
        scheme, _, rest = text.partition("://")
        server, slash, path = rest.partition("/")
        text = f"{scheme.lower()}://{server.encode('idna').decode() if not server.isascii() else server}{slash}{path}"
    except ValueError:
        valid = False
    if not valid:
        raise InvalidInput(f"{name} must be the server's address, like https://example.com: http or https, no user name, query or fragment")
    # The path that all endpoints share is often copied along with the address.
    return text.rstrip("/").removesuffix("/api/v1").rstrip("/")


def _is_server(parts: SplitResult) -> bool:
    # Reading .port raises ValueError where it is no port.
    plain = parts.username is None and parts.password is None and parts.port != 0
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _headers(given: object) -> dict[str, str]:
    if not arguments.is_a(given, Mapping):
        raise InvalidInput("headers must be a mapping of names to texts")
    return dict(_header(name, value) for name, value in cast("Mapping[object, object]", given).items())


def _header(given: object, content: object) -> tuple[str, str]:
    name, value, shown = arguments.plain_text(given), arguments.plain_text(content), arguments.described(given)
    if name is None or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise InvalidInput(f"headers has the name {shown}; names are ASCII letters, digits and hyphens")
    if value is None or not value.isascii() or not value.isprintable() or value != value.strip():
        raise InvalidInput(f"headers must map {shown} to printable ASCII text without outer blanks")
    if name.lower() in _RESERVED:
        raise InvalidInput(f"headers must not contain {shown}, which belongs to the connection")
    return name.lower(), value
