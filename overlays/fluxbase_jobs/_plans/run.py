"""Submitting a job and waiting for its completion."""

from __future__ import annotations

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.operation import Operation
from ..errors import FluxbaseError, JobCancelled, WaitTimeout
from ..models.inputs import Submission
from ..models.jobs import Job
from ..result import Err, Meta, Ok, Result
from .exchange.causes import failure_of
from .exchange.explain import lost_submit, unless_interrupted, with_function_name
from .exchange.request import exchange
from .exchange.steps import Plan, read_clock
from .logs import with_result_lost
from .polling import CLEANUP_SECONDS, Waiting, WaitOptions
from .wait import cancel_with_note, wait_for


def run(context: CallContext, submission: Submission, options: WaitOptions) -> Plan[Result[Job]]:
    """Submit a job and wait for it; the data is a completed job, everything else is an error that carries the job."""
    waiting = options.checked()
    submitted = yield from _submit(context, submission, waiting)
    if isinstance(submitted, Err):
        return submitted
    job = submitted.data
    waited = yield from wait_for(context, operations.get(job.id), waiting, just_submitted=True, logs=True)
    if isinstance(waited, Err):
        return Err(_with_job(waited.error, job), waited.meta)
    return (yield from completed(context, (yield from with_result_lost(context, waited))))


def completed(context: CallContext, ended: Ok[Job]) -> Plan[Result[Job]]:
    """The ended job if it has completed, else the error that says why not."""
    return ended if ended.data.succeeded else (yield from _unsuccessful(context, ended.data, ended.meta))


def _submit(context: CallContext, submission: Submission, waiting: Waiting) -> Plan[Result[Job]]:
    """Submit the job. Interrupted while the request is in flight, say that the job may exist, or find it and cancel it."""
    now = yield from read_clock()
    operation = operations.submit(submission, now.utc)
    lost = lost_submit(operation, submission)
    if waiting.cancel_on_exit:
        lost = _cancel_lost(context, operation, submission)
    submitted = yield from unless_interrupted(exchange(context, operation), lost)
    return with_function_name(submitted, submission)


def _cancel_lost(context: CallContext, operation: Operation[Job], submission: Submission) -> Plan[str]:
    """Cancel a job whose submit got no response. The server answers the same request again with the same job."""
    now = yield from read_clock()
    context = context.until(now.monotonic + CLEANUP_SECONDS, now.monotonic)
    found = yield from exchange(context, operation)
    if isinstance(found, Err):
        unknown = yield from lost_submit(operation, submission)
        return f"{unknown}; it could not be cancelled: {found.error.message}"
    return (yield from cancel_with_note(context, found.data.id))


def _with_job(error: FluxbaseError, job: Job) -> FluxbaseError:
    """An error after the submit must not lose the job."""
    if isinstance(error, WaitTimeout):
        return error.with_(job_id=job.id, job=error.job or job)
    return error.with_(job_id=job.id)


def _unsuccessful(context: CallContext, job: Job, meta: Meta) -> Plan[Err]:
    if job.status == "failed":
        return Err((yield from failure_of(context, job)), meta)
    return Err(JobCancelled(f"job {job.id} was {job.status}", job_id=job.id).with_(job=job), meta)
