"""Refuses what web pages of other sites send: a browser lets any page send requests to this machine, although not read the answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .hosts import LOOPBACK_NAMES, allowed_names, host_name

_FORBIDDEN: Final = 403
_READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
"""`Sec-Fetch-Site` of requests of the page itself, and of addresses that the user types."""


class OriginCheck:
    """Answers 403 to requests of pages of other sites.

    Below the own pages that is all of them. Elsewhere it is those that change something and those that open a WebSocket, where
    pages of other ports of this machine are allowed: a developer's own frontend. In-process clients are not checked.

    Args:
        app: the emulator.
        own_pages: the path of pages that need no key.
        allowed: further host names whose pages are allowed, for port forwards.
    """

    def __init__(self, app: ASGIApp, own_pages: str, allowed: Iterable[str] = ()) -> None:
        self._app = app
        self._own_pages = own_pages
        self._allowed = allowed_names(allowed) - LOOPBACK_NAMES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket; the lifespan passes."""
        if scope["type"] == "lifespan" or not self._is_foreign(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = "Pages of other sites are not answered. Open this address by typing it, or see --allow-host NAME of the emulator.\n"
            await PlainTextResponse(text, _FORBIDDEN)(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if path == self._own_pages or path.startswith(f"{self._own_pages}/"):
            return self._is_other_origin(headers)
        return (scope["type"] == "websocket" or scope["method"] not in _READING_METHODS) and self._is_other_site(headers)

    def _is_other_origin(self, headers: Headers) -> bool:
        origins, site = headers.getlist("origin"), headers.get("sec-fetch-site", "none")
        same = {headers.get("host", "").lower()} - {""}  # "" is the address of an origin of no valid form, like `null`
        return site not in _OWN_SITES or not all(_netloc(origin) in same or _name(origin) in self._allowed for origin in origins)

    def _is_other_site(self, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        if not origins:
            return headers.get("sec-fetch-site") == "cross-site"
        return not all(_name(origin) in LOOPBACK_NAMES | self._allowed for origin in origins)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _name(origin: str) -> str:
    return host_name(_netloc(origin))
