"""The jobs routes for users. Only the log is its owner's: everything else is open to every caller (ids, list_filters)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.formats.body_fields import InvalidBodyError
from fluxbase_jobs.emulator.formats.uuids import read_uuid
from fluxbase_jobs.emulator.http.responses import error, json_response, traced_error
from fluxbase_jobs.emulator.http.serializers import jobs as wireforms
from fluxbase_jobs.emulator.jobs.admission import Refusal, new_job
from fluxbase_jobs.emulator.jobs.submission import read_submission
from fluxbase_jobs.emulator.store import JobFilter

from ..endpoints import Call, Handler, authenticated, public
from ..query import integer, namespace_filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from fluxbase_jobs.emulator.services import Services
    from fluxbase_jobs.emulator.store import Job

_PREFIX = "/api/v1/jobs"
_READS_ALL_LOGS = {"service_role", "tenant_service"}


def routes(services: Services) -> list[Route]:
    """Return the routes below /api/v1/jobs."""
    if services.settings.jobs == "off":
        return []

    def route(path: str, method: str, handler: Callable[[Services, Call], Response]) -> Route:
        bound: Handler = partial(handler, services)
        # The feature's flag is looked at before the credentials.
        endpoint = (
            public(partial(disabled, services)) if services.settings.jobs == "flag-off" else authenticated(bound, services.authenticator)
        )
        return Route(_PREFIX + path, endpoint, methods=[method])

    return [
        route("/submit", "POST", submit),
        route("", "GET", list_jobs),
        route("/{id}", "GET", get),
        route("/{id}/cancel", "POST", cancel),
        route("/{id}/retry", "POST", retry),
        route("/{id}/logs", "GET", logs),
    ]


def disabled(services: Services, _: Call) -> Response:
    """Say that the feature is off."""
    if services.settings.profile.disabled_feature_is_not_found:
        return error(404, "Feature not available", code="FEATURE_DISABLED")
    return error(503, "Feature is not enabled", code="FEATURE_DISABLED", feature_key="app.jobs.enabled")


def submit(services: Services, call: Call) -> Response:
    """Queue a job."""
    try:
        submission = read_submission(call.request.headers.get("content-type", ""), call.body)
    except InvalidBodyError:
        return error(400, "Invalid request body")
    job = new_job(services, submission, call.caller)
    if isinstance(job, Refusal):
        return error(job.status, job.message, **job.extras)
    if job.is_storable:
        services.jobs.add(job.row)
        scheduled_at = submission.scheduled_at.echo if submission.scheduled_at else None
        return json_response(wireforms.submitted(job.row, submission.payload, scheduled_at), 201)
    return traced_error(call.request, 500, "Failed to submit job")


def list_jobs(services: Services, call: Call, worker_id: str | None = None) -> Response:
    """List jobs, newest first; those of a worker only on the admin routes."""
    query = call.query
    wanted = JobFilter(
        status=query.get("status") or None,
        namespace=namespace_filter(services.settings.profile, query.get("namespace", "")),
        job_name=query.get("job_name") or None,
        worker_id=worker_id,
        limit=integer(query.get("limit", ""), 50),
        offset=integer(query.get("offset", ""), 0),
    )
    include_result = query.get("include_result") == "true"
    now_ns = services.clock.now_ns()
    items = [wireforms.listed(job, now_ns, include_result=include_result) for job in services.jobs.find(wanted)]
    return json_response({"jobs": items or None, "limit": wanted.limit, "offset": wanted.offset})


def get(services: Services, call: Call) -> Response:
    """Return one job."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    services.workers.read_receipts.mark_read(job.id)
    return json_response(wireforms.full(job, services.clock.now_ns()))


def cancel(services: Services, call: Call) -> Response:
    """Cancel a job and end its run."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    if job.status not in {"pending", "running"}:
        return error(400, "Job cannot be cancelled", status=job.status)
    return end_run(services, call, job, "Job cancelled", "Failed to cancel job")


def retry(services: Services, call: Call) -> Response:
    """Put a failed job back to pending. No retry left is a 500, not a refusal (failures: `retry 3`)."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    if job.status != "failed":
        return error(400, "Only failed jobs can be retried", status=job.status)
    if not services.jobs.retry(job.id):
        return traced_error(call.request, 500, "Failed to retry job")
    return json_response({"message": "Job requeued for retry"})


def logs(services: Services, call: Call) -> Response:
    """Return a job's log lines to its owner or a service role."""
    job_id = read_uuid(call.request.path_params["id"])
    if job_id is None:
        return error(400, "Invalid job ID")
    job = services.jobs.get(job_id)
    if job is None:
        return error(500, "Failed to get job")  # as recorded (progress_and_logs: `logs of an unknown job`)
    caller = call.caller
    if caller.role not in _READS_ALL_LOGS and (caller.user_id is None or caller.user_id != job.created_by):
        return error(404, "Job not found")
    lines = services.logs.list(job_id, integer(call.query.get("after_line", ""), 0))
    return json_response({"count": len(lines), "logs": [wireforms.log_line(line) for line in lines] or None})


def end_run(services: Services, call: Call, job: Job, done: str, failed: str) -> Response:
    """Cancel a job and end its run; it may have ended since it was looked at."""
    if not services.jobs.cancel(job.id, micros(services.clock)):
        return traced_error(call.request, 500, failed)
    services.workers.stop_run(job.id)
    return json_response({"message": done})


def find_job(services: Services, call: Call) -> Job | Response:
    """Return the job that the path names, or the answer if there is none."""
    job_id = read_uuid(call.request.path_params["id"])
    if job_id is None:
        return error(400, "Invalid job ID")
    return services.jobs.get(job_id) or error(404, "Job not found")
