"""Requests to one server: its address, headers, credentials, timeout, and the httpx client that sends them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from types import TracebackType
from typing import Final, Self, TypeVar, Unpack

import httpx

from .._context.call_context import CallOptions, Session, make_session
from .._context.credentials import AsyncKey, Credentials, Key, OnTokens, refuse_coroutine_functions
from .._docstrings import documented_like
from .._plans.exchange import refusing
from .._plans.steps import Plan, Stream
from .._transports.pool import AsyncPool, Pool
from .._validation.arguments import Seconds
from ..policies.retry import RetryPolicy
from ..result import Result
from .driver import iterate, iterate_async, run, run_async, run_many, run_many_async

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
        refuse_coroutine_functions(key=key, on_tokens=on_tokens)
        self._session = make_session(base_url, headers, timeout, retry, Credentials(key, refresh_token, on_tokens))
        self._pool = Pool(http_client)

    def session(self, **call: Unpack[CallOptions]) -> Session:
        """The settings for one call: the client's, but for those that are given."""
        return self._session.override(**call)

    def run(self, plan: Plan[Result[T]]) -> Result[T]:
        """Carry out what a verb plans."""
        return run(refusing(plan), self._pool.http())

    def iterate(self, stream: Stream[T]) -> Generator[T]:
        """Carry out what an iterating verb plans."""
        return iterate(stream, self._pool.http())

    def run_many(self, plans: Iterator[tuple[ItemT, Plan[T]]], concurrency: int) -> Generator[tuple[ItemT, T]]:
        """Carry out many plans, some at a time; each result comes beside what it is for."""
        return run_many(plans, self._pool.http(), concurrency)

    def close(self) -> None:
        """Close the connections. A given `http_client` stays open."""
        self._pool.close()

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
        self._pool = AsyncPool(http_client)

    def session(self, **call: Unpack[CallOptions]) -> Session:
        """The settings for one call: the client's, but for those that are given."""
        return self._session.override(**call)

    async def run(self, plan: Plan[Result[T]]) -> Result[T]:
        """Carry out what a verb plans."""
        return await run_async(refusing(plan), await self._pool.http())

    def iterate(self, stream: Stream[T]) -> AsyncGenerator[T]:
        """Carry out what an iterating verb plans."""
        return iterate_async(stream, self._pool.http)

    def run_many(self, plans: Iterator[tuple[ItemT, Plan[T]]], concurrency: int) -> AsyncGenerator[tuple[ItemT, T]]:
        """Carry out many plans, some at a time; each result comes beside what it is for."""
        return run_many_async(plans, self._pool.http, concurrency)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.base_url!r})"
