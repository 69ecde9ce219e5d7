"""The sync transport over pyreqwest, an HTTP client in Rust (extra `speed`). Imported at its first use only."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Generic, Self, TypeVar, cast

from pyreqwest.client import SyncClient, SyncClientBuilder

from ..errors import FluxbaseError
from .base import Transport
from .bounds import Body
from .certificates import TlsContext
from .httpcore_sync import HttpcoreTransport
from .messages import RawResponse, Request, address
from .proxies import Proxied, sync_through
from .pyreqwest_messages import FAULTS, PROCESS, READ_BYTES, configured, filled, fits, is_closed, made, read_headers, send_error, url_of

T = TypeVar("T")


class PyreqwestTransport:
    """Sends requests through one pyreqwest client. In a forked process httpcore takes over, because Rust's threads do not survive a fork."""

    name = "pyreqwest"

    def __init__(self) -> None:
        self._client: SyncClient | None = None
        self._after_fork: HttpcoreTransport | None = None
        self._tls = TlsContext()
        self._proxied = Proxied(sync_through)
        self._main = _Worker[RawResponse | FluxbaseError]()
        self._lock = threading.Lock()
        self._closed = False

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        if self._closed:
            raise RuntimeError("this client is closed")
        return self

    def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request and read the whole response within `timeout` seconds; what goes wrong is returned."""
        if os.getpid() != PROCESS:
            return self._forked().send(request, timeout)
        way = self._client or self._way(address(request)[0])
        if isinstance(way, FluxbaseError):
            return way
        if not isinstance(way, SyncClient):
            return way.send(request, timeout)
        if threading.current_thread() is threading.main_thread():
            return self._main.run(partial(self._send, way, request, timeout))
        return self._send(way, request, timeout)

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        if os.getpid() != PROCESS:
            self._forked().close()
            return
        for proxied in self._proxied.transports():
            proxied.close()
        self._main.close()
        if self._client is not None:
            self._client.close()

    def _send(self, client: SyncClient, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        try:
            built = filled(client.request(str(request["method"]).upper(), url_of(request)), request, timeout).build_streamed()
            with built as response:
                headers = read_headers(response.headers)
                body, reader = Body(response.status, headers), response.body_reader
                if fits(response.status, headers):
                    body.add(bytes(reader.bytes()))
                    return RawResponse(response.status, headers, body.content())
                while (piece := reader.read(READ_BYTES)) is not None:
                    body.add(bytes(piece))
                return RawResponse(response.status, headers, body.content())
        except FAULTS as fault:
            if is_closed(fault):
                self.opened()
            return send_error(fault, request, timeout)

    def _way(self, server: str) -> SyncClient | Transport | FluxbaseError:
        """How to reach a server: through our client, or httpx's where the environment names a proxy."""
        context = self._tls.context(server)
        if isinstance(context, FluxbaseError):
            return context
        route = self._proxied.route(server, context)
        return self._opened_client(server, context) if route is None else route

    def _opened_client(self, server: str, context: ssl.SSLContext | None) -> SyncClient | FluxbaseError:
        """The client, made at the first request. A client serves one server, so its scheme does not change."""
        with self._lock:
            self.opened()
            if self._client is None:
                made_client = made(self._made, server, context)
                if isinstance(made_client, FluxbaseError):
                    return made_client
                self._client = made_client
            return self._client

    def _made(self, roots: list[bytes]) -> SyncClient:
        return configured(SyncClientBuilder(), roots).build()

    def _forked(self) -> HttpcoreTransport:
        """The transport of a process that was forked from the one that imported pyreqwest."""
        if self._after_fork is None:
            self._after_fork = HttpcoreTransport()
        return self._after_fork


class _Worker(Generic[T]):
    """Runs one function at a time in its own thread, for the main thread, which waits for it.

    Python handles signals in the main thread only, and not while that is in Rust: Ctrl-C would wait for the response, and would then be
    raised inside pyreqwest, which ends the process.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], T] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()
        self._started = False

    def run(self, call: Callable[[], T]) -> T:
        """The value of a call."""
        if not self._started:
            self._started = True
            threading.Thread(target=_work, args=(self._calls, self._outcomes), name="fluxbase-jobs", daemon=True).start()
        self._calls.put(call)
        try:
            value, error = self._outcomes.get()
        except BaseException:  # Ctrl-C: the next call must not take this one's outcome, so it gets a new thread
            self.close()
            raise
        if error is not None:
            raise error
        return cast("T", value)

    def close(self) -> None:
        """End the thread, after its call."""
        if self._started:
            self._calls.put(None)
            self._calls, self._outcomes, self._started = SimpleQueue(), SimpleQueue(), False

    def __del__(self) -> None:
        self.close()


def _work(calls: SimpleQueue[Callable[[], T] | None], outcomes: SimpleQueue[tuple[T, None] | tuple[None, BaseException]]) -> None:
    while (call := calls.get()) is not None:
        try:
            outcomes.put((call(), None))
        except BaseException as error:  # noqa: BLE001  # raised in the thread that waits
            outcomes.put((None, error))
        del call
