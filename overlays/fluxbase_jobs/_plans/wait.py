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
from .exchange import exchange
from .polling import CLEANUP_SECONDS, OnProgress, Waiting, WaitOptions
from .steps import Invoke, Plan, for_each, read_clock
from .watch import poll_job


def wait(context: CallContext, job_id: object, options: WaitOptions) -> Plan[Result[Job]]:
    """The job in its final state, whichever that is."""
    return (yield from wait_for(context, operations.get(job_id), options.checked()))


def wait_for(context: CallContext, read: Operation[Job], waiting: Waiting, *, just_submitted: bool = False) -> Plan[Result[Job]]:
    """Poll the job until its end. Interrupted by an exception, name the job in a note on it."""
    try:
        stream = poll_job(context, read, waiting, just_submitted=just_submitted)
        result = yield from for_each(stream, partial(_report, waiting.on_progress))
    except BaseException as interruption:
        interruption.add_note(f"job {read.job_id} may still run on the server; call jobs.wait({read.job_id!r}) to wait for it again")
        raise
    if waiting.cancel_on_timeout and isinstance(result, Err) and isinstance(result.error, WaitTimeout):
        return (yield from _cancel(context, read, result.error, result))
    return result


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
        found = yield from exchange(context, read)
        if isinstance(found, Ok) and found.data.is_terminal:
            return found
    return Err(error.with_(hint=f"it could not be cancelled: {cancelled.error.message}"), result.meta)
