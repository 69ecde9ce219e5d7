"""Statistics of the jobs, and the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.formats.timestamps import rfc3339
from fluxbase_jobs.emulator.http.responses import json_response

from ..endpoints import ADMIN_JOBS, Call, admin_route
from ..query import namespace_filter

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from fluxbase_jobs.emulator.formats.json_text import JSONValue
    from fluxbase_jobs.emulator.runtime.worker_pool import WorkerRecord
    from fluxbase_jobs.emulator.services import Services

_STATUSES = ("pending", "running", "completed", "failed", "cancelled")


def routes(services: Services) -> list[Route]:
    """Return the two routes."""
    roles = services.settings.profile.admin_roles
    return [
        admin_route(services, "GET", f"{ADMIN_JOBS}/stats", stats, roles),
        admin_route(services, "GET", f"{ADMIN_JOBS}/workers", workers, roles),
    ]


def stats(services: Services, call: Call) -> Response:
    """Count the jobs."""
    namespace = namespace_filter(services.settings.profile, call.query.get("namespace", ""))
    counted = services.statistics.count(namespace, micros(services.clock))
    by_status: dict[str, JSONValue] = {f"{status}_jobs": counted.by_status.get(status, 0) for status in _STATUSES}
    return json_response(
        {
            "total_jobs": counted.total,
            **by_status,
            "avg_duration_seconds": counted.average_seconds,
            "jobs_by_status": _entries("status", counted.by_status),
            "jobs_by_day": _entries("date", counted.by_day),
            "jobs_by_function": _entries("name", counted.by_function),
        }
    )


def workers(services: Services, _: Call) -> Response:
    """List the workers; in April null, because they belong to no tenant and the list is a tenant's."""
    shown = services.workers.records() if services.settings.profile.shows_workers else []
    return json_response([_worker(record) for record in shown] or None)


def _entries(name: str, counts: dict[str, int]) -> JSONValue:
    return [{name: key, "count": count} for key, count in counts.items()] or None


def _worker(record: WorkerRecord) -> JSONValue:
    return {
        "id": record.id,
        "name": record.name,
        "hostname": record.hostname,
        "status": "active",
        "max_concurrent_jobs": record.max_concurrent_jobs,
        "current_job_count": record.current_job_count,
        "last_heartbeat_at": rfc3339(record.last_heartbeat_at),
        "started_at": rfc3339(record.started_at),
        "metadata": record.metadata,
    }
