"""httpx's requests, responses and errors in our terms: what the sync and the async transport share."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import Any, Final, TypeVar, cast

import httpx

from ..errors import ConnectionFailed, FluxbaseError, InvalidInput, RequestTimeout
from .messages import RawResponse, Request, address

H = TypeVar("H")

CONNECT_SECONDS: Final = 5.0
LONGEST_TIMEOUT: Final = 1_000_000.0
"""Seconds; sockets count milliseconds in 32 bits."""
FAULTS: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError)
"""Everything a send may raise: httpx errors, and those httpx does not wrap (invalid host names, TLS aborts, our TimeoutError)."""
_LOCATION: Final = "fluxbase_jobs.location"


def client_settings(on_response: Callable[[httpx.Response], object]) -> dict[str, Any]:
    """The arguments of an httpx client of our own.

    Its cookie jar takes nothing: the server sets cookies at sign-in and prefers them to the Authorization header later.
    """
    headers = {"user-agent": f"fluxbase-jobs/{version('fluxbase-jobs')}"}
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return {"cookies": no_cookies, "headers": headers, "event_hooks": {"response": [on_response]}}


def checked_client(http_client: H | None, kind: type[H]) -> H | None:
    """A user's own httpx client, if it is one of this kind."""
    if http_client is None or isinstance(cast("object", http_client), kind):
        return http_client
    raise InvalidInput(f"http_client must be a httpx.{kind.__name__}")


def build_request(request: Request, timeout: float, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    """The request as httpx sends it, with its time limits and without cookies."""
    limits = httpx.Timeout(min(timeout, LONGEST_TIMEOUT), connect=min(timeout, CONNECT_SECONDS))
    built = http.build_request(**request, timeout=limits)
    # On admin and auth routes the server prefers a cookie to the Authorization header, however stale.
    built.headers.pop("cookie", None)
    return built


def client_auth(request: httpx.Request) -> Any:
    """The `auth` argument: credentials of a user's httpx client only where the request has none of ours."""
    return None if "authorization" in request.headers else httpx.USE_CLIENT_DEFAULT


def raw_response(response: httpx.Response, chunks: list[bytes]) -> RawResponse:
    """The response in our terms, without cookies."""
    response.headers.pop("set-cookie", None)
    if _LOCATION in response.extensions:
        response.headers["location"] = response.extensions[_LOCATION]
    return RawResponse(response.status_code, response.headers, b"".join(chunks))


def hide_location(response: httpx.Response) -> None:
    """Hide the Location header from httpx, which parses it even where it does not follow redirects, and fails on an invalid URL."""
    if "location" in response.headers:
        response.extensions[_LOCATION] = response.headers.pop("location")


def send_error(fault: Exception, request: Request, timeout: float) -> FluxbaseError:
    """The error value for a send that raised. It names the kind of fault only where httpx's own text could quote a header."""
    server, _ = address(request)
    if isinstance(fault, httpx.TimeoutException | TimeoutError):
        return RequestTimeout(f"no complete answer from {server} within {max(round(timeout, 3), 0.001):g} s", retryable=True)
    quotable = isinstance(fault, httpx.TransportError) and not isinstance(fault, httpx.LocalProtocolError)
    reason = f": {fault}" if quotable else ""
    return ConnectionFailed(f"no complete answer from {server} ({type(fault).__name__}{reason})", retryable=True)
