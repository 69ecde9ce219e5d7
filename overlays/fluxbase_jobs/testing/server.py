"""A Fluxbase server for one test: an emulator in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, cast

import httpx
from attrs import evolve
from starlette.types import ASGIApp

from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, RetryPolicy
from fluxbase_jobs._context.client_options import SharedOptions as ClientSettings
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.app import DEVELOPER, Emulator
from fluxbase_jobs.emulator.handlers.decorator import JobFunction, marked

from .clock.quiescence import Settling
from .clock.server_timeline import ServerTimeline
from .clock.virtual_clock import VirtualClock
from .faults.faults import Faults
from .faults.middleware import FaultInjection
from .in_process.event_loop import Background
from .in_process.socket_server import Listening
from .in_process.transports import AsyncTransport, Transport
from .middleware import Dates, RestBeforeLooks
from .option_types import AsyncClientOptions, ClientOptions, FunctionOptions, ServerOptions
from .options import read_functions, read_handlers, read_settings
from .scripts.payloads import payloads_of
from .scripts.script import Script
from .validation import a_text, in_seconds

_HandlerT = TypeVar("_HandlerT", bound="Callable[..., Any]")

_IN_PROCESS_URL = "http://fluxbase.test"
_QUICK = RetryPolicy(first_delay=0.01, max_delay=0.1)
_PATIENCE_SECONDS = 0.05


class Server:
    """A server of its own for each test, which runs from its making until `close()`; use it as a context manager.

        with Server() as server, server.client() as client:
            server.script("resize").progress(30).complete({"width": 1})
            job, error = client.jobs.run("resize", {"id": 7})

    It is the emulator, with its state in memory, and looks for work each 5 ms. A look at jobs (a GET) is answered when the
    workers have come to rest, as far as `patience` goes: a job that needs no time has ended in its first look. Spans are seconds
    or a timedelta.

    Args:
        functions: handlers that are marked with `@function`, a module with such, or the path of a handlers file.
        profile: the era of the real server to act as, "2026-03" or "2026-04"; the newest if not given.
        clock: a VirtualClock, to start at another time or to share it with other servers.
        patience: seconds of real time, 0.05 if not given, for which a look at jobs waits for running jobs at most; 0: not at all.
        jwt_secret: what tokens are signed with.
        database: the SQLite file; in memory if not given.
        poll_interval: seconds of real time between the looks for work.
        worker_timeout: seconds after which jobs go back to pending that an earlier server on the same file left running.
        workers: how many workers there are.
        jobs_per_worker: how many jobs each of them runs at a time.
        rate_limit: requests a minute for an address; no limit if not given.
        jobs: "on"; "off": not in the server's configuration; "flag-off": there, and the feature is off.

    Raises:
        TypeError: an option that does not exist, or a value of another type.
        ValueError: a value out of its range, or two functions of one name.
        UnusableHandlersError: the handlers file cannot be used.
        UnusableDatabaseError: the database file cannot be used.

    """

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        settings, functions = read_settings(options), read_functions(options.get("functions", ()))
        self.clock, patience = _clock(options.get("clock")), in_seconds("patience", options.get("patience", _PATIENCE_SECONDS))
        self._scripts: list[Script] = []
        self._emulator = Emulator(settings, functions, self.clock)
        self.faults = Faults(self._emulator.app.routes)
        self._app: ASGIApp = self._layers(patience)
        self._listening = Listening(self._app)
        self._url: str | None = None
        self._opening = threading.Lock()
        self._background = Background("fluxbase test server", self._running())
        self._timeline = ServerTimeline(self._settling(), self._background)
        self.clock.carry(self._timeline)

    @property
    def url(self) -> str:
        """The address on loopback. The socket is opened when this is first asked for.

        Raises:
            RuntimeError: the server is closed.

        """
        self._background.check_open()
        with self._opening:
            if self._url is None:
                self._url = self._background.run(self._listening.open())
            return self._url

    def transport(self) -> httpx.BaseTransport:
        """Return a transport for httpx.Client that reaches the server without a socket; any base URL will do."""
        return Transport(self._background, self._app)

    def async_transport(self) -> httpx.AsyncBaseTransport:
        """Return the same for httpx.AsyncClient, under asyncio or trio, and in one event loop after another."""
        return AsyncTransport(self._background, self._app)

    def client(self, **options: Unpack[ClientOptions]) -> FluxbaseClient:
        """Return a client that reaches the server without a socket.

        Args:
            **options: the keyword arguments of FluxbaseClient. If not given, `key` is always a fresh service key, and `retry`
                is the usual policy but with pauses of hundredths of a second.

        """
        key = options.pop("key", self.service_key)
        options.setdefault("retry", _QUICK)
        http = httpx.Client(transport=self.transport(), trust_env=False)
        return FluxbaseClient(_IN_PROCESS_URL, key, http_client=http, **cast("ClientSettings", options))

    def async_client(self, **options: Unpack[AsyncClientOptions]) -> AsyncFluxbaseClient:
        """Return an async client that reaches the server without a socket; see `client`."""
        key = options.pop("key", self.service_key)
        options.setdefault("retry", _QUICK)
        http = httpx.AsyncClient(transport=self.async_transport(), trust_env=False)
        return AsyncFluxbaseClient(_IN_PROCESS_URL, key, http_client=http, **cast("ClientSettings", options))

    def service_key(self) -> str:
        """Return a token of the role `service_role`, good for a day of the server's clock."""
        return self._emulator.service_key()

    def user_key(self, email: str = DEVELOPER) -> str:
        """Return a token of the user with this address, who is made if there is none, good for a day of the server's clock.

        Raises:
            TypeError: `email` is no text.
            RuntimeError: the server is closed.

        """
        self._background.check_open()
        return self._emulator.user_key(a_text("email", email))

    def script(self, name: str, **options: Unpack[FunctionOptions]) -> Script:
        """Make a job function whose runs do what the script says; it takes the place of one with its name and namespace.

        Args:
            name: what clients submit.
            **options: those of `@function`.

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
        """Add a handler as this job function: the decorator for handlers that are written in a test. It leaves no mark.

        Args:
            name: what clients submit.
            **options: those of `@function`.

        Raises:
            TypeError: an option that does not exist, or a value of another type.
            ValueError: a value out of its range.

        """
        # A mark on the handler itself would follow it to the servers of other tests, and a bound method takes none.
        (definition,) = marked([function(name, **options)(lambda: None)])

        def add(handler: _HandlerT) -> _HandlerT:
            self._add([evolve(definition, handler=handler)])
            return handler

        return add

    def add(self, *handlers: Callable[..., Any]) -> None:
        """Add handlers that are marked with `@function`; each takes the place of one with its name and namespace.

        Raises:
            TypeError: a handler without its mark.
            RuntimeError: the server is closed.

        """
        self._add(read_handlers("handlers", handlers))

    def close(self) -> None:
        """End all runs, requests and connections, and the server. Idempotent."""
        self.clock.leave(self._timeline)
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(profile={self._emulator.settings.profile.name!r})"

    def _add(self, functions: list[JobFunction]) -> None:
        self._background.check_open()
        self._emulator.add_functions(functions)

    def _payloads(self, name: str, namespace: str) -> list[dict[str, Any]]:
        self._background.check_open()
        return payloads_of(self._emulator.services.jobs, name, namespace)

    def _layers(self, patience_seconds: float) -> ASGIApp:
        looks = RestBeforeLooks(self._emulator.app, self._settling(), patience_seconds)
        return FaultInjection(Dates(looks, self.clock), self.faults)

    def _settling(self) -> Settling:
        return Settling(self._emulator.services, lambda: frozenset(job_id for script in self._scripts for job_id in script.resting()))

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        async with self._emulator.running():
            try:
                yield
            finally:
                await self._listening.close()


def _clock(given: object) -> VirtualClock:
    if given is None:
        return VirtualClock()
    if not isinstance(given, VirtualClock):
        raise TypeError(f"clock must be a VirtualClock, not {type(given).__name__}")
    return given
