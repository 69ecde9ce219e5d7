"""The client: one server, one set of credentials, and the verbs below `.jobs` and `.admin.jobs`."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self, Unpack

from ._context.argument_hints import with_argument_hints
from ._context.client_options import (
    DEFAULT_RETRY,
    DEFAULT_TIMEOUT,
    MISSING_KEY,
    ClientOptions,
    from_environment,
    sign_in_options,
    signed_in_options,
)
from ._context.credentials import Key, OnTokens
from ._drivers.fetch import FluxbaseFetch, delivered, with_lifetime
from ._lazy import httpx
from ._plans.sign_in import sign_in
from ._transports.choose import DEFAULT_TRANSPORT, TransportName
from ._validation.arguments import Seconds
from ._verbs.admin import FluxbaseAdmin
from ._verbs.jobs import FluxbaseJobs
from .errors import InvalidInput
from .models.tokens import Tokens
from .policies.retry import RetryPolicy
from .result import Err, Ok, Result


@with_argument_hints
class FluxbaseClient:
    """A client of one Fluxbase server.

    Use it as a context manager, or `close()` it. Threads and tasks may share it. It may be used from one event loop after another, and after
    a fork: each gets its own connections.

        with FluxbaseClient("https://example.com", key) as client:
            job, error = client.jobs.submit("resize", {"id": 7})

    Args:
        url: the server's address; a path before `/api` is kept.
        key: a token or key, or a callable (for the async client also a coroutine function) that returns one and is called before each
            request. Sent by its form: `sk_`, `pk_` and `fb_` as X-Service-Key, `fbk_` as X-Client-Key, anything else as a Bearer token.
        refresh_token: exchanged for the next pair of tokens before the key expires and after a 401; only with a key that is text, or none.
        on_tokens: called with each new pair, as Tokens (for the async client also a coroutine function): a refresh token works once, so
            store the new one. Not with that of `sign_in`, which `tokens` has.
        headers: sent with every request; names and printable ASCII texts.
        timeout: seconds for one request, 5 of them at most to connect.
        retry: how often and how long a call is retried; None: one attempt.
        http_client: an httpx client of your own, for proxies, certificates or a test transport. The client uses it unchanged and does not close it.
        transport: the library that sends the requests: "httpcore", or, with the extra `speed`, "pyreqwest" (not under trio).
        raise_errors: True: verbs of one result raise its error in place of returning an Err; iterators keep giving results.
        realtime: whether to receive changes and log lines over the server's WebSocket. None: where it can, but not with an `http_client` of
            your own and not under trio; True: also with an `http_client`; False: polling only. Without a WebSocket the client polls.

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
        transport: TransportName = DEFAULT_TRANSPORT,
        raise_errors: bool = False,
        realtime: bool | None = None,
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
            transport=transport,
            raise_errors=raise_errors,
            realtime=realtime,
        )
        self.jobs: Final = FluxbaseJobs(self.fetch)
        self.admin: Final = FluxbaseAdmin(self.fetch)

    @property
    def transport(self) -> str:
        """What sends the requests: `"httpcore"`, `"pyreqwest"`, or `"http_client"` for the httpx client that the user passed."""
        return self.fetch.transport

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """A client for the server and credentials of the environment: FLUXBASE_URL, FLUXBASE_KEY, FLUXBASE_REFRESH_TOKEN.

        Args:
            **options: the keyword arguments of the client.

        Raises:
            InvalidInput: FLUXBASE_URL is not set, or a variable or argument is not as FluxbaseClient wants it.
        """
        url, key, refresh_token = from_environment()
        options.setdefault("refresh_token", refresh_token)
        client = cls(url, key, **options)
        if key is None:
            client.fetch.settings.credentials.missing_key_hint = MISSING_KEY
        return client

    @classmethod
    def sign_in(cls, url: str, email: str, password: str, **options: Unpack[ClientOptions]) -> Result[Self]:
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
            fetch = FluxbaseFetch(url, **sign_in_options(options))
        except InvalidInput as error:
            return delivered(Err(error), "sign_in", raise_errors=options.get("raise_errors") is True)
        with fetch:
            signed_in = fetch.run(sign_in, {}, email, password)
        if isinstance(signed_in, Err):
            return signed_in
        client = cls(url, **signed_in_options(options, signed_in.data))
        with_lifetime(client.fetch.settings, signed_in.data)
        return Ok(client, signed_in.meta)

    @property
    def tokens(self) -> Tokens | None:
        """The pair that the server gave last, at `sign_in` or by a refresh: what to store, to go on with later. None if it gave none."""
        return self.fetch.settings.credentials.tokens

    @property
    def realtime_state(self) -> str:
        """`"unused"`, `"connected"`, or `"polling: REASON"`."""
        return self.fetch.realtime_state

    def close(self) -> None:
        """Close the connections. A given `http_client` stays open."""
        self.fetch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fetch.settings.base_url!r})"


@with_argument_hints
def create_client(url: str, key: Key | None = None, **options: Unpack[ClientOptions]) -> FluxbaseClient:
    """A client, by the name that the TypeScript package gives it."""
    return FluxbaseClient(url, key, **options)
