"""The async transport: sends one request through httpx. Each event loop, of asyncio or trio, has its own connections."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from typing import Final, Self

import httpx
from anyio.lowlevel import RunVar  # anyio comes with httpx, whose async half runs on it

from ..errors import FluxbaseError
from .clock import fail_after
from .httpx_messages import (
    HTTPX,
    Library,
    Pieces,
    build_request,
    check_proxy,
    client_auth,
    client_settings,
    hide_location,
    library_of,
    refused_by_hook,
    send_error,
    surplus_stream,
    warn_unverified,
)
from .messages import RawResponse, Request

_LOOP: Final = RunVar[object]("fluxbase_jobs.loop")
"""Stands for the running event loop."""


class AsyncHttpxTransport:
    """Sends requests with the httpx client of the running event loop, made at its first request and closed when the loop ends.

    A connection belongs to its event loop: in another one it fails with "Event loop is closed", and only its own loop can close it.

    Args:
        given: a user's own client, which is used in every loop and not closed here.
    """

    name = "http_client"

    def __init__(self, given: httpx.AsyncClient | None, *, proxy: str | None = None, context: ssl.SSLContext | None = None) -> None:
        self._given = given
        self._library = HTTPX if given is None else library_of(given, "AsyncClient")
        warn_unverified(given)
        self._proxy, self._context = proxy, context
        self._own: dict[object, tuple[httpx.AsyncClient, AsyncGenerator[httpx.AsyncClient]]] = {}
        self._closed = False

    @classmethod
    def through(cls, proxy: str, context: ssl.SSLContext | None) -> Self:
        """A transport through a proxy. Raises ImportError or ValueError where httpx cannot use that."""
        check_proxy(proxy)
        return cls(None, proxy=proxy, context=context)

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        if self._closed:
            raise RuntimeError("this client is closed")
        return self

    async def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:  # the name that every verb uses
        """Send a request and read the whole response within `timeout` seconds; what goes wrong is returned."""
        http = await self._client()
        try:
            with fail_after(timeout):
                built = build_request(request, timeout, http, self._library)
                response = await http.send(built, stream=True, follow_redirects=False, auth=client_auth(built, self._library))
                return await _read(response, self._library)
        except self._library.module.HTTPStatusError as refused:
            return refused_by_hook(refused, request, self._library)
        except self._library.faults as fault:
            return send_error(fault, request, timeout, self._library, proxied=self._proxy is not None)

    async def close(self) -> None:
        """Close the connections of this event loop; those of others close with them."""
        self._closed = True
        if own := self._own.get(_this_loop()):
            await own[1].aclose()

    async def _client(self) -> httpx.AsyncClient:
        """The client to send with."""
        if self._given is not None:
            return self._given
        loop = _this_loop()
        if loop not in self._own:
            self.opened()
            lifetime = self._lifetime(loop)
            self._own[loop] = await anext(lifetime), lifetime
        return self._own[loop][0]

    async def _lifetime(self, loop: object) -> AsyncGenerator[httpx.AsyncClient]:
        """A client that is open until this generator is closed: event loops close, at their end, the generators that are left."""
        async with httpx.AsyncClient(**client_settings(_hide_location, self._proxy, self._context)) as http:
            try:
                yield http
            finally:
                self._own.pop(loop, None)


async def _read(response: httpx.Response, library: Library) -> RawResponse:
    pieces = Pieces(response)
    try:
        async for piece in response.aiter_bytes():
            pieces.add(piece)
    except library.module.DecodingError:
        return pieces.response(readable=False)
    finally:
        if surplus := surplus_stream(response):
            await surplus.aclose()
        await response.aclose()
    return pieces.response()


async def _hide_location(response: httpx.Response) -> None:
    hide_location(response)


def _this_loop() -> object:
    loop = _LOOP.get(None)
    if loop is None:
        loop = object()
        _LOOP.set(loop)
    return loop
