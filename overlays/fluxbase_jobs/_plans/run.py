"""Submitting a job and waiting for its completion."""

from __future__ import annotations

from .._context.call_context import CallContext
from .._operations import jobs as operations
from ..errors import FluxbaseError, JobCancelled, WaitTimeout
from ..models.inputs import Submission
from ..models.jobs import Job
from ..result import Err, Meta, Ok, Result
from . import jobs
from .causes import failure_of
from .polling import WaitOptions
from .steps import Plan
from .wait import wait_for


def run(context: CallContext, submission: Submission, options: WaitOptions) -> Plan[Result[Job]]:
    """Submit a job and wait for it; the data is a completed job, everything else is an error that carries the job."""
    waiting = options.checked()
    submitted = yield from jobs.submit(context, submission)
    if isinstance(submitted, Err):
        return submitted
    job = submitted.data
    waited = yield from wait_for(context, operations.get(job.id), waiting, just_submitted=True)
    if isinstance(waited, Err):
        return Err(_with_job(waited.error, job), waited.meta)
    return (yield from completed(context, waited))


def completed(context: CallContext, ended: Ok[Job]) -> Plan[Result[Job]]:
    """The ended job if it has completed, else the error that says why not."""
    return ended if ended.data.succeeded else (yield from _unsuccessful(context, ended.data, ended.meta))


def _with_job(error: FluxbaseError, job: Job) -> FluxbaseError:
    """An error after the submit must not lose the job."""
    if isinstance(error, WaitTimeout):
        return error.with_(job_id=job.id, job=error.job or job)
    return error.with_(job_id=job.id)


def _unsuccessful(context: CallContext, job: Job, meta: Meta) -> Plan[Err]:
    if job.status == "failed":
        return Err((yield from failure_of(context, job)), meta)
    return Err(JobCancelled(f"job {job.id} was {job.status}", job_id=job.id).with_(job=job), meta)
