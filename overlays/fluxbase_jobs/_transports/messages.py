"""What goes over the wire, before it is read: nothing here knows which HTTP library carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from attrs import frozen

Request: TypeAlias = Mapping[str, Any]
"""Method, URL, query, headers and body, as the keyword arguments of httpx's `build_request`."""


def address(request: Request) -> tuple[str, str]:
    """The server's address in a request's URL, and the path."""
    parts = urlsplit(str(request["url"]))
    return f"{parts.scheme}://{parts.netloc}", parts.path


@frozen
class RawResponse:
    """A complete HTTP response, of any status."""

    status: int
    headers: Mapping[str, str]
    content: bytes
