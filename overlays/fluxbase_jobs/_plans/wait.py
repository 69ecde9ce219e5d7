"""Waiting for a job's end."""

from __future__ import annotations

from functools import partial

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.operation import Operation
from ..errors import NotAllowedInState, WaitTimeout
from ..models.jobs import Job
from ..result import Err, Ok, Result
from . import jobs
from .exchange.denied import read_job
from .exchange.steps import Invoke, Plan, for_each, read_clock
from .logs import with_result_lost
from .polling import CLEANUP_SECONDS, OnProgress, Waiting, WaitOptions
from .watch import poll_job


def wait(context: CallContext, job_id: object, options: WaitOptions) -> Plan[Result[Job]]:
    """The job in its final state, whichever that is."""
    waited = yield from wait_for(context, operations.get(job_id), options.checked())
    return (yield from with_result_lost(context, waited)) if isinstance(waited, Ok) else waited


def wait_for(
    context: CallContext, read: Operation[Job], waiting: Waiting, *, just_submitted: bool = False, logs: bool = False
) -> Plan[Result[Job]]:
    """Poll the job until its end. Interrupted by an exception, name the job in a note on it."""
    try:
        stream = poll_job(context, read, waiting, just_submitted=just_submitted, logs=logs)
        result = yield from for_each(stream, partial(_report, waiting.on_progress))
    except GeneratorExit:
        raise  # no step may follow
    except BaseException as interruption:
        if waiting.cancel_on_exit:
            now = yield from read_clock()
            interruption.add_note((yield from cancel_with_note(context.until(now.monotonic + CLEANUP_SECONDS, now.monotonic), read.job_id)))
        else:
            interruption.add_note(_still_running(read.job_id))
        raise
    if waiting.cancel_on_timeout and isinstance(result, Err) and isinstance(result.error, WaitTimeout):
        return (yield from _cancel(context, read, result.error, result))
    return result


def cancel_with_note(context: CallContext, job_id: str | None) -> Plan[str]:
    """Cancel a job that nobody waits for any more: what became of that, in one line."""
    cancelled = yield from jobs.cancel(context, job_id)
    if isinstance(cancelled, Ok):
        return f"job {job_id} was cancelled"
    return f"job {job_id} could not be cancelled: {cancelled.error.message}; {_still_running(job_id)}"


def _still_running(job_id: str | None) -> str:
    return f"job {job_id} may still run on the server; call jobs.wait({job_id!r}) to wait for it again"


def _report(on_progress: OnProgress | None, result: Result[Job]) -> Plan[None]:
    if on_progress is not None and isinstance(result, Ok):
        yield Invoke(partial(on_progress, result.data))


def _cancel(context: CallContext, read: Operation[Job], error: WaitTimeout, result: Err) -> Plan[Result[Job]]:
    """The timeout, with the job cancelled; or the job, where it ended at the last moment."""
    now = yield from read_clock()
    context = context.until(now.monotonic + CLEANUP_SECONDS, now.monotonic)
    cancelled = yield from jobs.cancel(context, read.job_id)
    if isinstance(cancelled, Ok):
        return Err(error.with_(hint="it was cancelled"), result.meta)
    if isinstance(cancelled.error, NotAllowedInState):
        found = yield from read_job(context, read)
        if isinstance(found, Ok) and found.data.is_terminal:
            return found
    return Err(error.with_(hint=f"it could not be cancelled: {cancelled.error.message}"), result.meta)
