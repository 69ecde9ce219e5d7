"""httpx's requests, responses and errors in our terms: what the sync and the async transport share."""

from __future__ import annotations

import importlib
import ssl
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final
from weakref import WeakSet

import httpx
from attrs import frozen

from ..errors import ConnectionFailed, FluxbaseError, InvalidInput, InvalidResponse, RequestTimeout
from .bounds import LONGEST_TIMEOUT, MAX_ERROR_BYTES, MAX_RESPONSE_BYTES, ResponseTooLong
from .clock import monotonic
from .messages import RawResponse, Request, address, proxy_variable, user_agent

CONNECT_SECONDS: Final = 5.0
WRITE_BYTES: Final = 4096
_WARNED: Final = WeakSet[Any]()
"""Users' clients that were warned of."""
_CALLER: Final = 6
"""How many calls above a warning the line is that makes a Fluxbase client."""
_LOCATION: Final = "fluxbase_jobs.location"
_TO_PARSER: Final = ("_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state")
"""The way from a response's stream to the parser of its connection."""
_LIBRARY_NAMES: Final = (
    *(
        "AsyncClient",
        "ConnectError",
        "DecodingError",
        "HTTPError",
        "HTTPStatusError",
        "InvalidURL",
        "ProxyError",
        "Timeout",
        "TimeoutException",
    ),
    *("USE_CLIENT_DEFAULT", "UnsupportedProtocol"),
)
"""What we use of httpx, apart from its clients."""


@frozen
class Library:
    """The library of an HTTP client: httpx, or one of the same shape, like httpx2."""

    module: Any

    @property
    def faults(self) -> tuple[type[Exception], ...]:
        """Everything a send may raise: its errors, and those it does not wrap (invalid host names, TLS aborts, our TimeoutError)."""
        return (self.module.HTTPError, self.module.InvalidURL, ResponseTooLong, UnicodeError, OSError)

    @property
    def agent(self) -> str:
        """The User-Agent header that its clients send by default."""
        return f"python-{self.module.__name__}/{self.module.__version__}"


HTTPX: Final = Library(httpx)


def library_of(http_client: object, kind: str) -> Library:
    """The library of a user's own client of this kind (`Client` or `AsyncClient`). Raises InvalidInput for anything else."""
    with suppress(Exception):  # a metaclass may define these attributes, and raise anything
        for each in type(http_client).__mro__:
            module = sys.modules.get(each.__module__.partition(".")[0])
            if each.__name__ == kind and all(hasattr(module, name) for name in _LIBRARY_NAMES):
                return Library(module)
    raise InvalidInput(f"http_client must be a httpx.{kind}")


def warn_unverified(http_client: object) -> None:
    """Warn once of a user's client that takes any certificate: whoever is on the way could read its key."""
    pool: Any = getattr(getattr(http_client, "_transport", None), "_pool", None)
    context: object = getattr(pool, "_ssl_context", None)
    if isinstance(context, ssl.SSLContext) and context.verify_mode == ssl.CERT_NONE and http_client not in _WARNED:
        _WARNED.add(http_client)
        warnings.warn("http_client does not verify the server's certificate: anyone on the way can read keys and jobs", stacklevel=_CALLER)


def check_proxy(proxy: str) -> None:
    """Raise ImportError or ValueError for a proxy that httpx cannot use."""
    try:
        url = httpx.Proxy(proxy).url
    except httpx.InvalidURL:
        raise ValueError("no URL") from None
    if url.port is not None and not 0 < url.port < 2**16:
        raise ValueError("no port")
    if url.scheme.startswith("socks"):
        importlib.import_module("socksio")


def client_settings(on_response: Callable[[httpx.Response], object], proxy: str | None, context: ssl.SSLContext | None) -> dict[str, Any]:
    """The arguments of an httpx client of our own, which reads nothing from the environment.

    Its cookie jar takes nothing: the server sets cookies at sign-in and prefers them to the Authorization header later.
    """
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return {
        "cookies": no_cookies,
        "event_hooks": {"response": [on_response]},
        "proxy": proxy,
        "trust_env": False,
        "verify": context or False,
    }


class Upload:
    """A request's body in pieces, so that a slow reader is noticed at the deadline: httpx's timeout is one for each write."""

    def __init__(self, content: bytes, deadline: float) -> None:
        self._content, self._deadline = content, deadline

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), WRITE_BYTES):
            yield before_deadline(self._content[start : start + WRITE_BYTES], self._deadline)


class AsyncUpload:
    """The same for an async client, which refuses what can be iterated in the sync way, too."""

    def __init__(self, content: bytes, deadline: float) -> None:
        self._pieces = Upload(content, deadline)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def build_request(request: Request, timeout: float, http: httpx.Client | httpx.AsyncClient, library: Library) -> httpx.Request:
    """The request as httpx sends it, with its time limits and without cookies."""
    limits = library.module.Timeout(min(timeout, LONGEST_TIMEOUT), connect=min(timeout, CONNECT_SECONDS))
    content = request.get("content")
    if content and len(content) > WRITE_BYTES:
        headers = {**request["headers"], "content-length": str(len(content))}
        upload = AsyncUpload if isinstance(http, library.module.AsyncClient) else Upload
        request = {**request, "headers": headers, "content": upload(content, monotonic() + timeout)}
    built = http.build_request(**request, timeout=limits)
    if built.headers.get("user-agent") == library.agent:
        built.headers["user-agent"] = user_agent().decode()
    # On admin and auth routes the server prefers a cookie to the Authorization header, however stale.
    built.headers.pop("cookie", None)
    return built


def client_auth(request: httpx.Request, library: Library) -> Any:
    """The `auth` argument: credentials of a user's httpx client only where the request has none of ours."""
    return None if "authorization" in request.headers else library.module.USE_CLIENT_DEFAULT


class Pieces:
    """The pieces of a response's body, with a limit on their size."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._limit = MAX_RESPONSE_BYTES if response.status_code < 400 else MAX_ERROR_BYTES
        self._pieces: list[bytes] = []
        self._length = 0

    def add(self, piece: bytes) -> None:
        """Add a piece. Raises ResponseTooLong."""
        self._length += len(piece)
        if self._length > self._limit:
            raise ResponseTooLong
        self._pieces.append(piece)

    def response(self, *, readable: bool = True) -> RawResponse:
        """The response in our terms, without cookies; without a body where that could not be decompressed."""
        headers = self._response.headers
        headers.pop("set-cookie", None)
        if _LOCATION in self._response.extensions:
            headers["location"] = self._response.extensions[_LOCATION]
        return RawResponse(self._response.status_code, headers, b"".join(self._pieces) if readable else b"")


def surplus_stream(response: httpx.Response) -> Any:
    """The connection of a response after which the server sent more, to be closed; else None.

    httpx would read those bytes as the response to its next request. It has no public name for them: they lie with h11, its parser.
    """
    found: object = response.stream
    for name in _TO_PARSER:
        found = getattr(found, name, None)
    trailing: object = getattr(found, "trailing_data", None)
    return response.extensions.get("network_stream") if isinstance(trailing, tuple) and trailing[0] else None


def hide_location(response: httpx.Response) -> None:
    """Hide the Location header from httpx, which parses it even where it does not follow redirects, and fails on an invalid URL."""
    if "location" in response.headers:
        response.extensions[_LOCATION] = response.headers.pop("location")


def before_deadline(piece: bytes, end: float) -> bytes:
    """A piece of a body, unless it comes too late: httpx's timeout is one for each piece, so a slow body would never end."""
    if monotonic() > end:
        raise TimeoutError
    return piece


def refused_by_hook(fault: httpx.HTTPStatusError, request: Request, library: Library) -> RawResponse | FluxbaseError:
    """The response that a hook of the user's httpx client refused with `raise_for_status`: it is read as the answer that it is.

    Where the hook did not read its body, httpx has closed it already, and the status and headers are all that is left.
    """
    pieces = Pieces(fault.response)
    try:
        if hasattr(fault.response, "_content"):
            pieces.add(fault.response.content)
    except ResponseTooLong as too_long:
        return send_error(too_long, request, 0.0, library)
    return pieces.response()


def send_error(fault: Exception, request: Request, timeout: float, library: Library, *, proxied: bool = False) -> FluxbaseError:
    """The error value for a send that raised, by its kind: the text of a protocol error could quote anything that was sent."""
    server, _ = address(request)
    if proxied:  # the server itself may be well
        server = f"{server} through the proxy of {proxy_variable(server)}"
    if isinstance(fault, library.module.TimeoutException | TimeoutError):
        return RequestTimeout(f"no complete answer from {server} within {max(round(timeout, 3), 0.001):g} s", retryable=True)
    if isinstance(fault, ResponseTooLong):
        return InvalidResponse(f"the response of {server} is longer than {MAX_RESPONSE_BYTES >> 20} MiB, or its error or head than 1 MiB")
    module = library.module
    quotable = isinstance(fault, module.ConnectError | module.ProxyError | module.UnsupportedProtocol)
    reason = f": {fault}" if quotable and str(fault) else ""
    return ConnectionFailed(
        f"no complete answer from {server} ({type(fault).__name__}{reason})", retryable=not isinstance(fault, module.InvalidURL)
    )
