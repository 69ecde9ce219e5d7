"""An emulator as an ASGI application, put together from its parts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware

from .auth.authenticator import AdminAuthenticator, Authenticator
from .auth.tokens import SERVICE_SECONDS, Tokens
from .clock import Clock, SystemClock, micros
from .functions.registry import FunctionRegistry
from .http.middleware import (
    AccessLogMiddleware,
    BodyLimitMiddleware,
    ClientDisconnectMiddleware,
    IdempotencyMiddleware,
    RateLimitMiddleware,
    RawPathMiddleware,
    RequestIdMiddleware,
)
from .http.responses import error_with_request_id
from .http.routes import all_routes
from .jobs.scheduler import Scheduler
from .runtime.worker_pool import WorkerPool
from .services import Services
from .store import ClientKeys, Database, Functions, IdempotencyKeys, Jobs, JobStatistics, Logs, ServiceKeys, Users

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from .handlers.decorator import FunctionSet, JobFunction
    from .settings import Settings
    from .store import User

DEVELOPER = "developer@example.com"


class Emulator:
    """One emulator: its state, its workers and its application. Several can live in one process.

    Args:
        settings: how it behaves.
        functions: what it can run.
        clock: where its time comes from.

    Raises:
        UnusableDatabaseError: the settings' database cannot be opened.

    """

    def __init__(self, settings: Settings, functions: FunctionSet, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._database = Database(settings.database, self._clock)
        self._services = self._wire()
        self._scheduler = Scheduler(self._services.functions, self._services.jobs, self._clock)
        self.replace_functions(functions)
        self.app = self._application()

    def service_key(self) -> str:
        """Return a token of the role `service_role`, good for a day."""
        return self._services.tokens.role("service_role")

    def user_key(self, email: str = DEVELOPER) -> str:
        """Return a token of the user with this address, good for a day; the user is made if there is none."""
        return self._services.tokens.access(self._user(email), SERVICE_SECONDS)

    @property
    def services(self) -> Services:
        """The parts, for what is built on an emulator."""
        return self._services

    def add_functions(self, functions: Iterable[JobFunction]) -> None:
        """Make these functions known too, at any time; each replaces the one that has its namespace and name."""
        self._services.registry.add(functions)

    def replace_functions(self, functions: FunctionSet) -> None:
        """Make these the functions that have a handler, at any time; runs that have begun end as they began."""
        self._services.registry.replace(functions)

    def close(self) -> None:
        """Close the database; `running` does it too. Idempotent."""
        self._database.close()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Let workers and schedules run while the block does; the application's lifespan does this too. Closes the database."""
        if self.settings.jobs != "off":
            self._services.workers.start()
            self._scheduler.start()
        try:
            yield
        finally:
            await self._scheduler.stop()
            await self._services.workers.stop()
            self.close()

    def _wire(self) -> Services:
        settings, clock, database = self.settings, self._clock, self._database
        jobs, functions = Jobs(database), Functions(database)
        client_keys, service_keys = ClientKeys(database), ServiceKeys(database)
        registry = FunctionRegistry(functions, clock)
        logs = Logs(database, hide_this_start=settings.profile.hides_logs_until_restart)
        tokens = Tokens(settings.jwt_secret, clock)
        return Services(
            settings=settings,
            clock=clock,
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
            workers=WorkerPool(settings, registry, jobs, logs, clock),
        )

    def _application(self) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncGenerator[None]:
            async with self.running():
                yield

        racing = self.settings.profile.racing_submits
        keys = IdempotencyKeys(self._database)
        return Starlette(
            routes=all_routes(self._services),
            middleware=[
                Middleware(AccessLogMiddleware),
                Middleware(ClientDisconnectMiddleware),
                Middleware(RequestIdMiddleware),
                Middleware(RawPathMiddleware),
                Middleware(RateLimitMiddleware, requests=self.settings.rate_limit, clock=self._clock),
                Middleware(BodyLimitMiddleware),
                Middleware(IdempotencyMiddleware, keys=keys, clock=self._clock, racing=racing),
            ],
            exception_handlers={Exception: _broken},
            lifespan=lifespan,
        )

    def _user(self, email: str) -> User:
        users = self._services.users
        # No password hashes to an empty text: this user cannot sign in, only its key works.
        name = email.partition("@")[0].capitalize()
        return users.by_email(email) or users.add(email, "$", {"name": name}, micros(self._clock))


async def _broken(request: Request, _: Exception) -> Response:
    """Answer when the emulator itself is at fault; the traceback goes to the server's log."""
    return error_with_request_id(request, 500, "Internal Server Error")
