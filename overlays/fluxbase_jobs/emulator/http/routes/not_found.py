"""What no route matches: a wrong method is an unknown route too, so there is no 405."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from fluxbase_jobs.emulator.http.responses import not_found

from ..endpoints import Call, authenticated, public, restricted

if TYPE_CHECKING:
    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]


def routes(services: Services) -> list[Route]:
    """Return the routes that match everything; on March only an admin may know what there is not (submit_validation)."""
    profile = services.settings.profile
    everywhere = Route("/{path:path}", public(unknown), methods=_METHODS)
    if not profile.unknown_route_needs_admin:
        return [everywhere]
    # Who is calling is found out as on the user routes, below /admin too.
    guarded = authenticated(restricted(unknown, profile.admin_roles), services.authenticator)
    return [Route("/api/v1", guarded, methods=_METHODS), Route("/api/v1/{path:path}", guarded, methods=_METHODS), everywhere]


def unknown(call: Call) -> Response:
    """Say that the route does not exist."""
    return not_found(call.request.url.path)
