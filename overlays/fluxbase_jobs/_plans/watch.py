"""Watching a job: the polling loop that `watch`, `wait` and `run` share."""

from __future__ import annotations

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.operation import Operation
from ..errors import NotFound
from ..models.jobs import Job
from ..result import Err, Result
from .exchange.request import exchange
from .exchange.steps import Emit, Stream, read_clock
from .polling import Waiting, WaitOptions, is_refused, is_transient, pause_until_next_poll, wait_refused, wait_timeout


def watch(context: CallContext, job_id: object, options: WaitOptions) -> Stream[Result[Job]]:
    """Each change of the job once, its final state last; else an error last."""
    waiting = options.checked()
    yield from poll_job(context, operations.get(job_id), waiting)


def poll_job(context: CallContext, read: Operation[Job], waiting: Waiting, *, just_submitted: bool = False) -> Stream[Result[Job]]:
    """Read the job until it has ended, and emit each change of it.

    A job that was just submitted may answer 404 at first, as the server does when its database fails; that is retried.
    """
    now = yield from read_clock()
    end = now.monotonic + waiting.timeout
    last: Job | None = None
    interval: float | None = None
    while now.monotonic < end:
        result = yield from exchange(context.until(end, now.monotonic), read, now)
        now = yield from read_clock()
        if isinstance(result, Err) and not is_transient(result.error, not_found_too=just_submitted):
            yield Emit(result)
            return
        just_submitted = just_submitted and isinstance(result, Err) and not isinstance(result.error, NotFound)
        job = result.data
        changed = job is not None and (last is None or visible_state(job) != visible_state(last))
        last = job or last
        if changed:
            yield Emit(result)
        if job is not None and job.is_terminal:
            return
        if isinstance(result, Err) and is_refused(result, now, end):
            yield Emit(Err(wait_refused(read.job_id, last, result.error, end - now.monotonic)))
            return
        interval = waiting.poll.interval(interval, job, now.utc, now.random, changed=changed)
        now = yield from pause_until_next_poll(interval, result, now, end)
    yield Emit(Err(wait_timeout(read.job_id, last, waiting.timeout)))


def visible_state(job: Job) -> tuple[object, ...]:
    """What makes two states of a job different to a caller."""
    return job.status, job.progress_text, job.progress_percent, job.progress_message, job.retry_count, job.error_message
