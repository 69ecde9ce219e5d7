"""Connects Starlette to plain functions: reads the body and the query, authenticates, and leaves the event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from attrs import field, frozen
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..auth.authenticator import AdminAuthenticator, Authenticator, Caller, UnauthorizedError
from ..formats.body_fields import body_fields
from ..formats.json_text import JSONValue
from ..profiles import Profile
from ..services import Services
from .responses import coded_error, error

ADMIN_JOBS: Final = "/api/v1/admin/jobs"
_INT64: Final = 2**63
_MAX_DIGITS: Final = 100


@frozen
class Call:
    """A request, its body and who sent it."""

    request: Request
    body: bytes = field(repr=False)
    caller: Caller

    @property
    def fields(self) -> dict[str, JSONValue]:
        """The fields of the body. Raises InvalidBodyError if it is not a JSON object."""
        return body_fields(self.request.headers.get("content-type", ""), self.body)

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters; the first of each name."""
        return dict(reversed(self.request.query_params.multi_items()))


Handler: TypeAlias = Callable[[Call], Response]
ServiceHandler: TypeAlias = Callable[[Services, Call], Response]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def public(handler: Handler) -> Endpoint:
    """Make an endpoint that needs no credential. The handler runs in a thread."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(handler, Call(request, await request.body(), Caller()))

    return endpoint


def _with_caller(handler: Handler, authenticate: Callable[[Request], Caller | Response]) -> Endpoint:
    """Make an endpoint that reads the body only after the credentials: a body that is refused must not fill the memory."""

    async def endpoint(request: Request) -> Response:
        caller = await run_in_threadpool(authenticate, request)
        if isinstance(caller, Response):
            async for _ in request.stream():
                pass  # a client that is still sending would see a closed connection instead of the response
            return caller
        return await run_in_threadpool(handler, Call(request, await request.body(), caller))

    return endpoint


def authenticated(handler: Handler, authenticator: Authenticator) -> Endpoint:
    """Make an endpoint that needs a credential of any kind."""

    def authenticate(request: Request) -> Caller | Response:
        try:
            return authenticator.authenticate(request.headers, Call(request, b"", Caller()).query)
        except UnauthorizedError as unauthorized:
            return error(401, str(unauthorized))

    return _with_caller(handler, authenticate)


def admin_only(handler: Handler, authenticator: AdminAuthenticator, roles: frozenset[str]) -> Endpoint:
    """Make an endpoint that needs a token of one of these roles."""
    allowed = require_role(handler, roles)

    def authenticate(request: Request) -> Caller | Response:
        try:
            return authenticator.authenticate(request.headers, request.cookies)
        except UnauthorizedError as unauthorized:
            return coded_error(request, 401, str(unauthorized), unauthorized.code)

    return _with_caller(allowed, authenticate)


def require_role(handler: Handler, roles: frozenset[str]) -> Handler:
    """Make a handler answer 401 or 403 to callers without one of these roles."""

    def handle(call: Call) -> Response:
        role = call.caller.role
        if role is None:
            return coded_error(call.request, 401, "Unauthorized", "AUTHENTICATION_REQUIRED")
        if role not in roles:
            return coded_error(call.request, 403, "Insufficient permissions", "INSUFFICIENT_PERMISSIONS")
        return handler(call)

    return handle


def admin_route(services: Services, method: str, path: str, handler: ServiceHandler, roles: frozenset[str]) -> Route:
    """A route below /api/v1/admin/jobs that needs a token of one of these roles. It answers 500 if jobs are not configured."""
    bound: Handler = _jobs_not_configured if services.settings.jobs == "off" else partial(handler, services)
    return Route(path, admin_only(bound, services.admin_authenticator, roles), methods=[method])


def namespace_parameter(profile: Profile, call: Call) -> str | None:
    """The namespace to filter by, None for all. April servers take `default` for the namespace without a name."""
    namespace = call.query.get("namespace", "")
    if not namespace:
        return None
    return "" if namespace == "default" and not profile.default_namespace_filter_matches else namespace


def integer_parameter(call: Call, name: str, default: int) -> int:
    """A query parameter that is an integer, parsed as Go does; the default if it is not one."""
    text = call.query.get(name, "")
    digits = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        return default
    value = int(text)
    return value if -_INT64 <= value < _INT64 else default


def _jobs_not_configured(call: Call) -> Response:
    return coded_error(call.request, 500, "Internal Server Error", "INTERNAL_ERROR")
