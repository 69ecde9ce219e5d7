"""The async client: the same names, signatures and meanings."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self, Unpack

from ._context.argument_hints import with_argument_hints
from ._context.client_options import (
    DEFAULT_RETRY,
    DEFAULT_TIMEOUT,
    MISSING_KEY,
    AsyncClientOptions,
    from_environment,
    sign_in_options,
    signed_in_options,
)
from ._context.credentials import AsyncKey, OnTokens
from ._docstrings import documented_like
from ._drivers.fetch import delivered, with_lifetime
from ._drivers.fetch_async import AsyncFluxbaseFetch
from ._lazy import httpx
from ._plans.sign_in import sign_in
from ._transports.choose import DEFAULT_TRANSPORT, TransportName
from ._validation.arguments import Seconds
from ._verbs.admin_async import AsyncFluxbaseAdmin
from ._verbs.jobs_async import AsyncFluxbaseJobs
from .client import FluxbaseClient
from .errors import InvalidInput
from .models.tokens import Tokens
from .policies.retry import RetryPolicy
from .result import Err, Ok, Result


@with_argument_hints
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
        transport: TransportName = DEFAULT_TRANSPORT,
        raise_errors: bool = False,
        realtime: bool | None = None,
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
            transport=transport,
            raise_errors=raise_errors,
            realtime=realtime,
        )
        self.jobs: Final = AsyncFluxbaseJobs(self.fetch)
        self.admin: Final = AsyncFluxbaseAdmin(self.fetch)

    @property
    def transport(self) -> str:
        """What sends the requests: `"httpcore"`, `"pyreqwest"`, or `"http_client"` for one of the user's own."""
        return self.fetch.transport

    @classmethod
    def from_env(cls, **options: Unpack[AsyncClientOptions]) -> Self:
        """A client for the server and credentials of the environment: FLUXBASE_URL, FLUXBASE_KEY, FLUXBASE_REFRESH_TOKEN."""
        url, key, refresh_token = from_environment()
        options.setdefault("refresh_token", refresh_token)
        client = cls(url, key, **options)
        if key is None:
            client.fetch.settings.credentials.missing_key_hint = MISSING_KEY
        return client

    @classmethod
    async def sign_in(cls, url: str, email: str, password: str, **options: Unpack[AsyncClientOptions]) -> Result[Self]:
        """Sign a user in and return a client that keeps that user's tokens fresh."""
        try:
            fetch = AsyncFluxbaseFetch(url, **sign_in_options(options))
        except InvalidInput as error:
            return delivered(Err(error), "sign_in", raise_errors=options.get("raise_errors") is True)
        async with fetch:
            signed_in = await fetch.run(sign_in, {}, email, password)
        if isinstance(signed_in, Err):
            return signed_in
        client = cls(url, **signed_in_options(options, signed_in.data))
        with_lifetime(client.fetch.settings, signed_in.data)
        return Ok(client, signed_in.meta)

    @property
    def tokens(self) -> Tokens | None:
        """The pair that the server gave last, at `sign_in` or by a refresh."""
        return self.fetch.settings.credentials.tokens

    @property
    def realtime_state(self) -> str:
        """`"unused"`, `"connected"`, or `"polling: REASON"`."""
        return self.fetch.realtime_state

    async def close(self) -> None:
        """Close the connections."""
        await self.fetch.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fetch.settings.base_url!r})"
