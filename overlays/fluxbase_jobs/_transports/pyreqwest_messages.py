"""pyreqwest's requests, responses and errors in our terms: what the sync and the async transport share."""

from __future__ import annotations

import atexit
import os
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from pyreqwest.client import ClientBuilder, SyncClientBuilder
from pyreqwest.exceptions import BuilderError, ClientClosedError, DecodeError, RequestError, RequestTimeoutError
from pyreqwest.http import HeaderMap
from pyreqwest.request import RequestBuilder, SyncRequestBuilder

from ..errors import ConnectionFailed, FluxbaseError, InvalidResponse, RequestTimeout
from .bounds import IDLE_SECONDS, LONGEST_TIMEOUT, MAX_ERROR_BYTES, MAX_IDLE, MAX_RESPONSE_BYTES, ResponseTooLong
from .certificates import certifi_context, has_own_certificates, unreadable_certificates
from .messages import Headers, Request, address, target, user_agent

C = TypeVar("C")
B = TypeVar("B", ClientBuilder, SyncClientBuilder)
RequestT = TypeVar("RequestT", RequestBuilder, SyncRequestBuilder)

PROCESS: Final = os.getpid()
"""The process whose threads serve pyreqwest. In one that is forked from it, every request would wait for ever."""
CONNECT_SECONDS: Final = 5.0
READ_BYTES: Final = 2**18
"""Bytes of a body that are read at once."""
FAULTS: Final = (RequestError, BuilderError, ResponseTooLong, ValueError, OSError)
"""Everything a send may raise; ValueError is what pyreqwest says of an invalid URL."""
_CONNECT: Final = "client error (Connect)"
_CLOSED: Final = "connection closed before message completed"
_LAST_MOMENT: Final = 0.02
_MAX_HEAD_BYTES: Final = 100 * 2**10
"""The limit of httpcore for the head of a response."""


# After a response pyreqwest's threads let go of Python objects; one that does so while the interpreter ends aborts the process, in up to
# one of ten programs on a busy machine. So they get a moment before the end.
atexit.register(time.sleep, _LAST_MOMENT)


class HeadTooLong(ValueError):  # reported as a RemoteProtocolError, as httpcore does
    """The headers of a response have too many bytes."""


def configured(builder: B, roots: list[bytes]) -> B:
    """The settings of a client.

    No redirects, no cookies, no proxy of pyreqwest's own finding; and no decompression, whose size is bounded by us.
    """
    builder = builder.follow_redirects(False).referer(False).no_proxy().user_agent(user_agent().decode())
    builder = builder.gzip(False).deflate(False).brotli(False).zstd(False)
    builder = builder.connect_timeout(timedelta(seconds=CONNECT_SECONDS))
    builder = builder.pool_idle_timeout(timedelta(seconds=IDLE_SECONDS)).pool_max_idle_per_host(MAX_IDLE)
    for root in roots:
        builder = builder.add_root_certificate_der(root)
    return builder


def made(make: Callable[[list[bytes]], C], server: str, context: ssl.SSLContext | None) -> C | ConnectionFailed:
    """A client of one server, made with the roots to trust; an error where the environment's certificates cannot be read.

    pyreqwest trusts the system's roots, or those of SSL_CERT_FILE and SSL_CERT_DIR; certifi's are added to the system's.
    """
    try:
        return make([] if context is None or has_own_certificates() else context.get_ca_certs(binary_form=True))
    except BuilderError as fault:  # no root at all
        return make(certifi_context().get_ca_certs(binary_form=True)) if context is None else unreadable_certificates(server, fault)


def filled(builder: RequestT, request: Request, timeout: float) -> RequestT:
    """A request with its headers, body and time limit. HTTP/1.1 wants a length for a POST without a body."""
    headers: dict[str, str] = {"accept-encoding": "gzip, deflate", **request["headers"]}
    content: bytes = request.get("content") or b""
    if content:
        builder = builder.body_bytes(content)
    elif str(request["method"]).lower() in {"post", "put", "patch"}:
        headers["content-length"] = "0"
    return (
        builder.headers(headers)
        .timeout(timedelta(seconds=min(max(timeout, 0.001), LONGEST_TIMEOUT)))
        .streamed_read_buffer_limit(READ_BYTES)
    )


def url_of(request: Request) -> str:
    """The whole URL, with its query."""
    return address(request)[0] + target(request)


def read_headers(headers: HeaderMap) -> Headers:
    """The response's headers. pyreqwest cannot read values outside ASCII; those are left out. Raises HeadTooLong."""
    try:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    except ValueError:
        pairs = [pair for name in headers for pair in _values(headers, name)]
    if sum(len(name) + len(value) for name, value in pairs) > _MAX_HEAD_BYTES:
        raise HeadTooLong
    return Headers(pairs)


def fits(status: int, headers: Headers) -> bool:
    """Whether a body announces a length within its limit, so that it may be read in one go, which is quicker than in pieces."""
    length = headers.get("content-length", "")
    return length.isdigit() and int(length) <= (MAX_RESPONSE_BYTES if status < 400 else MAX_ERROR_BYTES)


def _values(headers: HeaderMap, name: str) -> list[tuple[bytes, bytes]]:
    try:
        return [(name.encode(), value.encode()) for value in headers.getall(name)]
    except ValueError:
        return []


def send_error(fault: Exception, request: Request, timeout: float) -> FluxbaseError:
    """The error value for a send that raised, by its kind, with the same messages as the other transports."""
    server, _ = address(request)
    if isinstance(fault, RequestTimeoutError | TimeoutError):
        return RequestTimeout(f"no complete answer from {server} within {max(round(timeout, 3), 0.001):g} s", retryable=True)
    causes = _causes(fault)
    if isinstance(fault, ResponseTooLong):
        return InvalidResponse(f"the response of {server} is longer than {MAX_RESPONSE_BYTES >> 20} MiB, or its error or head than 1 MiB")
    return ConnectionFailed(f"no complete answer from {server} ({_reason(fault, causes)})", retryable=True)


def is_closed(fault: Exception) -> bool:
    """Whether the client was closed while it sent."""
    return isinstance(fault, ClientClosedError)


def _reason(fault: Exception, causes: list[str]) -> str:
    """The kind of an error, by httpcore's name for it. Only the cause of a failed connection is quoted: others could quote the server.

    So could what follows a semicolon: the names in a certificate.
    """
    if _CONNECT in causes:
        return f"ConnectError: {causes[-1].partition(';')[0]}"
    if _CLOSED in causes:
        return "RemoteProtocolError: Server disconnected without sending a response."
    if isinstance(fault, DecodeError | HeadTooLong):
        return "RemoteProtocolError"
    return type(fault).__name__


def _causes(fault: Exception) -> list[str]:
    details: dict[str, Any] = getattr(fault, "details", None) or {}
    return [str(cause["message"]) for cause in details.get("causes") or ()]
