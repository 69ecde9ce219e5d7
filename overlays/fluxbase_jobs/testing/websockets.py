"""WebSockets to a test server without a network socket, from any thread and any event loop of asyncio.

`Server.realtime_connector()` and `Server.async_realtime_connector()` make them. A connector is called with a base URL and headers,
and gives a socket with `send`, `receive` and `close`: the interface by which a client reaches a server over the network, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from attrs import define, field
from starlette.types import ASGIApp, Message, Scope

from ..emulator.realtime.routes import PATH
from .event_loop import EventLoopThread

_T = TypeVar("_T")

_CLIENT: Final = ("127.0.0.1", 50000)
_LOGGER: Final = logging.getLogger(__name__)


class SocketClosedError(Exception):
    """The socket is closed: by the server, with or without a close frame, or by the end of the server."""


class SocketRefusedError(Exception):
    """The server has not opened a socket.

    Attributes:
        status: the status of its response; None if there was none.
    """

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the server has not opened a WebSocket: {f'status {status}' if status else 'no response'}")
        self.status = status


class _InProcess:
    """The part that sockets and connectors share: run a coroutine in the server's event loop.

    Args:
        loop: the server's event loop.
    """

    def __init__(self, loop: EventLoopThread) -> None:
        self._loop: Final = loop

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        future = self._loop.start(work)
        try:
            if future is not None:
                return future.result()
        except CancelledError:
            """The server was closed meanwhile."""
        raise SocketClosedError from None

    async def _run_async(self, work: Coroutine[Any, Any, _T]) -> _T:
        future = self._loop.start(work)
        if future is None:
            raise SocketClosedError
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            raise SocketClosedError from None


class InProcessSocket(_InProcess):
    """An open socket for threads.

    Args:
        loop: the server's event loop.
        connection: the connection to the server.
    """

    def __init__(self, loop: EventLoopThread, connection: Connection) -> None:
        super().__init__(loop)
        self._connection = connection

    def send(self, text: str) -> None:
        """Send a message.

        Raises:
            SocketClosedError: the socket is closed.
        """
        self._run(self._connection.send_text(text))

    def receive(self, timeout: float | None = None) -> str | None:
        """The next message; None if none comes within `timeout` seconds of real time.

        Raises:
            SocketClosedError: the socket is closed, and all messages before that were received.
        """
        return self._run(self._connection.receive_text(timeout))

    def close(self) -> None:
        """Close the socket. Idempotent."""
        with suppress(SocketClosedError):
            self._run(self._connection.close())


class AsyncInProcessSocket(_InProcess):
    """An open socket for tasks of asyncio; see InProcessSocket."""

    def __init__(self, loop: EventLoopThread, connection: Connection) -> None:
        super().__init__(loop)
        self._connection = connection

    async def send(self, text: str) -> None:
        """Send a message. Raises SocketClosedError."""
        await self._run_async(self._connection.send_text(text))

    async def receive(self) -> str:
        """The next message. Raises SocketClosedError."""
        return await self._run_async(self._connection.next_text())

    async def close(self) -> None:
        """Close the socket. Idempotent."""
        with suppress(SocketClosedError):
            await self._run_async(self._connection.close())


class SocketConnector(_InProcess):
    """Opens sockets to a test server for threads.

    Args:
        loop: the server's event loop.
        app: the ASGI application.
    """

    def __init__(self, loop: EventLoopThread, app: ASGIApp) -> None:
        super().__init__(loop)
        self._app = app

    def __call__(self, base_url: str, headers: Mapping[str, str]) -> InProcessSocket:
        """Open a socket.

        Args:
            base_url: any base URL.
            headers: the headers of the request, with its credential.

        Raises:
            SocketRefusedError: the server has not opened it.
            SocketClosedError: the server is closed.
        """
        return InProcessSocket(self._loop, self._run(_open(self._app, base_url, headers)))


class AsyncSocketConnector(_InProcess):
    """Opens sockets to a test server for tasks of asyncio; see SocketConnector."""

    def __init__(self, loop: EventLoopThread, app: ASGIApp) -> None:
        super().__init__(loop)
        self._app = app

    async def __call__(self, base_url: str, headers: Mapping[str, str]) -> AsyncInProcessSocket:
        """Open a socket. Raises as SocketConnector."""
        return AsyncInProcessSocket(self._loop, await self._run_async(_open(self._app, base_url, headers)))


@define(eq=False)
class Connection:
    """The ASGI connection of one socket. Use it in the server's event loop only."""

    _to_server: asyncio.Queue[Message] = field(factory=asyncio.Queue[Message])
    _to_client: asyncio.Queue[str | None] = field(factory=asyncio.Queue["str | None"])
    """None is the end."""
    _opened: asyncio.Event = field(factory=asyncio.Event)
    _status: int | None = None
    _is_open: bool = False
    _task: asyncio.Task[None] | None = None

    async def open(self, app: ASGIApp, scope: Scope) -> None:
        """Start the application and wait for its response to the request.

        Raises:
            SocketRefusedError: it has not opened the socket.
        """
        await self._to_server.put({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._serve(app, scope))
        await self._opened.wait()
        if not self._is_open:
            await self._task
            raise SocketRefusedError(self._status)

    async def send_text(self, text: str) -> None:
        """Pass a message on to the server. Raises SocketClosedError."""
        if not self._is_open:
            raise SocketClosedError
        await self._to_server.put({"type": "websocket.receive", "text": text})

    async def receive_text(self, timeout: float | None) -> str | None:
        """The next message, or None if none comes in time. Raises SocketClosedError."""
        try:
            return await asyncio.wait_for(self.next_text(), timeout)
        except TimeoutError:
            return None

    async def next_text(self) -> str:
        """The next message. Raises SocketClosedError."""
        text = await self._to_client.get()
        if text is None:
            await self._to_client.put(None)  # for whoever asks again
            raise SocketClosedError
        return text

    async def close(self) -> None:
        """Disconnect from the server, and wait until it has noticed."""
        self._end()
        if self._task:
            await asyncio.wait([self._task])

    async def _serve(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._to_server.get, self._send)
        except Exception:
            _LOGGER.exception("the application raised at the WebSocket %s", scope["path"])
            self._status = self._status or 500
        finally:
            self._end()
            self._opened.set()

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self._is_open = True
                self._opened.set()
            case "websocket.send":
                if self._is_open:
                    await self._to_client.put(message["text"])
            case "websocket.http.response.start":
                self._status = message["status"]
            case "websocket.close":
                self._end()
            case _:
                """The body of a refusal, which no client reads."""

    def _end(self) -> None:
        self._is_open = False
        self._to_client.put_nowait(None)
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})


async def _open(app: ASGIApp, base_url: str, headers: Mapping[str, str]) -> Connection:
    connection = Connection()
    await connection.open(app, _scope(base_url, headers))
    return connection


def _scope(base_url: str, headers: Mapping[str, str]) -> Scope:
    url = urlsplit(base_url)
    host, port = url.hostname or "fluxbase.test", url.port or 80
    sent = {"host": f"{host}:{port}", **{name.lower(): value for name, value in headers.items()}}
    scope: dict[str, Any] = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
        "client": _CLIENT,
        "server": (host, port),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
    return scope
