"""The jobs routes for users. Only the log is limited to the owner of a job; every caller can do the rest (ids, list_filters)."""

from __future__ import annotations

from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...clock import micros
from ...formats.body_fields import InvalidBodyError
from ...formats.postgres import read_uuid
from ...jobs.submission import Refusal, new_job, read_submission
from ...services import Services
from ...store import Job, JobFilter
from ..endpoints import Call, Handler, ServiceHandler, authenticated, integer_parameter, namespace_parameter, public
from ..responses import error, error_with_request_id, json_response
from ..serializers import full_job, listed_job, log_line, submitted_job

_PREFIX: Final = "/api/v1/jobs"
_READS_ALL_LOGS: Final = {"service_role", "tenant_service"}


def routes(services: Services) -> list[Route]:
    """The routes below /api/v1/jobs."""
    if services.settings.jobs == "off":
        return []

    def route(path: str, method: str, handler: ServiceHandler) -> Route:
        if services.settings.jobs == "flag-off":
            # The server checks the feature flag before the credentials.
            endpoint = public(partial(disabled, services))
        else:
            bound: Handler = partial(handler, services)
            endpoint = authenticated(bound, services.authenticator)
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
    """Report that the feature is switched off."""
    if services.settings.profile.disabled_feature_is_not_found:
        return error(404, "Feature not available", code="FEATURE_DISABLED")
    return error(503, "Feature is not enabled", code="FEATURE_DISABLED", feature_key="app.jobs.enabled")


def submit(services: Services, call: Call) -> Response:
    """Submit a job."""
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
        return json_response(submitted_job(job.row, submission.payload, scheduled_at), 201)
    return error_with_request_id(call.request, 500, "Failed to submit job")


def list_jobs(services: Services, call: Call, worker_id: str | None = None) -> Response:
    """List jobs, newest first. Only the admin routes can filter by worker."""
    query = call.query
    filters = JobFilter(
        status=query.get("status") or None,
        namespace=namespace_parameter(services.settings.profile, call),
        job_name=query.get("job_name") or None,
        worker_id=worker_id,
        limit=integer_parameter(call, "limit", 50),
        offset=integer_parameter(call, "offset", 0),
    )
    include_result = query.get("include_result") == "true"
    now_ns = services.clock.now_ns()
    items = [listed_job(job, now_ns, include_result=include_result) for job in services.jobs.find(filters)]
    return json_response({"jobs": items or None, "limit": filters.limit, "offset": filters.offset})


def get(services: Services, call: Call) -> Response:
    """Get a job."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    services.workers.read_receipts.mark_read(job.id)
    return json_response(full_job(job, services.clock.now_ns()))


def cancel(services: Services, call: Call) -> Response:
    """Cancel a job and end its run."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    if job.status not in {"pending", "running"}:
        return error(400, "Job cannot be cancelled", status=job.status)
    return cancel_job(services, call, job, "Job cancelled", "Failed to cancel job")


def retry(services: Services, call: Call) -> Response:
    """Set a failed job back to pending. The server answers 500 if no retry is left (failures: `retry 3`)."""
    job = find_job(services, call)
    if isinstance(job, Response):
        return job
    if job.status != "failed":
        return error(400, "Only failed jobs can be retried", status=job.status)
    if not services.jobs.retry(job.id):
        return error_with_request_id(call.request, 500, "Failed to retry job")
    return json_response({"message": "Job requeued for retry"})


def logs(services: Services, call: Call) -> Response:
    """Get the log lines of a job; for its owner or a service role."""
    job_id = read_uuid(call.request.path_params["id"])
    if job_id is None:
        return error(400, "Invalid job ID")
    job = read_job(services, job_id)
    if job is None:
        return error(500, "Failed to get job")  # as recorded (progress_and_logs: `logs of an unknown job`)
    caller = call.caller
    if caller.role not in _READS_ALL_LOGS and (caller.user_id is None or caller.user_id != job.created_by):
        return error(404, "Job not found")
    lines = services.logs.list(job_id, integer_parameter(call, "after_line", 0))
    return json_response({"count": len(lines), "logs": [log_line(line) for line in lines] or None})


def cancel_job(services: Services, call: Call, job: Job, done: str, failed: str) -> Response:
    """Cancel a job and stop its run. It fails if the job has ended since it was read."""
    if not services.jobs.cancel(job.id, micros(services.clock)):
        return error_with_request_id(call.request, 500, failed)
    services.workers.stop_run(job.id)
    return json_response({"message": done})


def find_job(services: Services, call: Call) -> Job | Response:
    """The job with the id in the path, or the error response."""
    job_id = read_uuid(call.request.path_params["id"])
    if job_id is None:
        return error(400, "Invalid job ID")
    return read_job(services, job_id) or error(404, "Job not found")


def read_job(services: Services, job_id: str) -> Job | None:
    """A job, or None also where its query meets a spoiled database connection. Lists and submits use another database role."""
    return None if services.defects.claim("denied job") else services.jobs.get(job_id)
