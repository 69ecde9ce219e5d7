"""One request to an ASGI application and its answer, without a socket."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

if TYPE_CHECKING:
    import httpx
    from starlette.types import ASGIApp, Message, Scope

EXTENSION: Final = "fluxbase_jobs.testing"
"""The ASGI extension under which an application finds `hang_up`, which closes the connection without a further word."""

_CLIENT: Final = ("127.0.0.1", 50000)
_LOGGER = logging.getLogger(__name__)
_BROKEN: Final[tuple[Message, Message]] = (
    {"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"text/plain; charset=utf-8")]},
    {"type": "http.response.body", "body": b"Internal Server Error"},
)


@frozen
class Answer:
    """What came back: all of it, or what there was when the connection was closed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    is_complete: bool


async def exchange(app: ASGIApp, request: httpx.Request, body: bytes) -> Answer | None:
    """Let the application answer a request; None if it closes the connection without an answer."""
    connection = _Connection(body)
    try:
        await app(_scope(request, connection), connection.receive, connection.send)
    except Exception:
        _LOGGER.exception("the emulator failed at %s %s", request.method, request.url.path)
        if connection.start is None:
            for message in _BROKEN:
                await connection.send(message)
    return connection.answer()


@define
class _Connection:
    """One connection for one request, as the application sees it."""

    _unread: bytes | None
    start: Message | None = None
    _body: bytearray = field(factory=bytearray)
    _is_complete: bool = False
    _closed: asyncio.Event = field(factory=asyncio.Event)

    async def receive(self) -> Message:
        """Give the whole body, then the end."""
        if self._unread is not None:
            body, self._unread = self._unread, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._closed.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self._is_complete = True
                self._closed.set()

    def hang_up(self) -> None:
        """Close it."""
        self._closed.set()

    def answer(self) -> Answer | None:
        """Return what the client gets."""
        if self.start is None:
            return None
        return Answer(self.start["status"], list(self.start.get("headers", [])), bytes(self._body), self._is_complete)


def _scope(request: httpx.Request, connection: _Connection) -> Scope:
    url = request.url
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": _CLIENT,
        "server": (url.host, url.port),
        "state": {},
        "extensions": {EXTENSION: {"hang_up": connection.hang_up}},
    }
    return scope
