"""The sync of functions: a namespace's, or the server's own. The server's list of allowed addresses always has loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.formats.body_fields import InvalidBodyError
from fluxbase_jobs.emulator.formats.uuids import read_uuid
from fluxbase_jobs.emulator.functions.sync import Author, Report, Sync
from fluxbase_jobs.emulator.functions.sync_request import SyncRequest, read_sync
from fluxbase_jobs.emulator.http.responses import error, json_response, sorted_response

from ..endpoints import ADMIN_JOBS, Call, admin_route

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from fluxbase_jobs.emulator.auth.authenticator import Caller
    from fluxbase_jobs.emulator.formats.json_text import JSONValue
    from fluxbase_jobs.emulator.services import Services

_DRY_RUN = "Dry run - no changes made"


def routes(services: Services) -> list[Route]:
    """Return the route."""
    return [admin_route(services, "POST", f"{ADMIN_JOBS}/sync", sync, services.settings.profile.admin_roles)]


def sync(services: Services, call: Call) -> Response:
    """Make a namespace's functions those of the request; a request without any loads those that have a handler."""
    try:
        request = read_sync(call.request.headers.get("content-type", ""), call.body)
    except InvalidBodyError:
        return error(400, "Invalid request body")
    if not request.functions:
        services.registry.load_into(request.namespace)
        return _in_full(evolve(request, dry_run=False), Report(), "Jobs synced from filesystem")
    profile, author = services.settings.profile, _author(services, call.caller)
    with services.registry.changing() as functions:
        report = Sync(functions, profile, author, micros(services.clock)).run(request)
    return _in_full(request, report, "Jobs synced successfully") if profile.sync_always_succeeds else _in_short(request, report)


def _author(services: Services, caller: Caller) -> Author:
    user_id = read_uuid(caller.user_id or "")
    return Author(user_id, is_known=user_id is None or services.users.by_id(user_id) is not None)


def _in_full(request: SyncRequest, report: Report, done: str) -> Response:
    """Answer with every key, errors or not: March's way, and April's where nothing was asked for."""
    return sorted_response(
        {
            "message": _DRY_RUN if request.dry_run else done,
            "namespace": request.namespace,
            "summary": _summary(report),
            "details": {**_details(report), "unchanged": []},
            "errors": [{"job": fault.name, "error": fault.error, "action": fault.action} for fault in report.faults],
            "dry_run": request.dry_run,
        }
    )


def _in_short(request: SyncRequest, report: Report) -> Response:
    """Answer with a message or with errors: April's way."""
    message = _DRY_RUN if request.dry_run else "Sync completed"
    errors: list[JSONValue] = [{"name": fault.name, "error": fault.error, "action": fault.action} for fault in report.faults]
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


def _details(report: Report) -> dict[str, JSONValue]:
    return {"created": [*report.created], "updated": [*report.updated], "deleted": [*report.deleted]}


def _summary(report: Report) -> dict[str, JSONValue]:
    return {
        "created": len(report.created),
        "updated": len(report.updated),
        "deleted": len(report.deleted),
        "unchanged": 0,
        "errors": len(report.faults),
    }
