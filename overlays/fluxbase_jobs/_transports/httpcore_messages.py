"""httpcore's requests, responses and errors in our terms: what the sync and the async transport share."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import httpcore

from ..errors import ConnectionFailed, FluxbaseError, InvalidResponse, RequestTimeout
from .bounds import MAX_RESPONSE_BYTES, Body, Progress, ResponseTooLong
from .messages import Headers, RawResponse, Request, address, target

CONNECT_SECONDS: Final = 5.0
"""Seconds to connect to one address at most."""
WRITE_BYTES: Final = 4096
"""Bytes written at once, so that a slow reader is noticed at the deadline."""
TIMEOUTS: Final = (httpcore.TimeoutException, TimeoutError)
FAULTS: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    ResponseTooLong,
    UnicodeError,
    OSError,
)
"""Everything a send may raise: httpcore's errors, and those that it does not wrap (invalid host names, TLS aborts)."""
_CLOSED_BY_SERVER: Final = "Server disconnected without sending a response."


@lru_cache(maxsize=64)
def origin_of(server: str) -> httpcore.Origin:
    """Scheme, host and port of a server's address."""
    return httpcore.URL(server).origin


@lru_cache(maxsize=64)
def _first_headers(server: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that all requests to a server begin with."""
    host = server.partition("://")[2].encode("ascii")
    return ((b"host", host), (b"accept", b"*/*"), (b"accept-encoding", b"gzip, deflate"))


def core_request(request: Request, user_agent: bytes) -> httpcore.Request:
    """The request as httpcore sends it."""
    server, _ = address(request)
    origin, first = origin_of(server), _first_headers(server)
    given = {name.encode("latin-1"): str(value).encode("latin-1") for name, value in request["headers"].items()}
    content = request.get("content") or b""
    headers = [
        *first,
        *([] if b"user-agent" in given else [(b"user-agent", user_agent)]),
        *given.items(),
    ]
    if content or str(request["method"]).lower() in {"post", "put", "patch"}:
        headers.append((b"content-length", str(len(content)).encode()))
    url = httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=target(request).encode("ascii"))
    return httpcore.Request(str(request["method"]).upper(), url, headers=headers, content=content)


def finished(response: httpcore.Response, headers: Headers, body: Body, progress: Progress) -> tuple[RawResponse, bool]:
    """The response, and whether the connection may be used again: not where more came than this one response."""
    return RawResponse(response.status, headers, body.content()), not progress.has_surplus(response.status, headers)


def send_error(fault: Exception, request: Request, timeout: float) -> FluxbaseError:
    """The error value for a send that raised, by its kind: the text of a protocol error could quote anything that the server sent."""
    server, _ = address(request)
    if isinstance(fault, TIMEOUTS):
        return RequestTimeout(f"no complete answer from {server} within {max(round(timeout, 3), 0.001):g} s", retryable=True)
    if isinstance(fault, ResponseTooLong):
        return InvalidResponse(f"the response of {server} is longer than {MAX_RESPONSE_BYTES >> 20} MiB, or its error or head than 1 MiB")
    quotable = isinstance(fault, httpcore.ConnectError) or str(fault) == _CLOSED_BY_SERVER
    reason = f": {fault}" if quotable and str(fault) else ""
    return ConnectionFailed(f"no complete answer from {server} ({type(fault).__name__}{reason})", retryable=True)
