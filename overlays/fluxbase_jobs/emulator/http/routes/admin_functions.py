"""The job functions for admins, and their sync.

Function names in paths are not decoded, so functions with special characters in their names cannot be reached, as on the real server.
The real server allows a sync from listed addresses only, and always from loopback, so the emulator has no such list.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve
from starlette.responses import Response
from starlette.routing import Route

from ...auth.authenticator import Caller
from ...clock import micros
from ...formats.body_fields import InvalidBodyError
from ...formats.json_text import JSONValue
from ...formats.postgres import read_uuid
from ...functions.sync import Author, Sync, SyncReport
from ...functions.sync_request import SyncRequest, read_sync
from ...services import Services
from ..endpoints import ADMIN_JOBS, Call, admin_route, namespace_parameter
from ..responses import error, error_with_request_id, json_response, sorted_response
from ..serializers import full_function, listed_function

_PREFIX: Final = f"{ADMIN_JOBS}/functions"
_DRY_RUN: Final = "Dry run - no changes made"


def routes(services: Services) -> list[Route]:
    """The routes for functions, their namespaces and their sync."""
    roles = services.settings.profile.admin_roles
    return [
        admin_route(services, "GET", f"{ADMIN_JOBS}/namespaces", namespaces, roles),
        admin_route(services, "GET", _PREFIX, list_functions, roles),
        admin_route(services, "GET", _PREFIX + "/{namespace}/{name}", get, roles),
        admin_route(services, "DELETE", _PREFIX + "/{namespace}/{name}", delete, roles),
        admin_route(services, "POST", f"{ADMIN_JOBS}/sync", sync, roles),
    ]


def namespaces(services: Services, _: Call) -> Response:
    """List the namespaces that have functions."""
    names = services.functions.namespaces() or ["default"]
    return json_response({"namespaces": [*names]})


def list_functions(services: Services, call: Call) -> Response:
    """List functions without their code. April servers list all functions for the namespace `default`."""
    profile = services.settings.profile
    namespace = namespace_parameter(profile, call) or None
    tenant_id = services.users.tenant_id() if profile.names_tenant else None
    found = services.functions.list(namespace)
    return json_response([listed_function(definition, tenant_id) for definition in found] or None)


def get(services: Services, call: Call) -> Response:
    """Get a function with its code; the code of a handler is its Python source."""
    definition = services.functions.get(**call.request.path_params)
    if definition is None:
        return error(404, "Job function not found")
    return json_response(full_function(definition, services.registry.source_of(definition)))


def delete(services: Services, call: Call) -> Response:
    """Delete a function. The server answers 500 if there is no such function (admin: `delete it again`)."""
    with services.registry.changing() as functions:
        if not functions.delete(**call.request.path_params):
            return error_with_request_id(call.request, 500, "Failed to delete job function")
    return Response(status_code=204)


def sync(services: Services, call: Call) -> Response:
    """Sync a namespace with the functions of the request. A request without functions loads those that have a handler."""
    try:
        request = read_sync(call.request.headers.get("content-type", ""), call.body)
    except InvalidBodyError:
        return error(400, "Invalid request body")
    if not request.functions:
        services.registry.load_into(request.namespace)
        return _march_response(evolve(request, dry_run=False), SyncReport(), "Jobs synced from filesystem")
    profile, author = services.settings.profile, _author(services, call.caller)
    with services.registry.changing() as functions:
        report = Sync(functions, profile, author, micros(services.clock)).run(request)
    if profile.sync_always_succeeds:
        return _march_response(request, report, "Jobs synced successfully")
    return _april_response(request, report)


def _author(services: Services, caller: Caller) -> Author:
    user_id = read_uuid(caller.user_id or "")
    return Author(user_id, is_known=user_id is None or services.users.by_id(user_id) is not None)


def _march_response(request: SyncRequest, report: SyncReport, done: str) -> Response:
    """All fields, whether there are errors or not. April servers send it too for a request without functions."""
    return sorted_response(
        {
            "message": _DRY_RUN if request.dry_run else done,
            "namespace": request.namespace,
            "summary": _summary(report),
            "details": {**_details(report), "unchanged": []},
            "errors": [{"job": failure.name, "error": failure.error, "action": failure.action} for failure in report.failures],
            "dry_run": request.dry_run,
        }
    )


def _april_response(request: SyncRequest, report: SyncReport) -> Response:
    """Either a message or errors."""
    message = _DRY_RUN if request.dry_run else "Sync completed"
    errors: list[JSONValue] = [{"name": failure.name, "error": failure.error, "action": failure.action} for failure in report.failures]
    return json_response(
        {
            **({} if errors else {"message": message}),
            "namespace": request.namespace,
            "summary": _summary(report),
            "details": _details(report),
            **({"errors": errors} if errors else {}),
            "dry_run": request.dry_run,
        }
    )


def _details(report: SyncReport) -> dict[str, JSONValue]:
    return {"created": [*report.created], "updated": [*report.updated], "deleted": [*report.deleted]}


def _summary(report: SyncReport) -> dict[str, JSONValue]:
    return {
        "created": len(report.created),
        "updated": len(report.updated),
        "deleted": len(report.deleted),
        "unchanged": 0,
        "errors": len(report.failures),
    }
