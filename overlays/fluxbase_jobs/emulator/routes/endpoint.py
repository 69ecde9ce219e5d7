"""From Starlette's requests to plain functions: body read, caller known, off the event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from fluxbase_jobs.emulator.admin_credentials import AdminCredentials, AdminRefusalError
from fluxbase_jobs.emulator.credentials import Caller, Credentials, UnauthorizedError
from fluxbase_jobs.emulator.responses import coded_error, error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

ADMIN_JOBS = "/api/v1/admin/jobs"


@frozen
class Call:
    """One request as a route sees it."""

    request: Request
    body: bytes
    caller: Caller

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; of one that is given twice, the first."""
        return first_values(self.request)


Handler: TypeAlias = "Callable[[Call], Response]"
Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"


def public(handler: Handler) -> Endpoint:
    """Make an endpoint that anybody may call."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(handler, Call(request, await request.body(), Caller()))

    return endpoint


def authenticated(handler: Handler, credentials: Credentials) -> Endpoint:
    """Make an endpoint that needs a credential, whichever."""

    def identified(call: Call) -> Response:
        try:
            caller = credentials.identify(call.request.headers, call.query)
        except UnauthorizedError as refusal:
            return error(401, str(refusal))
        return handler(Call(call.request, call.body, caller))

    return public(identified)


def administrative(handler: Handler, credentials: AdminCredentials, roles: frozenset[str]) -> Endpoint:
    """Make an endpoint that needs the token of one of these roles."""

    def identified(call: Call) -> Response:
        try:
            caller = credentials.identify(call.request.headers, call.request.cookies, roles)
        except AdminRefusalError as refusal:
            return coded_error(call.request, refusal.status, str(refusal), refusal.code)
        return handler(Call(call.request, call.body, caller))

    return public(identified)


def admin_route(services: Services, method: str, path: str, handler: Callable[[Services, Call], Response], roles: frozenset[str]) -> Route:
    """Make a route that needs the token of one of these roles."""
    return Route(path, administrative(partial(handler, services), services.admin_credentials, roles), methods=[method])


def first_values(request: Request) -> Mapping[str, str]:
    """Return the query's parameters, the first of each name."""
    return dict(reversed(request.query_params.multi_items()))
