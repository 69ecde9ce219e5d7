"""From Starlette's requests to plain functions: body read, caller known, off the event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from fluxbase_jobs.emulator.auth.admin_authenticator import AdminAuthenticator
from fluxbase_jobs.emulator.auth.authenticator import Authenticator, Caller, UnauthorizedError
from fluxbase_jobs.emulator.formats.body_fields import body_fields
from fluxbase_jobs.emulator.http.responses import coded_error, error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from fluxbase_jobs.emulator.formats.json_text import JSONValue
    from fluxbase_jobs.emulator.services import Services

ADMIN_JOBS = "/api/v1/admin/jobs"


@frozen
class Call:
    """One request as a route sees it."""

    request: Request
    body: bytes = field(repr=False)
    caller: Caller

    @property
    def fields(self) -> dict[str, JSONValue]:
        """The body's fields; raises InvalidBodyError where it has none."""
        return body_fields(self.request.headers.get("content-type", ""), self.body)

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


def authenticated(handler: Handler, credentials: Authenticator) -> Endpoint:
    """Make an endpoint that needs a credential, whichever."""

    def identified(call: Call) -> Response:
        try:
            caller = credentials.identify(call.request.headers, call.query)
        except UnauthorizedError as refusal:
            return error(401, str(refusal))
        return handler(Call(call.request, call.body, caller))

    return public(identified)


def administrative(handler: Handler, credentials: AdminAuthenticator, roles: frozenset[str]) -> Endpoint:
    """Make an endpoint that needs the token of one of these roles."""
    allowed = restricted(handler, roles)

    def identified(call: Call) -> Response:
        try:
            caller = credentials.identify(call.request.headers, call.request.cookies)
        except UnauthorizedError as refusal:
            return coded_error(call.request, 401, str(refusal), refusal.code)
        return allowed(Call(call.request, call.body, caller))

    return public(identified)


def restricted(handler: Handler, roles: frozenset[str]) -> Handler:
    """Return the handler for callers of these roles only."""

    def allowed(call: Call) -> Response:
        role = call.caller.role
        if role is None:
            return coded_error(call.request, 401, "Unauthorized", "AUTHENTICATION_REQUIRED")
        if role not in roles:
            return coded_error(call.request, 403, "Insufficient permissions", "INSUFFICIENT_PERMISSIONS")
        return handler(call)

    return allowed


def admin_route(services: Services, method: str, path: str, handler: Callable[[Services, Call], Response], roles: frozenset[str]) -> Route:
    """Make a route for jobs that needs the token of one of these roles."""
    bound: Handler = _broken if services.settings.jobs == "off" else partial(handler, services)
    return Route(path, administrative(bound, services.admin_authenticator, roles), methods=[method])


def _broken(call: Call) -> Response:
    return coded_error(call.request, 500, "Internal Server Error", "INTERNAL_ERROR")


def first_values(request: Request) -> Mapping[str, str]:
    """Return the query's parameters, the first of each name."""
    return dict(reversed(request.query_params.multi_items()))
