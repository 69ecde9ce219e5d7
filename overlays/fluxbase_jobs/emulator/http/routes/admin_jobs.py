"""The job queue for admins: what users may do with jobs, and to terminate and to resubmit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.formats.uuids import read_uuid
from fluxbase_jobs.emulator.http.responses import error, json_response, traced_error
from fluxbase_jobs.emulator.http.serializers import jobs as wireforms
from fluxbase_jobs.emulator.jobs.admission import resubmission

from ..endpoints import ADMIN_JOBS, Call, admin_route
from .jobs import cancel, end_run, find_job, get, list_jobs, retry

if TYPE_CHECKING:
    from starlette.routing import Route

    from fluxbase_jobs.emulator.services import Services


def routes(services: Services) -> list[Route]:
    """Return the routes below /api/v1/admin/jobs/queue and, in April, those right below /api/v1/admin/jobs."""
    profile = services.settings.profile
    places = [f"{ADMIN_JOBS}/queue", *([ADMIN_JOBS] if profile.admin_jobs_need_no_queue else [])]
    handlers = {
        ("GET", ""): list_all,
        ("GET", "/{id}"): get,
        ("POST", "/{id}/cancel"): cancel,
        ("POST", "/{id}/retry"): retry,
        ("POST", "/{id}/terminate"): terminate,
        ("POST", "/{id}/resubmit"): resubmit,
    }
    return [
        admin_route(services, method, place + path, handler, profile.tenant_admin_roles)
        for place in places
        for (method, path), handler in handlers.items()
    ]


def list_all(services: Services, call: Call) -> Response:
    """List jobs, newest first, also by worker; a worker that is no UUID counts as none named."""
    return list_jobs(services, call, worker_id=read_uuid(call.query.get("worker_id", "")))


def terminate(services: Services, call: Call) -> Response:
    """Cancel a job that runs."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    if job.status != "running":
        return error(400, "Only running jobs can be terminated", status=job.status)
    return end_run(services, call, job, "Job terminated", "Failed to terminate job")


def resubmit(services: Services, call: Call) -> Response:
    """Queue a job again under a new id. An unknown one is a 500, as recorded (admin: `resubmit unknown`)."""
    job_id = read_uuid(call.request.path_params["id"])
    if job_id is None:
        return error(400, "Invalid job ID")
    original = services.jobs.get(job_id)
    if original is None:
        return traced_error(call.request, 500, "Failed to resubmit job")
    job = resubmission(original, micros(services.clock))
    services.jobs.add(job)
    return json_response(wireforms.full(job, services.clock.now_ns()), 201)
