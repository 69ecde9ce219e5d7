"""Where a client's connections live: each process, and each event loop, has its own."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import Any, Final, TypeVar, cast

import httpx
from anyio.lowlevel import RunVar

from .._drivers.driver import hide_location, hide_location_async
from ..errors import InvalidInput

H = TypeVar("H")
_LOOP: Final = RunVar[object]("fluxbase_jobs.loop")
"""Stands for the event loop at hand, of asyncio or trio."""


class Pool:
    """The httpx client of the process at hand, made when it is first used.

    Args:
        given: a user's own one, which is used everywhere and not closed.
    """

    def __init__(self, given: httpx.Client | None) -> None:
        self._given = _checked(given, httpx.Client)
        self._own: dict[int, httpx.Client] = {}
        self._closed = False

    def http(self) -> httpx.Client:
        """The client to send with. Threads may ask at once, so there is no moment between looking and taking."""
        _refuse_closed(closed=self._closed)
        if self._given is not None:
            return self._given
        process = os.getpid()
        own = self._own.get(process)
        if own is None:
            made = httpx.Client(**_settings(hide_location))
            own = self._own.setdefault(process, made)
            if own is not made:
                made.close()
            # A connection must not be shared with the process that this one was forked from.
            for other in self._own.keys() - {process}:
                self._own.pop(other, None)
        return own

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        if own := self._own.pop(os.getpid(), None):
            own.close()


class AsyncPool:
    """The httpx client of the event loop at hand, made when it is first used there and closed when the loop ends.

    A connection belongs to its event loop: in another one it fails with "Event loop is closed", and none but its own can close it.

    Args:
        given: a user's own one, which is used everywhere and not closed.
    """

    def __init__(self, given: httpx.AsyncClient | None) -> None:
        self._given = _checked(given, httpx.AsyncClient)
        self._own: dict[object, tuple[httpx.AsyncClient, AsyncGenerator[httpx.AsyncClient]]] = {}
        self._closed = False

    async def http(self) -> httpx.AsyncClient:
        """The client to send with."""
        _refuse_closed(closed=self._closed)
        if self._given is not None:
            return self._given
        loop = _this_loop()
        if loop not in self._own:
            opened = self._opened(loop)
            self._own[loop] = await anext(opened), opened
        return self._own[loop][0]

    async def _opened(self, loop: object) -> AsyncGenerator[httpx.AsyncClient]:
        """A client that is open until this generator is closed: event loops do so, at their end, with the generators that are left."""
        async with httpx.AsyncClient(**_settings(hide_location_async)) as http:
            try:
                yield http
            finally:
                self._own.pop(loop, None)

    async def close(self) -> None:
        """Close the connections of this event loop; those of others close with them."""
        self._closed = True
        if own := self._own.get(_this_loop()):
            await own[1].aclose()


def _this_loop() -> object:
    loop = _LOOP.get(None)
    if loop is None:
        loop = object()
        _LOOP.set(loop)
    return loop


def _settings(on_response: Callable[[httpx.Response], object]) -> dict[str, Any]:
    # A jar that takes nothing: the server sets cookies at sign-in and prefers them to the Authorization header later.
    headers = {"user-agent": f"fluxbase-jobs/{version('fluxbase-jobs')}"}
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return {"cookies": no_cookies, "headers": headers, "event_hooks": {"response": [on_response]}}


def _checked(http_client: H | None, kind: type[H]) -> H | None:
    if http_client is None or isinstance(cast("object", http_client), kind):
        return http_client
    raise InvalidInput(f"http_client must be a httpx.{kind.__name__}")


def _refuse_closed(*, closed: bool) -> None:
    if closed:
        raise RuntimeError("this client is closed")
