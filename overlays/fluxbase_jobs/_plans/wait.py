"""Waiting for a job's end, and submitting one to wait for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from attrs import evolve

from .._context.call_context import Session
from .._operations import jobs as operations
from .._validation import arguments
from ..errors import FluxbaseError, JobCancelled, JobFailed, NotAllowedInState, WaitTimeout
from ..models.jobs import Job, LogLine, Submission
from ..result import Err, Meta, Ok, Result
from . import jobs as verbs
from .exchange import exchange
from .steps import Ask, Pause, Plan, each, now
from .watch import AFTERMATH, Patience, watch

OnProgress = Callable[[Job], object]
THROWN: Final = "Job execution error: "
RESULT_LINE: Final = "__RESULT__::"
LOG_PAUSE: Final = 0.6
"""Seconds between the looks for a failed job's last words: the server writes its log each second."""
LOG_SECONDS: Final = 2.0
"""After so many seconds no look begins any more."""
TAIL: Final = 20
BARE_FAILURE: Final = "exit status 1"
"""What the server says of every thrown error (recorded, failures)."""
NO_CAUSE: Final = (
    "the text that the job threw is in its log, which this server did not show: April 2026 servers show it after their next start, "
    "and any server only to the job's own user and to service roles"
)


def wait(
    session: Session, job_id: object, patience: Patience, on_progress: OnProgress | None, cancel_on_timeout: object
) -> Plan[Result[Job]]:
    """The job in its final state, whichever that is."""
    cancels = arguments.flag("cancel_on_timeout", cancel_on_timeout)
    arguments.callback("on_progress", on_progress)
    try:
        result = yield from each(watch(session, job_id, patience), partial(_tell, on_progress))
    except BaseException as interruption:
        interruption.add_note(f"job {job_id} may go on; wait for it again with jobs.wait({str(job_id)!r})")
        raise
    if cancels and isinstance(result, Err) and isinstance(result.error, WaitTimeout):
        return (yield from _cancelled(session, result, result.error))
    return result


def _tell(on_progress: OnProgress | None, result: Result[Job]) -> Plan[None]:
    if on_progress is not None and isinstance(result, Ok):
        yield Ask(partial(on_progress, result.data))


def _cancelled(session: Session, result: Err, late: WaitTimeout) -> Plan[Result[Job]]:
    """The timeout, with the job cancelled; or the job, where it ended at the last moment."""
    brief = session.within(AFTERMATH)
    done = yield from verbs.cancel(brief, late.job_id)
    if isinstance(done, Ok):
        late.hint = "it was cancelled"
        return result
    if isinstance(done.error, NotAllowedInState):
        found = yield from exchange(brief, operations.get(late.job_id))
        if isinstance(found, Ok) and found.data.is_terminal:
            return found
    late.hint = f"it could not be cancelled: {done.error.message}"
    return result


def run(
    session: Session, submission: Submission, patience: Patience, on_progress: OnProgress | None, cancel_on_timeout: object
) -> Plan[Result[Job]]:
    """Submit a job and wait for it; the data is a completed job, everything else is an error that carries the job."""
    patience.checked()
    arguments.flag("cancel_on_timeout", cancel_on_timeout)
    arguments.callback("on_progress", on_progress)
    submitted = yield from verbs.submit(session, submission)
    if isinstance(submitted, Err):
        return submitted
    patient = evolve(patience, just_submitted=True)
    waited = yield from wait(session, submitted.data.id, patient, on_progress, cancel_on_timeout)
    if isinstance(waited, Err):
        _name_job(waited.error, submitted.data)
        return waited
    return waited if waited.data.succeeded else (yield from _unsuccessful(session, waited.data, waited.meta))


def _name_job(error: FluxbaseError, job: Job) -> None:
    """An error after the submit must not lose the job."""
    error.job_id = job.id
    if isinstance(error, WaitTimeout):
        error.job = error.job or job


def _unsuccessful(session: Session, job: Job, meta: Meta) -> Plan[Err]:
    if job.status == "failed":
        return Err((yield from _failure(session, job)), meta)
    error = JobCancelled(f"job {job.id} was {job.status}", job_id=job.id)
    error.job = job
    return Err(error, meta)


def _failure(session: Session, job: Job) -> Plan[JobFailed]:
    """The failure with its cause, which stands in the log only; the log lags behind the job."""
    lines: list[LogLine] = []
    thrown: str | None = None
    instant = yield from now()
    end = instant.monotonic + LOG_SECONDS
    while True:
        read = yield from exchange(session.within(AFTERMATH), operations.logs(job.id, 0))
        lines = lines if isinstance(read, Err) else read.data
        thrown = _thrown(lines, job)
        instant = yield from now()
        if thrown is not None or isinstance(read, Err) or job.error_message != BARE_FAILURE or instant.monotonic + LOG_PAUSE > end:
            break
        yield Pause(LOG_PAUSE)
    hint = None if thrown or job.error_message != BARE_FAILURE else NO_CAUSE
    error = JobFailed(thrown or job.error_message or "the job failed", hint=hint, job_id=job.id)
    error.job = job
    error.log_tail = [line for line in lines if not line.message.startswith(RESULT_LINE)][-TAIL:]
    return error


def _thrown(lines: Sequence[LogLine], job: Job) -> str | None:
    """What this try of the job threw; a retried job's log holds the earlier tries too."""
    texts = [
        line.message.removeprefix(THROWN)
        for line in lines
        if line.message.startswith(THROWN) and (job.started_at is None or line.timestamp >= job.started_at)
    ]
    return texts[-1] if texts else None
