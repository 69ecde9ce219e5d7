"""Answers only requests that name an expected host, because a web page can make its own name resolve to this machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MISDIRECTED: Final = 421


class HostCheck:
    """Answers 421 to requests whose `Host` is neither a loopback name nor an allowed one (protection against DNS rebinding).

    It belongs to the server on loopback, not to the application: in-process clients use hosts of their own.

    Args:
        app: the emulator.
        allowed: further names to answer, for port forwards.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        self._app = app
        self._names = LOOPBACK_NAMES | allowed_names(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket; the lifespan passes."""
        if scope["type"] == "lifespan" or self._is_allowed(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = "This host is not answered: start the emulator with --allow-host NAME to allow it.\n"
            await PlainTextResponse(text, _MISDIRECTED)(scope, receive, send)

    def _is_allowed(self, hosts: list[str]) -> bool:
        return len(hosts) == 1 and host_name(hosts[0]) in self._names


def allowed_names(names: Iterable[str]) -> frozenset[str]:
    """Names as `host_name` gives them; without empty ones, since "" stands for every `Host` and `Origin` of no valid form."""
    return frozenset(name.lower().strip("[]").removesuffix(".") for name in names) - {""}


def host_name(host: str) -> str:
    """The name in a `Host` header, in lower case, without port, brackets and a final dot; "" if it has no valid form."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        valid = bool(bracket) and (not port or (_is_port(port.removeprefix(":")) and port.startswith(":")))
    else:
        name, colon, port = host.partition(":")
        valid = not colon or _is_port(port)
    return name.lower().removesuffix(".") if valid else ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit()
