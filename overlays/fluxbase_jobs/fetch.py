"""Requests to one server: its address, headers, credentials, timeout, and the httpx client that sends them."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import aclosing
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, cast

import httpx
from anyio.lowlevel import current_token

from ._arguments import Seconds
from ._credentials import AsyncKey, Credentials, Key, OnTokens
from ._drivers import hide_location, hide_location_async, iterate, iterate_async, run, run_async, run_many, run_many_async
from ._plans.exchange import refusing
from ._plans.steps import Plan, Stream
from ._session import CallOptions, Session, make_session
from ._twins import documented_like
from .errors import InvalidInput
from .result import Result
from .retry import RetryPolicy

T = TypeVar("T")
H = TypeVar("H")
ItemT = TypeVar("ItemT")

DEFAULT_TIMEOUT: Final = 30.0
DEFAULT_RETRY: Final = RetryPolicy()


class FluxbaseFetch:
    """The requests of one client to one server.

    Threads and tasks may share it. It may be used from one event loop after another, and after a fork: each gets connections of its own.

    Args:
        base_url: the server's address, e.g. `https://example.com`; a path before `/api` is kept.
        key: a token or key, or a callable (for the async client also a coroutine function) that is asked for one before each request. Sent by its form: `sk_`, `pk_` and `fb_` as
            X-Service-Key, `fbk_` as X-Client-Key, anything else as a Bearer token. None: no credentials.
        refresh_token: buys the next pair of tokens before the key expires and after a 401; only with a key that is text, or none.
        on_tokens: called with each new pair, as Tokens (for the async client also a coroutine function): a refresh token works once, so
            keep the new one.
        headers: sent with every request; names and printable ASCII texts.
        timeout: seconds for one request, 5 of them at most to connect.
        retry: how often and how long a call is tried; None: one attempt.
        http_client: an httpx client of your own, for proxies, certificates or a test transport. It is used as it is and not closed here.

    Raises:
        InvalidInput: an argument is not as described.
    """

    def __init__(
        self,
        base_url: str,
        key: Key | None = None,
        *,
        refresh_token: str | None = None,
        on_tokens: OnTokens | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = DEFAULT_RETRY,
        http_client: httpx.Client | None = None,
    ) -> None:
        self._session = make_session(base_url, headers, timeout, retry, Credentials(key, refresh_token, on_tokens))
        self._given = _checked(http_client, httpx.Client)
        self._own: httpx.Client | None = None
        self._owner = 0
        self._opening = threading.Lock()
        self._closed = False

    def session(self, **call: Unpack[CallOptions]) -> Session:
        """The settings for one call: the client's, but for those that are given."""
        return self._session.override(**call)

    def run(self, plan: Plan[Result[T]]) -> Result[T]:
        """Carry out what a verb plans."""
        return run(refusing(plan), self._http())

    def iterate(self, stream: Stream[T]) -> Generator[T]:
        """Carry out what an iterating verb plans."""
        return iterate(stream, self._http())

    def run_many(self, plans: Iterator[tuple[ItemT, Plan[T]]], concurrency: int) -> Generator[tuple[ItemT, T]]:
        """Carry out many plans, some at a time; each result comes beside what it is for."""
        return run_many(plans, self._http(), concurrency)

    def close(self) -> None:
        """Close the connections. A given `http_client` stays open."""
        self._closed = True
        if self._own is not None and self._owner == os.getpid():
            self._own.close()

    def _http(self) -> httpx.Client:
        _refuse_closed(self._closed)
        if self._given is not None:
            return self._given
        # A connection must not be shared with the process that this one was forked from.
        if self._owner != os.getpid():
            with self._opening:
                if self._own is None or self._owner != os.getpid():
                    self._own, self._owner = httpx.Client(**_own_settings(hide_location)), os.getpid()
        return cast("httpx.Client", self._own)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.base_url!r})"


@documented_like(FluxbaseFetch)
class AsyncFluxbaseFetch:
    """The requests of one client to one server."""

    def __init__(
        self,
        base_url: str,
        key: AsyncKey | None = None,
        *,
        refresh_token: str | None = None,
        on_tokens: OnTokens | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = DEFAULT_RETRY,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._session = make_session(base_url, headers, timeout, retry, Credentials(key, refresh_token, on_tokens))
        self._given = _checked(http_client, httpx.AsyncClient)
        self._own: dict[object, tuple[httpx.AsyncClient, AsyncGenerator[None]]] = {}
        self._closed = False

    def session(self, **call: Unpack[CallOptions]) -> Session:
        """The settings for one call: the client's, but for those that are given."""
        return self._session.override(**call)

    async def run(self, plan: Plan[Result[T]]) -> Result[T]:
        """Carry out what a verb plans."""
        return await run_async(refusing(plan), await self._http())

    async def iterate(self, stream: Stream[T]) -> AsyncGenerator[T]:
        """Carry out what an iterating verb plans."""
        async with aclosing(iterate_async(stream, await self._http())) as values:
            async for value in values:
                yield value

    async def run_many(self, plans: Iterator[tuple[ItemT, Plan[T]]], concurrency: int) -> AsyncGenerator[tuple[ItemT, T]]:
        """Carry out many plans, some at a time; each result comes beside what it is for."""
        async with aclosing(run_many_async(plans, await self._http(), concurrency)) as pairs:
            async for pair in pairs:
                yield pair

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        if _here() in self._own:
            await self._own[_here()][1].aclose()

    async def _http(self) -> httpx.AsyncClient:
        _refuse_closed(self._closed)
        if self._given is not None:
            return self._given
        # A connection belongs to its event loop; in another one it fails with "Event loop is closed".
        here = _here()
        if here not in self._own:
            http = httpx.AsyncClient(**_own_settings(hide_location_async))
            self._own[here] = http, self._open(here, http)
            await anext(self._own[here][1])
        return self._own[here][0]

    async def _open(self, here: object, http: httpx.AsyncClient) -> AsyncGenerator[None]:
        """Holds connections open; as an event loop that ends closes its generators, they end with it."""
        try:
            yield
        finally:
            del self._own[here]
            await http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.base_url!r})"


def _own_settings(on_response: Callable[[httpx.Response], object]) -> dict[str, Any]:
    # A jar that takes nothing: the server sets cookies at sign-in and prefers them to the Authorization header later (CONTRACT 0.13).
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    user_agent = f"fluxbase-jobs/{version('fluxbase-jobs')}"
    return {"cookies": no_cookies, "headers": {"user-agent": user_agent}, "event_hooks": {"response": [on_response]}}


def _refuse_closed(closed: bool) -> None:  # noqa: FBT001  # a guard of two callers
    if closed:
        raise RuntimeError("this client is closed")


def _here() -> tuple[int, object]:
    """The process and the event loop that this runs in, asyncio's or trio's."""
    return os.getpid(), current_token()


def _checked(http_client: H | None, kind: type[H]) -> H | None:
    if http_client is None or isinstance(cast("object", http_client), kind):
        return http_client
    raise InvalidInput(f"http_client must be a httpx.{kind.__name__}")
