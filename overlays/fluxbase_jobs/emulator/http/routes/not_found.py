"""The response to requests that match no route. A wrong method matches none either, so the server never answers 405."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...services import Services
from ..endpoints import Call, authenticated, public, require_role
from ..responses import not_found

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]


def routes(services: Services) -> list[Route]:
    """The routes that match everything. March servers answer 404 only to admins, others get 401 or 403 (submit_validation)."""
    profile = services.settings.profile
    everywhere = Route("/{path:path}", public(unknown), methods=_METHODS)
    if not profile.unknown_route_needs_admin:
        return [everywhere]
    # They authenticate as on the user routes, even below /admin.
    guarded = authenticated(require_role(unknown, profile.admin_roles), services.authenticator)
    return [Route("/api/v1", guarded, methods=_METHODS), Route("/api/v1/{path:path}", guarded, methods=_METHODS), everywhere]


def unknown(call: Call) -> Response:
    """Report that the route does not exist."""
    return not_found(call.request.url.path)
