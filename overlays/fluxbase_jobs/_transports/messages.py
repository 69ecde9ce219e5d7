"""What goes over the wire, before it is read: nothing here knows which HTTP library carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import frozen

Request: TypeAlias = Mapping[str, Any]
"""Method, URL, query, headers and body, as the keyword arguments of httpx's `build_request`."""


@frozen
class RawResponse:
    """A complete HTTP response, of any status."""

    status: int
    headers: Mapping[str, str]
    content: bytes
