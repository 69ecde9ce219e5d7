"""The clients: one server, one set of credentials, and the verbs below `.jobs` and `.admin.jobs`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self, TypedDict, Unpack

import httpx

from ._context.credentials import AsyncKey, Key, OnTokens, header_text
from ._docstrings import documented_like
from ._drivers.fetch import DEFAULT_RETRY, DEFAULT_TIMEOUT, AsyncFluxbaseFetch, FluxbaseFetch
from ._plans import jobs as verbs
from ._validation.arguments import Seconds
from ._verbs.admin import AsyncFluxbaseAdmin, FluxbaseAdmin
from ._verbs.jobs import FluxbaseJobs
from ._verbs.jobs_async import AsyncFluxbaseJobs
from .errors import InvalidInput
from .models.jobs import Tokens
from .policies.retry import RetryPolicy
from .result import Err, Ok, Result

URL_VARIABLE: Final = "FLUXBASE_URL"
KEY_VARIABLE: Final = "FLUXBASE_KEY"
REFRESH_VARIABLE: Final = "FLUXBASE_REFRESH_TOKEN"


class Settings(TypedDict, total=False):
    """The keyword arguments that all ways to a client share; FluxbaseClient says what they mean."""

    refresh_token: str | None
    on_tokens: OnTokens | None
    headers: Mapping[str, str] | None
    timeout: Seconds
    retry: RetryPolicy | None


class Options(Settings, total=False):
    """The keyword arguments of FluxbaseClient."""

    http_client: httpx.Client | None


class AsyncOptions(Settings, total=False):
    """The keyword arguments of AsyncFluxbaseClient."""

    http_client: httpx.AsyncClient | None


class FluxbaseClient:
    """A client of one Fluxbase server.

    Use it as a context manager, or `close()` it. Threads and tasks may share it. It may be used from one event loop after another, and after
    a fork: each gets connections of its own.

        with FluxbaseClient("https://example.com", key) as client:
            job, error = client.jobs.submit("resize", {"id": 7})

    Args:
        url: the server's address; a path before `/api` is kept.
        key: a token or key, or a callable (for the async client also a coroutine function) that is asked for one before each request. Sent
            by its form: `sk_`, `pk_` and `fb_` as X-Service-Key, `fbk_` as X-Client-Key, anything else as a Bearer token.
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
        url: str,
        key: Key | None = None,
        *,
        refresh_token: str | None = None,
        on_tokens: OnTokens | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = DEFAULT_RETRY,
        http_client: httpx.Client | None = None,
    ) -> None:
        self.fetch: Final = FluxbaseFetch(
            url,
            key,
            refresh_token=refresh_token,
            on_tokens=on_tokens,
            headers=headers,
            timeout=timeout,
            retry=retry,
            http_client=http_client,
        )
        self.jobs: Final = FluxbaseJobs(self.fetch)
        self.admin: Final = FluxbaseAdmin(self.fetch)

    @classmethod
    def from_env(cls, **options: Unpack[Options]) -> Self:
        """A client for the server and credentials of the environment: FLUXBASE_URL, FLUXBASE_KEY, FLUXBASE_REFRESH_TOKEN.

        Args:
            **options: the keyword arguments of the client.

        Raises:
            InvalidInput: FLUXBASE_URL is not set, or a variable or argument is not as FluxbaseClient wants it.
        """
        url, key, refresh_token = _from_environment()
        options.setdefault("refresh_token", refresh_token)
        return cls(url, key, **options)

    @classmethod
    def sign_in(cls, url: str, email: str, password: str, **options: Unpack[Options]) -> Result[Self]:
        """Sign a user in and return a client that keeps that user's tokens fresh.

        Args:
            url: the server's address.
            email: the user's email.
            password: the user's password.
            **options: the keyword arguments of the client.

        Returns:
            The client. AuthenticationFailed for a wrong email or password, and, with a hint, where the account wants a second factor.
        """
        try:
            fetch = FluxbaseFetch(url, **_signing_in(options))
        except InvalidInput as error:
            return Err(error)
        with fetch:
            answered = fetch.run(verbs.sign_in(fetch.session(), email, password))
        if isinstance(answered, Err):
            return answered
        return Ok(cls(url, **_signed_in(options, answered.data)), answered.meta)

    def close(self) -> None:
        """Close the connections. A given `http_client` stays open."""
        self.fetch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fetch.session().base_url!r})"


@documented_like(FluxbaseClient)
class AsyncFluxbaseClient:
    """A client of one Fluxbase server."""

    def __init__(
        self,
        url: str,
        key: AsyncKey | None = None,
        *,
        refresh_token: str | None = None,
        on_tokens: OnTokens | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = DEFAULT_RETRY,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self.fetch: Final = AsyncFluxbaseFetch(
            url,
            key,
            refresh_token=refresh_token,
            on_tokens=on_tokens,
            headers=headers,
            timeout=timeout,
            retry=retry,
            http_client=http_client,
        )
        self.jobs: Final = AsyncFluxbaseJobs(self.fetch)
        self.admin: Final = AsyncFluxbaseAdmin(self.fetch)

    @classmethod
    def from_env(cls, **options: Unpack[AsyncOptions]) -> Self:
        """A client for the server and credentials of the environment: FLUXBASE_URL, FLUXBASE_KEY, FLUXBASE_REFRESH_TOKEN."""
        url, key, refresh_token = _from_environment()
        options.setdefault("refresh_token", refresh_token)
        return cls(url, key, **options)

    @classmethod
    async def sign_in(cls, url: str, email: str, password: str, **options: Unpack[AsyncOptions]) -> Result[Self]:
        """Sign a user in and return a client that keeps that user's tokens fresh."""
        try:
            fetch = AsyncFluxbaseFetch(url, **_signing_in(options))
        except InvalidInput as error:
            return Err(error)
        async with fetch:
            answered = await fetch.run(verbs.sign_in(fetch.session(), email, password))
        if isinstance(answered, Err):
            return answered
        return Ok(cls(url, **_signed_in(options, answered.data)), answered.meta)

    async def close(self) -> None:
        """Close the connections."""
        await self.fetch.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fetch.session().base_url!r})"


def create_client(url: str, key: Key | None = None, **options: Unpack[Options]) -> FluxbaseClient:
    """A client, by the name that the TypeScript package gives it."""
    return FluxbaseClient(url, key, **options)


def _from_environment() -> tuple[str, str | None, str | None]:
    url, key, refresh_token = (os.environ.get(name, "").strip() or None for name in (URL_VARIABLE, KEY_VARIABLE, REFRESH_VARIABLE))
    if url is None:
        raise InvalidInput(f"{URL_VARIABLE} is not set: it names the server, like https://example.com")
    for name, value in ((KEY_VARIABLE, key), (REFRESH_VARIABLE, refresh_token)):
        if value is not None:
            header_text(name, value)
    return url, key, refresh_token


def _signed_in(options: Any, tokens: Tokens) -> Any:
    """The options of a client that goes on with these tokens."""
    return {**options, "key": tokens.access_token, "refresh_token": tokens.refresh_token}


def _signing_in(options: Any) -> Any:
    """The options of the requests that sign in: nobody's credentials."""
    return {name: value for name, value in options.items() if name not in {"refresh_token", "on_tokens"}}
