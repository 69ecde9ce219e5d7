"""Everybody's jobs for admins: the queue, statistics and workers."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...clock import micros
from ...formats.postgres import read_uuid
from ...jobs.submission import resubmission
from ...services import Services
from ..endpoints import ADMIN_JOBS, Call, ServiceHandler, admin_route, namespace_parameter
from ..responses import error, error_with_request_id, json_response
from ..serializers import full_job, statistics, worker
from .jobs import cancel, cancel_job, find_job, get, list_jobs, read_job, retry


def routes(services: Services) -> list[Route]:
    """The routes for statistics, workers and the queue. April servers have the queue at /api/v1/admin/jobs too."""
    profile = services.settings.profile
    places = [f"{ADMIN_JOBS}/queue", *([ADMIN_JOBS] if profile.admin_jobs_need_no_queue else [])]
    return [
        admin_route(services, "GET", f"{ADMIN_JOBS}/stats", stats, profile.admin_roles),
        admin_route(services, "GET", f"{ADMIN_JOBS}/workers", workers, profile.admin_roles),
        *(
            admin_route(services, method, place + path, handler, profile.tenant_admin_roles)
            for place in places
            for (method, path), handler in _QUEUE.items()
        ),
    ]


def stats(services: Services, call: Call) -> Response:
    """Count all jobs, or those of a namespace."""
    namespace = namespace_parameter(services.settings.profile, call)
    return json_response(statistics(services.statistics.collect(namespace, micros(services.clock))))


def workers(services: Services, _: Call) -> Response:
    """List the workers. April servers answer null, because they list the workers of a tenant and workers belong to none."""
    records = services.workers.records() if services.settings.profile.shows_workers else []
    return json_response([worker(record) for record in records] or None)


def list_all(services: Services, call: Call) -> Response:
    """List jobs, newest first. A `worker_id` that is not a UUID is ignored."""
    return list_jobs(services, call, worker_id=read_uuid(call.query.get("worker_id", "")))


def terminate(services: Services, call: Call) -> Response:
    """Cancel a running job."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    if job.status != "running":
        return error(400, "Only running jobs can be terminated", status=job.status)
    return cancel_job(services, call, job, "Job terminated", "Failed to terminate job")


def resubmit(services: Services, call: Call) -> Response:
    """Submit a job again with a new id. The server answers 500 for an unknown job (admin: `resubmit unknown`)."""
    job_id = read_uuid(call.request.path_params["id"])
    if job_id is None:
        return error(400, "Invalid job ID")
    original = read_job(services, job_id)
    if original is None:
        return error_with_request_id(call.request, 500, "Failed to resubmit job")
    job = resubmission(original, micros(services.clock))
    services.jobs.add(job)
    return json_response(full_job(job, services.clock.now_ns()), 201)


_QUEUE: Final[dict[tuple[str, str], ServiceHandler]] = {
    ("GET", ""): list_all,
    ("GET", "/{id}"): get,
    ("POST", "/{id}/cancel"): cancel,
    ("POST", "/{id}/retry"): retry,
    ("POST", "/{id}/terminate"): terminate,
    ("POST", "/{id}/resubmit"): resubmit,
}
