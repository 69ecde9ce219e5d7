"""A test server's socket, opened when it is first asked for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from fluxbase_jobs.emulator.server.sockets import http_config, listen, url_of

from .asgi import EXTENSION

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = "127.0.0.1"


class Listening:
    """Answers HTTP on a free port of loopback. To be used in one event loop.

    Uvicorn's own server looks after its state ten times a second, at its start and end too; its protocol does not need that.

    Args:
        app: what answers.

    """

    def __init__(self, app: ASGIApp) -> None:
        self._config = http_config(app, lifespan="off", date_header=False)
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen, and return the URL."""
        self._config.load()
        loop = asyncio.get_running_loop()
        listener = listen(_LOOPBACK, 0)
        self._server = await loop.create_server(lambda: _Protocol(self._config, self._state, {}, loop), sock=listener)
        return url_of(listener)

    async def close(self) -> None:
        """Close the socket, and the connections without a further word."""
        if self._server is None:
            return
        self._server.close()
        for connection in [*self._state.connections]:
            connection.transport.abort()
        await asyncio.sleep(0)  # until they know
        tasks = [*self._state.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()


class _Protocol(H11Protocol):
    """Uvicorn's protocol, whose application can close the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = cast("ASGIApp", self.app)

        async def with_hang_up(scope: Scope, receive: Receive, send: Send) -> None:
            # Close, not abort: what was sent so far shall arrive.
            extension = {EXTENSION: {"hang_up": transport.close}}
            with suppress(asyncio.CancelledError):  # at the server's end; Uvicorn would log it
                await app({**scope, "extensions": extension}, receive, send)

        self.app = with_hang_up
