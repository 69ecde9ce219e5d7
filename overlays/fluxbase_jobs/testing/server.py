"""A Fluxbase server for one test: an emulator in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, cast

import httpx
from attrs import evolve
from starlette.types import ASGIApp

from .. import AsyncFluxbaseClient, FluxbaseClient, RetryPolicy
from .._context.client_options import SharedOptions
from ..emulator import Context, function
from ..emulator.app import DEVELOPER, Emulator
from ..emulator.faults.faults import Faults
from ..emulator.faults.injection import FaultInjection
from ..emulator.faults.validation import in_seconds, string
from ..emulator.handlers.decorator import JobFunction, check_callable, marked
from .clock import Quiescence, ServerTimeline
from .event_loop import EventLoopThread
from .middleware import DateHeader, SettleBeforePolls
from .options import (
    AsyncClientOptions,
    ClientOptions,
    FunctionOptions,
    ServerOptions,
    read_clock,
    read_functions,
    read_handlers,
    read_settings,
)
from .scripts import Script, submitted_payloads
from .socket_server import SocketServer
from .transports import AsyncTransport, Transport
from .websockets import AsyncSocketConnector, SocketConnector

_HandlerT = TypeVar("_HandlerT", bound="Callable[..., Any]")

_IN_PROCESS_URL: Final = "http://fluxbase.test"
_QUICK_RETRY: Final = RetryPolicy(first_delay=0.01, max_delay=0.1)
_SETTLE_SECONDS: Final = 0.05


class Server:
    """A server for one test. It runs from its creation until `close()`; use it as a context manager.

        with Server() as server, server.client() as client:
            server.script("resize").progress(30).complete({"width": 1})
            job, error = client.jobs.run("resize", {"id": 7})

    It is the emulator with its state in memory, and its workers poll for jobs every 5 ms. A GET request for jobs waits until the
    workers are idle, but not longer than `patience`, so a quick job has ended in the first poll. Time spans are seconds or a
    timedelta.

    Args:
        functions: handlers that are marked with `@function`, a module that contains them, or the path of a handlers file.
        profile: the version of the real server to act as, "2026-03" or "2026-04"; the newest if not given.
        clock: a VirtualClock, to start at another time or to share it with other servers.
        patience: the settle time: how many seconds of real time a GET request for jobs waits for the workers at most; 0.05 if not
            given, and 0 for no wait.
        jwt_secret: the secret that signs tokens.
        database: the SQLite file; in memory if not given.
        poll_interval: seconds of real time between two polls of a worker for jobs.
        worker_timeout: seconds after which jobs that an earlier server on the same file left running become pending again.
        workers: the number of workers.
        jobs_per_worker: how many jobs each worker runs at a time.
        rate_limit: requests per minute and address; no limit if not given.
        jobs: "on"; "off" as if jobs were missing in the server's configuration; "flag-off" as if configured, but switched off.
        realtime: "on"; "off" for a server without the WebSocket; "all" to send changes of jobs on 2026-04, too, where the real server
            does so only once set up for it.

    Raises:
        TypeError: an option that does not exist, or a value of another type.
        ValueError: a value out of its range, or two functions of one name.
        UnusableHandlersError: the handlers file cannot be used.
        UnusableDatabaseError: the database file cannot be used.
    """

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        settings, functions = read_settings(options), read_functions(options.get("functions", ()))
        self.clock, settle = read_clock(options.get("clock")), in_seconds("patience", options.get("patience", _SETTLE_SECONDS))
        self._scripts: list[Script] = []
        self._emulator = Emulator(settings, functions, self.clock, has_hints=True)
        self.faults = Faults(self._emulator.app.routes, self._emulator.services.defects, settings.profile)
        self._app: ASGIApp = self._with_middleware(settle)
        self._socket_server = SocketServer(self._app)
        self._url: str | None = None
        self._url_lock = threading.Lock()
        self._loop = EventLoopThread("fluxbase test server", self._running())
        self._timeline = ServerTimeline(self._quiescence(), self._loop)
        self.clock.attach(self._timeline)

    @property
    def url(self) -> str:
        """The URL on loopback. The first read opens the socket.

        Raises:
            RuntimeError: the server is closed.
        """
        self._loop.check_open()
        with self._url_lock:
            if self._url is None:
                self._url = self._loop.run(self._socket_server.open())
            return self._url

    def transport(self) -> httpx.BaseTransport:
        """A transport for httpx.Client that calls the server without a socket. Any base URL works."""
        return Transport(self._loop, self._app)

    def async_transport(self) -> httpx.AsyncBaseTransport:
        """A transport for httpx.AsyncClient, as `transport`. It works under asyncio and trio, and in one event loop after another."""
        return AsyncTransport(self._loop, self._app)

    def realtime_connector(self) -> SocketConnector:
        """Opens WebSockets to the server without a network socket: `connect(base_url, headers)` gives one with send, receive, close."""
        return SocketConnector(self._loop, self._app)

    def async_realtime_connector(self) -> AsyncSocketConnector:
        """The same for asyncio: `await connect(base_url, headers)`."""
        return AsyncSocketConnector(self._loop, self._app)

    def client(self, **options: Unpack[ClientOptions]) -> FluxbaseClient:
        """A client that calls the server without a socket.

        Args:
            **options: the keyword arguments of FluxbaseClient. By default, `key` is a function that creates a service key, so
                that it never expires, and `retry` is the usual policy with delays of hundredths of a second. The client follows jobs
                over a WebSocket, also without a network socket; with `realtime=False` it polls.
        """
        key = options.pop("key", self.service_key)
        options.setdefault("retry", _QUICK_RETRY)
        http = httpx.Client(transport=self.transport(), trust_env=False)
        listens, options["realtime"] = options.get("realtime") is not False, False
        client = FluxbaseClient(_IN_PROCESS_URL, key, http_client=http, **cast("SharedOptions", options))
        if listens:
            client.fetch.listen_through(self.realtime_connector())
        return client

    def async_client(self, **options: Unpack[AsyncClientOptions]) -> AsyncFluxbaseClient:
        """An async client that calls the server without a socket; see `client`."""
        key = options.pop("key", self.service_key)
        options.setdefault("retry", _QUICK_RETRY)
        http = httpx.AsyncClient(transport=self.async_transport(), trust_env=False)
        listens, options["realtime"] = options.get("realtime") is not False, False
        client = AsyncFluxbaseClient(_IN_PROCESS_URL, key, http_client=http, **cast("SharedOptions", options))
        if listens:
            client.fetch.listen_through(self.async_realtime_connector())
        return client

    def service_key(self) -> str:
        """A token of the role `service_role`, valid for a day of the server's clock."""
        return self._emulator.service_key()

    def user_key(self, email: str = DEVELOPER) -> str:
        """A token of the user with this email address, valid for a day of the server's clock. Creates the user if necessary.

        Raises:
            TypeError: `email` is not a string.
            RuntimeError: the server is closed.
        """
        self._loop.check_open()
        return self._emulator.user_key(string("email", email))

    def script(self, name: str, **options: Unpack[FunctionOptions]) -> Script:
        """Add a job function whose runs follow a script. It replaces a function of the same name and namespace.

        Args:
            name: the job name that clients submit.
            **options: the options of `@function`.

        Raises:
            TypeError: an option that does not exist, or a value of another type.
            ValueError: a value out of its range.
            RuntimeError: the server is closed.
        """
        namespace = options.get("namespace", "default")
        script = Script(name, self.clock, lambda: self._payloads(name, namespace))

        @function(name, **options)
        async def play(payload: dict[str, Any], context: Context) -> dict[str, Any]:
            return await script.handle(payload, context)

        self._scripts.append(script)
        self.add(play)
        return script

    def function(self, name: str, **options: Unpack[FunctionOptions]) -> Callable[[_HandlerT], _HandlerT]:
        """Decorate a handler to add it as a job function of this server only.

        Args:
            name: the job name that clients submit.
            **options: the options of `@function`.

        Raises:
            TypeError: an option that does not exist, or a value of another type.
            ValueError: a value out of its range.
        """
        # Marking the handler itself would also define it on other tests' servers, and bound methods cannot be marked.
        (definition,) = marked([function(name, **options)(lambda: None)])

        def add(handler: _HandlerT) -> _HandlerT:
            self._add([evolve(definition, handler=handler)])
            return handler

        return add

    def add(self, *handlers: Callable[..., Any]) -> None:
        """Add handlers that are marked with `@function`. Each replaces a function of the same name and namespace.

        Raises:
            TypeError: a handler without `@function`.
            RuntimeError: the server is closed.
        """
        self._add(read_handlers("handlers", handlers))

    def close(self) -> None:
        """Stop all runs and requests, and close the server. Idempotent."""
        self.clock.detach(self._timeline)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(profile={self._emulator.settings.profile.name!r})"

    def _add(self, functions: list[JobFunction]) -> None:
        check_callable(functions)
        self._loop.check_open()
        self._emulator.add_functions(functions)

    def _payloads(self, name: str, namespace: str) -> list[dict[str, Any]]:
        self._loop.check_open()
        return submitted_payloads(self._emulator.services.jobs, name, namespace)

    def _with_middleware(self, settle_seconds: float) -> ASGIApp:
        settled = SettleBeforePolls(self._emulator.app, self._quiescence(), settle_seconds)
        return FaultInjection(DateHeader(settled, self.clock), self.faults)

    def _quiescence(self) -> Quiescence:
        return Quiescence(self._emulator.services, lambda: frozenset[str]().union(*(script.waiting_jobs() for script in self._scripts)))

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        async with self._emulator.running():
            try:
                yield
            finally:
                await self._socket_server.close()
