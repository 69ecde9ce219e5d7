"""Submitting a job and waiting for its completion; why a failed job failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.readers import RESULT_LINE
from ..errors import FluxbaseError, JobCancelled, JobFailed, WaitTimeout
from ..models.inputs import Submission
from ..models.jobs import Job, LogLine
from ..result import Err, Meta, Result
from . import jobs
from .exchange import exchange
from .polling import CLEANUP_SECONDS, WaitOptions
from .steps import Plan, pause, read_clock
from .wait import wait_for

THROWN: Final = "Job execution error: "
LOG_PAUSE: Final = 0.6
"""Seconds between two reads of a failed job's log: the server writes its log each second."""
LOG_SECONDS: Final = 2.0
"""Seconds after which the log is not read again."""
LOG_TAIL: Final = 20
BARE_FAILURE: Final = "exit status 1"
"""The server's `error_message` for every thrown error (recorded, failures)."""
NO_CAUSE: Final = (
    "the text that the job threw is in its log, which this server did not show: April 2026 servers show it after their next start, "
    "and any server only to the job's own user and to service roles"
)


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
    return waited if waited.data.succeeded else (yield from _unsuccessful(context, waited.data, waited.meta))


def _with_job(error: FluxbaseError, job: Job) -> FluxbaseError:
    """An error after the submit must not lose the job."""
    if isinstance(error, WaitTimeout):
        return error.with_(job_id=job.id, job=error.job or job)
    return error.with_(job_id=job.id)


def _unsuccessful(context: CallContext, job: Job, meta: Meta) -> Plan[Err]:
    if job.status == "failed":
        return Err((yield from _failure(context, job)), meta)
    return Err(JobCancelled(f"job {job.id} was {job.status}", job_id=job.id).with_(job=job), meta)


def _failure(context: CallContext, job: Job) -> Plan[JobFailed]:
    """The failure with its cause, which only the log has; the log lags behind the job."""
    lines: list[LogLine] = []
    now = yield from read_clock()
    end = now.monotonic + LOG_SECONDS
    while True:
        read = yield from exchange(context.until(now.monotonic + CLEANUP_SECONDS, now.monotonic), operations.logs(job.id, 0), now)
        lines = lines if isinstance(read, Err) else read.data
        thrown = _thrown(lines, job)
        now = yield from read_clock()
        if thrown is not None or isinstance(read, Err) or job.error_message != BARE_FAILURE or now.monotonic + LOG_PAUSE > end:
            break
        now = yield from pause(LOG_PAUSE)
    hint = None if thrown or job.error_message != BARE_FAILURE else NO_CAUSE
    log_tail = [line for line in lines if not line.message.startswith(RESULT_LINE)][-LOG_TAIL:]
    return JobFailed(thrown or job.error_message or "the job failed", hint=hint, job_id=job.id).with_(job=job, log_tail=log_tail)


def _thrown(lines: Sequence[LogLine], job: Job) -> str | None:
    """What this attempt of the job threw; a retried job's log holds the earlier attempts too."""
    texts = [
        line.message.removeprefix(THROWN)
        for line in lines
        if line.message.startswith(THROWN) and (job.started_at is None or line.timestamp >= job.started_at)
    ]
    return texts[-1] if texts else None
