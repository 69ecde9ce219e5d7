"""HTTP on a socket of the loopback interface, for programs that cannot use a test server's transports."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from ..emulator.server.sockets import HttpProtocol, http_config, listen, url_of

_LOOPBACK: Final = "127.0.0.1"


class SocketServer:
    """Serves an application over HTTP on a free loopback port. Use it in one event loop.

    It runs Uvicorn's protocol without Uvicorn's server, whose main loop polls ten times a second and so delays start and stop.

    Args:
        app: the ASGI application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._config = http_config(_until_cancelled(app), lifespan="off", date_header=False)
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen, and return the URL."""
        self._config.load()
        loop = asyncio.get_running_loop()
        listener = listen(_LOOPBACK, 0)
        self._server = await loop.create_server(lambda: HttpProtocol(self._config, self._state, {}, loop), sock=listener)
        return url_of(listener)

    async def close(self) -> None:
        """Close the socket, and abort open connections."""
        if self._server is None:
            return
        self._server.close()
        for connection in [*self._state.connections]:
            connection.transport.abort()
        await asyncio.sleep(0)  # until the protocols have noticed
        tasks = [*self._state.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()


def _until_cancelled(app: ASGIApp) -> ASGIApp:
    """The application, whose requests and WebSockets end without a word when the server closes: Uvicorn would log them."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return serve
