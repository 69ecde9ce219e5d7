"""The sync transport: sends one request through httpx. Each process has its own connections."""

from __future__ import annotations

import os
import ssl
from typing import Self

import httpx

from ..errors import FluxbaseError
from .clock import monotonic
from .httpx_messages import (
    HTTPX,
    Library,
    Pieces,
    before_deadline,
    build_request,
    check_proxy,
    client_auth,
    client_settings,
    hide_location,
    library_of,
    refused_by_hook,
    send_error,
    surplus_stream,
    warn_unverified,
)
from .messages import RawResponse, Request


class HttpxTransport:
    """Sends requests with the httpx client of the current process, which is made at the first request.

    Args:
        given: a user's own client, which is used in every process and not closed here.
    """

    name = "http_client"

    def __init__(self, given: httpx.Client | None, *, proxy: str | None = None, context: ssl.SSLContext | None = None) -> None:
        self._given = given
        self._library = HTTPX if given is None else library_of(given, "Client")
        warn_unverified(given)
        self._proxy, self._context = proxy, context
        self._own: dict[int, httpx.Client] = {}
        self._closed = False

    @classmethod
    def through(cls, proxy: str, context: ssl.SSLContext | None) -> Self:
        """A transport through a proxy. Raises ImportError or ValueError where httpx cannot use that."""
        check_proxy(proxy)
        return cls(None, proxy=proxy, context=context)

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        if self._closed:
            raise RuntimeError("this client is closed")
        return self

    def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request and read the whole response within `timeout` seconds; what goes wrong is returned."""
        end = monotonic() + timeout
        http = self._client()
        try:
            built = build_request(request, timeout, http, self._library)
            return _read(http.send(built, stream=True, follow_redirects=False, auth=client_auth(built, self._library)), end, self._library)
        except self._library.module.HTTPStatusError as refused:
            return refused_by_hook(refused, request, self._library)
        except self._library.faults as fault:
            return send_error(fault, request, timeout, self._library, proxied=self._proxy is not None)

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        if own := self._own.pop(os.getpid(), None):
            own.close()

    def _client(self) -> httpx.Client:
        """The client to send with. Threads may race here, so the first one to store its client wins and the others use that."""
        if self._given is not None:
            return self._given
        process = os.getpid()
        own = self._own.get(process)
        if own is None:
            self.opened()
            made = httpx.Client(**client_settings(hide_location, self._proxy, self._context))
            own = self._own.setdefault(process, made)
            if own is not made:
                made.close()
            # A connection must not be shared with the process that this one was forked from.
            for other in self._own.keys() - {process}:
                self._own.pop(other, None)
        return own


def _read(response: httpx.Response, end: float, library: Library) -> RawResponse:
    """The whole response. httpx reads its head in one go, so a server that sends that slowly outlasts the timeout here."""
    pieces = Pieces(response)
    try:
        for piece in response.iter_bytes():
            pieces.add(before_deadline(piece, end))
    except library.module.DecodingError:
        return pieces.response(readable=False)
    finally:
        if surplus := surplus_stream(response):
            surplus.close()
        response.close()
    return pieces.response()
