"""The verbs that need one request, or a second one to complete or explain the first."""

from __future__ import annotations

from attrs import evolve

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.endpoints import USER_ENDPOINTS, JobEndpoints
from .._validation import arguments
from ..errors import NotAllowedInState
from ..models.inputs import Submission
from ..models.jobs import Job, with_logs
from ..result import Err, Meta, Ok, Result
from .exchange.denied import change_job, read_job, read_whole_job
from .exchange.explain import (
    lost_submit,
    read_back_failed,
    reason_not_cancelled,
    reason_not_retried,
    unless_interrupted,
    with_function_name,
    with_retrys_alternative,
)
from .exchange.request import after, exchange
from .exchange.steps import Plan, read_clock
from .logs import log_of_ended, read_lines


def submit(context: CallContext, submission: Submission) -> Plan[Result[Job]]:
    """Queue a job."""
    now = yield from read_clock()
    operation = operations.submit(submission, now.utc)
    submitted = yield from unless_interrupted(exchange(context, operation), lost_submit(operation, submission))
    return with_function_name(submitted, submission)


def get(context: CallContext, job_id: object, include_logs: object) -> Plan[Result[Job]]:
    """Read a job, and its log with `include_logs`; an unreadable log does not lose the job."""
    with_log = arguments.flag("include_logs", include_logs)
    found = yield from read_job(context, operations.get(job_id))
    if not with_log or isinstance(found, Err):
        return found
    if found.data.is_terminal:
        lines = yield from log_of_ended(context, found)
    else:
        lines = yield from read_lines(context, found.data.id, 0)
    meta = evolve(found.meta.plus(lines.meta), logs_error=lines.error or lines.meta.logs_error, logs_hidden=lines.meta.logs_hidden)
    return Ok(with_logs(found.data, lines.data), meta)


def cancel(context: CallContext, job_id: object, endpoints: JobEndpoints = USER_ENDPOINTS) -> Plan[Result[None]]:
    """Cancel a job."""
    return (yield from change_job(context, endpoints.cancel(job_id), endpoints.get(job_id), reason_not_cancelled))


def retry(context: CallContext, job_id: object, endpoints: JobEndpoints = USER_ENDPOINTS) -> Plan[Result[Job]]:
    """Put a failed job back into the queue, then read it: the server's response does not contain it."""
    accepted = yield from change_job(context, endpoints.retry(job_id), endpoints.get(job_id), reason_not_retried)
    if isinstance(accepted, Err):
        return with_retrys_alternative(accepted)
    found = yield from read_job(context, endpoints.get(job_id))
    meta = found.meta.plus(accepted.meta)
    return Ok(found.data, meta) if isinstance(found, Ok) else read_back_failed(found.error, "the retry was accepted, but the job", meta)


def resubmit(context: CallContext, job_id: object, key: object) -> Plan[Result[Job]]:
    """Queue a new job like one that has ended. It is always read first: a job from a list has no payload, and its status may be old."""
    if key is not None:
        arguments.idempotency_key(key)
    found = yield from read_whole_job(context, operations.get(job_id, "job"))
    if isinstance(found, Err):
        return found
    if not found.data.is_terminal:
        return Err(_not_ended(found.data, found.meta), found.meta)
    operation = operations.submit_again(found.data, key)
    return after(found.meta, (yield from unless_interrupted(exchange(context, operation), lost_submit(operation))))


def _not_ended(job: Job, meta: Meta) -> NotAllowedInState:
    error = NotAllowedInState(
        f"the job cannot be resubmitted: it is {job.status}, and only jobs that have ended can",
        job_id=job.id,
        request_id=meta.request_id,
        attempts=meta.attempts,
    )
    return error.with_(job_status=job.status)
