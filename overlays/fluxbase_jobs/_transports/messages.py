"""What goes over the wire, before it is read: nothing here knows which HTTP library carries it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from attrs import field, frozen

Request: TypeAlias = Mapping[str, Any]
"""Method, full URL, query parameters, headers and body, as the keyword arguments of httpx's `build_request`."""


class Private(dict[str, Any]):
    """A dict that shows its keys only: tracebacks with local variables, as pytest, rich and error trackers write them, show requests."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self)})"

    def __rich_repr__(self) -> Iterable[list[str]]:
        yield sorted(self)


class Headers(Mapping[str, str]):
    """Response headers: names in any case; a header that came several times has its values joined by commas."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._values[key] = f"{self._values[key]}, {text}" if key in self._values else text
        self._values.pop("set-cookie", None)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({sorted(self._values)})"


@frozen
class RawResponse:
    """A complete HTTP response, of any status. Cookies are not among its headers."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def address(request: Request) -> tuple[str, str]:
    """The server's address in a request's URL, and the path."""
    scheme, _, rest = str(request["url"]).partition("://")
    server, slash, path = rest.partition("/")
    return f"{scheme}://{server}", slash + path


def proxy_variable(server: str) -> str:
    """The name of the variable that names that proxy, for error messages."""
    scheme = urlsplit(server).scheme
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if os.environ.get(name)), "the system's proxy setting")


def target(request: Request) -> str:
    """Path and query of a request, as they stand in its first line."""
    _, path = address(request)
    parameters = request.get("params")
    path = quote(path, safe="/%-._~!$&'()*+,;=:@")
    return f"{path}?{urlencode({name: _text(value) for name, value in parameters.items()}, quote_via=quote)}" if parameters else path or "/"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def user_agent() -> bytes:
    """The User-Agent header of this package. Finding the version takes milliseconds, so it is done once."""
    from importlib.metadata import version  # noqa: PLC0415  # takes as long to import as all of this package

    return f"fluxbase-jobs/{version('fluxbase-jobs')}".encode()
