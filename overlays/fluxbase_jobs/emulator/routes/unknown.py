"""What no route matches: a wrong method is an unknown route too, so there is no 405."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import Route

from fluxbase_jobs.emulator.credentials import BEARER
from fluxbase_jobs.emulator.responses import coded_error, not_found
from fluxbase_jobs.emulator.tokens import InvalidTokenError

from .endpoint import Call, public

if TYPE_CHECKING:
    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]


def routes(services: Services) -> list[Route]:
    """Return the route that matches everything."""
    return [Route("/{path:path}", public(partial(unknown, services)), methods=_METHODS)]


def unknown(services: Services, call: Call) -> Response:
    """Say that the route does not exist, or on March first that only an admin may know (submit_validation)."""
    path = call.request.url.path
    if services.settings.profile.unknown_route_needs_admin and path.startswith("/api/v1/"):
        refusal = _admin_refusal(services, call)
        if refusal is not None:
            return refusal
    return not_found(path)


def _admin_refusal(services: Services, call: Call) -> Response | None:
    token = call.request.headers.get("authorization", "").removeprefix(BEARER)
    if not token:
        return coded_error(call.request, 401, "Missing authentication", "MISSING_AUTHENTICATION")
    try:
        role = services.tokens.read(token).get("role")
    except InvalidTokenError:
        return coded_error(call.request, 401, "Invalid or expired token", "INVALID_TOKEN")
    if role == "admin" or role in services.settings.profile.super_roles:
        return None
    return coded_error(call.request, 403, "Insufficient permissions", "INSUFFICIENT_PERMISSIONS")
