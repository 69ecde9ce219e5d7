"""The job functions for admins. A name is a path's segment as sent, so that functions with odd names cannot be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from fluxbase_jobs.emulator.http.responses import error, json_response, traced_error
from fluxbase_jobs.emulator.http.serializers import functions as functionforms

from ..endpoints import ADMIN_JOBS, Call, admin_route
from ..query import namespace_filter

if TYPE_CHECKING:
    from starlette.routing import Route

    from fluxbase_jobs.emulator.services import Services

_PREFIX = f"{ADMIN_JOBS}/functions"


def routes(services: Services) -> list[Route]:
    """Return the routes for functions and their namespaces."""
    roles = services.settings.profile.admin_roles
    return [
        admin_route(services, "GET", f"{ADMIN_JOBS}/namespaces", namespaces, roles),
        admin_route(services, "GET", _PREFIX, list_functions, roles),
        admin_route(services, "GET", _PREFIX + "/{namespace}/{name}", get, roles),
        admin_route(services, "DELETE", _PREFIX + "/{namespace}/{name}", delete, roles),
    ]


def namespaces(services: Services, _: Call) -> Response:
    """List the namespaces that have functions."""
    names = services.functions.namespaces() or ["default"]
    return json_response({"namespaces": [*names]})


def list_functions(services: Services, call: Call) -> Response:
    """List functions without their code; in April `default` means all."""
    profile = services.settings.profile
    namespace = namespace_filter(profile, call.query.get("namespace", "")) or None
    tenant_id = services.users.tenant_id() if profile.names_tenant else None
    found = services.functions.list(namespace)
    return json_response([functionforms.summary(definition, tenant_id) for definition in found] or None)


def get(services: Services, call: Call) -> Response:
    """Return one function with its code; that of a handler is its Python source."""
    definition = services.functions.get(**call.request.path_params)
    if definition is None:
        return error(404, "Job function not found")
    return json_response(functionforms.full(definition, services.registry.source_of(definition)))


def delete(services: Services, call: Call) -> Response:
    """Delete a function. One that there is not is a 500, as recorded (admin: `delete it again`)."""
    with services.registry.changing() as functions:
        if not functions.delete(**call.request.path_params):
            return traced_error(call.request, 500, "Failed to delete job function")
    return Response(status_code=204)
