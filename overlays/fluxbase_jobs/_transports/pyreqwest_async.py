"""The async transport over pyreqwest, an HTTP client in Rust (extra `speed`). Imported at its first use only."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Self

from pyreqwest.client import Client, ClientBuilder

from ..errors import FluxbaseError, InvalidInput
from .base import AsyncTransport
from .bounds import Body
from .certificates import TlsContext
from .httpcore_async import AsyncHttpcoreTransport
from .messages import RawResponse, Request, address
from .proxies import Proxied, async_through
from .pyreqwest_messages import FAULTS, PROCESS, READ_BYTES, configured, filled, fits, is_closed, made, read_headers, send_error, url_of


class AsyncPyreqwestTransport:
    """Sends requests through one pyreqwest client, which serves all asyncio event loops of its process.

    In a forked process httpcore takes over, because Rust's threads do not survive a fork.
    """

    name = "pyreqwest"

    def __init__(self) -> None:
        self._client: Client | None = None
        self._after_fork: AsyncHttpcoreTransport | None = None
        self._tls = TlsContext()
        self._proxied = Proxied(async_through)
        self._closed = False

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        if self._closed:
            raise RuntimeError("this client is closed")
        return self

    async def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request and read the whole response within `timeout` seconds; what goes wrong is returned."""
        if os.getpid() != PROCESS:
            return await self._forked().send(request, timeout)
        if not _in_asyncio():
            return InvalidInput('transport="pyreqwest" runs under asyncio only; under trio use transport="httpcore"')
        way = self._client or self._way(address(request)[0])
        if isinstance(way, FluxbaseError):
            return way
        if not isinstance(way, Client):
            return await way.send(request, timeout)
        return await self._send(way, request, timeout)

    async def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        if os.getpid() != PROCESS:
            await self._forked().close()
            return
        for proxied in self._proxied.transports():
            await proxied.close()
        if self._client is not None and _in_asyncio():
            await self._client.close()
        self._client = None

    async def _send(self, client: Client, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        try:
            built = filled(client.request(str(request["method"]).upper(), url_of(request)), request, timeout).build_streamed()
            async with built as response:
                headers = read_headers(response.headers)
                body, reader = Body(response.status, headers), response.body_reader
                if fits(response.status, headers):
                    body.add(bytes(await reader.bytes()))
                    return RawResponse(response.status, headers, body.content())
                while (piece := await reader.read(READ_BYTES)) is not None:
                    body.add(bytes(piece))
                return RawResponse(response.status, headers, body.content())
        except FAULTS as fault:
            if is_closed(fault):
                self.opened()
            return send_error(fault, request, timeout)

    def _way(self, server: str) -> Client | AsyncTransport | FluxbaseError:
        """How to reach a server: through our client, or httpx's where the environment names a proxy."""
        context = self._tls.context(server)
        if isinstance(context, FluxbaseError):
            return context
        route = self._proxied.route(server, context)
        return self._opened_client(server, context) if route is None else route

    def _opened_client(self, server: str, context: ssl.SSLContext | None) -> Client | FluxbaseError:
        """The client, made at the first request. A client serves one server, so its scheme does not change."""
        self.opened()
        if self._client is None:
            made_client = made(self._made, server, context)
            if isinstance(made_client, FluxbaseError):
                return made_client
            self._client = made_client
        return self._client

    def _made(self, roots: list[bytes]) -> Client:
        return configured(ClientBuilder(), roots).build()

    def _forked(self) -> AsyncHttpcoreTransport:
        """The transport of a process that was forked from the one that imported pyreqwest."""
        if self._after_fork is None:
            self._after_fork = AsyncHttpcoreTransport()
        return self._after_fork


def _in_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
