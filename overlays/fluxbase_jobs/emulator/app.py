"""One emulator as an ASGI application: creates its parts and connects them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from .auth.authenticator import AdminAuthenticator, Authenticator
from .auth.tokens import SERVICE_SECONDS, Tokens
from .clock import Clock, SystemClock, micros
from .faults.defects import Defects
from .functions.registry import FunctionRegistry
from .handlers.decorator import FunctionSet, JobFunction
from .http.middleware import (
    AccessLogMiddleware,
    BodyLimitMiddleware,
    ClientDisconnectMiddleware,
    FullDiskMiddleware,
    IdempotencyMiddleware,
    RateLimitMiddleware,
    RawPathMiddleware,
    RequestIdMiddleware,
)
from .http.responses import error_with_request_id
from .http.routes import all_routes
from .jobs.scheduler import Scheduler
from .realtime.hub import Hub
from .realtime.routes import routes as realtime_routes
from .runtime.worker_pool import WorkerPool
from .services import Services
from .settings import Settings
from .store import ClientKeys, Database, Functions, IdempotencyKeys, Jobs, JobStatistics, Logs, ServiceKeys, User, Users

DEVELOPER: Final = "developer@example.com"
"""Email address of the user whose key is printed at the start."""


class Emulator:
    """One emulator: its state, its workers and its ASGI application. A process can have several.

    Args:
        settings: its behaviour.
        functions: the job functions it can run.
        clock: its source of time; the system's by default.
        has_hints: whether errors say more than the real server's do, in a field of their own, `hint`.

    Raises:
        UnusableDatabaseError: the settings' database cannot be opened.
    """

    def __init__(self, settings: Settings, functions: FunctionSet, clock: Clock | None = None, *, has_hints: bool = False) -> None:
        self.settings = settings
        self._has_hints = has_hints
        self._clock = clock or SystemClock()
        self._database = Database(settings.database, self._clock)
        self._services = self._create_services()
        self._scheduler = Scheduler(self._services.functions, self._services.jobs, self._clock)
        self.replace_functions(functions)
        self.realtime = Hub(self._services)
        self.app = self._application()

    def service_key(self, lifetime_seconds: int = SERVICE_SECONDS) -> str:
        """A token with the role `service_role`, valid for a day by default."""
        return self._services.tokens.role("service_role", lifetime_seconds)

    def user_key(self, email: str = DEVELOPER, lifetime_seconds: int = SERVICE_SECONDS) -> str:
        """A token of the user with this email address, valid for a day by default; the user is created if needed."""
        return self._services.tokens.access(self.user(email), lifetime_seconds)

    def user(self, email: str = DEVELOPER) -> User:
        """The user with this email address, created if needed."""
        users = self._services.users
        # "$" is a hash with an empty digest, which no password has: this user cannot sign in, only the key works.
        name = email.partition("@")[0].capitalize()
        return users.by_email(email) or users.add(email, "$", {"name": name}, micros(self._clock))

    def next_runs(self, count: int) -> dict[tuple[str, str], list[int]]:
        """The next due times of the functions with a schedule, by namespace and name, in nanoseconds since 1970."""
        return self._scheduler.upcoming(count)

    @property
    def services(self) -> Services:
        """The parts of this emulator, for code built on top of it."""
        return self._services

    def add_functions(self, functions: Iterable[JobFunction]) -> None:
        """Add functions, at any time; each replaces the one with its namespace and name."""
        self._services.registry.add(functions)

    def replace_functions(self, functions: FunctionSet) -> None:
        """Replace all functions that have a handler, at any time; jobs that already run keep their old handler."""
        self._services.registry.replace(functions)

    def close(self) -> None:
        """Close the database. Idempotent; `running` calls it at its end."""
        self._database.close()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run workers and schedules during the block, then close the database; the application's lifespan does the same."""
        if self.settings.jobs != "off":
            self._services.workers.start()
            self._scheduler.start()
        try:
            yield
        finally:
            await self._scheduler.stop()
            await self._services.workers.stop()
            self.close()

    def _create_services(self) -> Services:
        settings, clock, database = self.settings, self._clock, self._database
        jobs, functions = Jobs(database), Functions(database)
        client_keys, service_keys = ClientKeys(database), ServiceKeys(database)
        registry = FunctionRegistry(functions, clock)
        logs = Logs(database, hide_this_start=settings.profile.hides_logs_until_restart)
        defects = Defects()
        tokens = Tokens(settings.jwt_secret or database.jwt_secret(), clock)
        return Services(
            settings=settings,
            clock=clock,
            defects=defects,
            registry=registry,
            functions=functions,
            jobs=jobs,
            statistics=JobStatistics(database),
            logs=logs,
            users=Users(database),
            client_keys=client_keys,
            service_keys=service_keys,
            tokens=tokens,
            authenticator=Authenticator(tokens, client_keys, service_keys, settings.profile, clock),
            admin_authenticator=AdminAuthenticator(tokens),
            workers=WorkerPool(settings, registry, jobs, logs, clock, defects=defects),
            has_hints=self._has_hints,
        )

    def _application(self) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncGenerator[None]:
            async with self.running():
                yield

        racing = self.settings.profile.racing_submits
        keys = IdempotencyKeys(self._database)
        return Starlette(
            routes=[*realtime_routes(self._services, self.realtime), *all_routes(self._services)],
            middleware=[
                Middleware(AccessLogMiddleware),
                Middleware(ClientDisconnectMiddleware),
                Middleware(RequestIdMiddleware),
                Middleware(RawPathMiddleware),
                Middleware(FullDiskMiddleware, database=self._database),
                Middleware(RateLimitMiddleware, requests=self.settings.rate_limit, clock=self._clock),
                Middleware(BodyLimitMiddleware),
                Middleware(IdempotencyMiddleware, keys=keys, clock=self._clock, racing=racing),
            ],
            exception_handlers={Exception: _internal_error},
            lifespan=lifespan,
        )


async def _internal_error(request: Request, _: Exception) -> Response:
    """Answer 500 after a bug in the emulator; the traceback goes to the server's log."""
    return error_with_request_id(request, 500, "Internal Server Error")
