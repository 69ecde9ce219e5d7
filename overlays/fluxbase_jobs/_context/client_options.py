"""What the constructors of all clients take: their keyword arguments, defaults, and the environment's variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from .._lazy import httpx
from .._transports.choose import TransportName
from .._validation.arguments import Seconds
from ..errors import InvalidInput
from ..models.tokens import Tokens
from ..policies.retry import RetryPolicy
from .call_context import base_url
from .credentials import OnTokens, header_text

DEFAULT_TIMEOUT: Final = 30.0
DEFAULT_RETRY: Final = RetryPolicy()
URL_VARIABLE: Final = "FLUXBASE_URL"
KEY_VARIABLE: Final = "FLUXBASE_KEY"
REFRESH_VARIABLE: Final = "FLUXBASE_REFRESH_TOKEN"
MISSING_KEY: Final = f"{KEY_VARIABLE} is not set"


class SharedOptions(TypedDict, total=False):
    """The keyword arguments of both clients; FluxbaseClient documents them."""

    refresh_token: str | None
    on_tokens: OnTokens | None
    headers: Mapping[str, str] | None
    timeout: Seconds
    retry: RetryPolicy | None
    raise_errors: bool
    realtime: bool | None
    transport: TransportName


class ClientOptions(SharedOptions, total=False):
    """The keyword arguments of FluxbaseClient."""

    http_client: httpx.Client | None


class AsyncClientOptions(SharedOptions, total=False):
    """The keyword arguments of AsyncFluxbaseClient."""

    http_client: httpx.AsyncClient | None


def from_environment() -> tuple[str, str | None, str | None]:
    """The server's address, the key and the refresh token. Raises InvalidInput, naming the variable."""
    url, key, refresh_token = (os.environ.get(name, "").strip() or None for name in (URL_VARIABLE, KEY_VARIABLE, REFRESH_VARIABLE))
    if url is None:
        raise InvalidInput(f"{URL_VARIABLE} is not set: it names the server, like https://example.com")
    base_url(URL_VARIABLE, url)
    for name, value in ((KEY_VARIABLE, key), (REFRESH_VARIABLE, refresh_token)):
        if value is not None:
            header_text(name, value)
    return url, key, refresh_token


def sign_in_options(options: Any) -> Any:
    """The options of the client that sends the sign-in: without anybody's credentials."""
    if options.get("refresh_token") is not None:  # not used: the sign-in brings one
        header_text("refresh_token", options["refresh_token"])
    return {name: value for name, value in options.items() if name != "refresh_token"}


def signed_in_options(options: Any, tokens: Tokens) -> Any:
    """The options of the client that goes on with these tokens."""
    return {**options, "key": tokens.access_token, "refresh_token": tokens.refresh_token}
