"""Submitting a job and waiting for its completion."""

from __future__ import annotations

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.operation import KEY_HEADER, Operation
from ..errors import FluxbaseError, JobCancelled, WaitTimeout
from ..models.inputs import Submission
from ..models.jobs import Job
from ..result import Err, Meta, Ok, Result
from .exchange.causes import failure_of
from .exchange.explain import with_function_name
from .exchange.request import exchange
from .exchange.steps import Plan, Send, read_clock, record_sends
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
    sends: list[Send] = []
    try:
        submitted = yield from record_sends(exchange(context, operation, now), sends)
    except GeneratorExit:
        raise  # no step may follow
    except BaseException as interruption:
        if sends:
            interruption.add_note((yield from _after_lost_submit(context, operation, waiting)))
        raise
    return with_function_name(submitted, submission)


def _after_lost_submit(context: CallContext, operation: Operation[Job], waiting: Waiting) -> Plan[str]:
    """What to say of a submit whose response nobody read. The server answers the same request again with the same job."""
    key = operation.request["headers"][KEY_HEADER]
    unknown = f"the job may have been queued; the same call with idempotency_key={key!r} finds it"
    if not waiting.cancel_on_exit:
        return unknown
    now = yield from read_clock()
    context = context.until(now.monotonic + CLEANUP_SECONDS, now.monotonic)
    found = yield from exchange(context, operation, now)
    if isinstance(found, Err):
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
