"""Watching a job: the polling loop that `watch`, `wait` and `run` share."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from attrs import define, evolve

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.operation import Operation
from .._operations.readers import RESULT_LINE
from .._realtime.subscriptions import Subscription
from ..errors import NotFound
from ..models.jobs import Job
from ..result import Err, Meta, Ok, Result
from .exchange.denied import read_job, with_denied
from .exchange.steps import Emit, Instant, Step, Stream, read_clock
from .listening import SAFETY_POLL, Event, LineLogged, Linked, applied, changes_come, listen, planned, until_linked, wait_for_events
from .polling import Waiting, WaitOptions, is_refused, is_transient, unchecked, wait_refused, wait_timeout


def watch(context: CallContext, job_id: object, options: WaitOptions) -> Stream[Result[Job]]:
    """Each change of the job once, its final state last; else an error last."""
    waiting = options.checked()
    yield from poll_job(context, operations.get(job_id), waiting, checked=False)


def poll_job(
    context: CallContext, read: Operation[Job], waiting: Waiting, *, just_submitted: bool = False, logs: bool = False, checked: bool = True
) -> Stream[Result[Job]]:
    """Read the job until it has ended, and emit each change of it.

    Where the client has a WebSocket, changes come from it, and a poll is only made where they may be missing. `logs` keeps the lines of the
    job's log that come over it; `checked` says that the caller looks there for a lost result. A job that was just submitted may answer 404
    at first, as the server does when its database fails; that is retried.
    """
    source = yield from listen(context, [str(read.job_id)], logs=logs)
    try:
        yield from _follow(context, read, waiting, source, _Seen(checked=checked), just_submitted=just_submitted)
    finally:
        if source is not None:
            source.close()


def _follow(
    context: CallContext, read: Operation[Job], waiting: Waiting, source: Subscription | None, seen: _Seen, *, just_submitted: bool
) -> Stream[Result[Job]]:
    now = yield from read_clock()
    end = now.monotonic + waiting.timeout
    interval: float | None = None
    result: Result[Any] = Ok(None)
    now = yield from until_linked(source, now, end)
    seen.linked = source is not None and source.linked.changes
    while now.monotonic < end:
        result = yield from read_job(context.until(end, now.monotonic), read)
        now = yield from read_clock()
        if isinstance(result, Err) and not is_transient(result.error, not_found_too=just_submitted):
            yield Emit(seen.as_told(result))
            return
        just_submitted = just_submitted and isinstance(result, Err) and not isinstance(result.error, NotFound)
        changed = seen.read(result)
        if changed:
            yield Emit(seen.as_told(result))
        if result.data is not None and result.data.is_terminal:
            return
        if isinstance(result, Err) and is_refused(result, now, end):
            yield Emit(Err(wait_refused(read.job_id, seen.job, result.error, end - now.monotonic)))
            return
        interval = waiting.poll.interval(interval, result.data, now.utc, now.random, changed=changed)
        now = yield from _until_next_poll(source, interval, result, seen, now, end=end)
    yield Emit(Err(wait_timeout(read.job_id, seen.job, waiting.timeout, result, now)))


@define
class _Seen:
    """A job as it was last seen."""

    checked: bool
    """Whether somebody looks for a result that the server lost."""
    job: Job | None = None
    ended: bool = False
    """Whether an event said that it has ended."""
    denied: int = 0
    """How often the server denied it."""
    linked: bool = False
    """Whether its changes came by themselves, by the last event about that."""

    def read(self, result: Result[Job]) -> bool:
        """Take what a poll read; whether that is a change."""
        self.denied += result.meta.false_not_found
        return result.data is not None and self.take(result.data)

    def take(self, job: Job) -> bool:
        """Take another state of the job; whether it is a change."""
        before, self.job = self.job, job
        return before is None or visible_state(job) != visible_state(before)

    def as_told(self, result: Result[Job]) -> Result[Job]:
        """The result, with how often the job was denied in all, and a note where nobody looks whether its result was lost."""
        told = with_denied(result, self.denied)
        return told if self.checked else unchecked(told)


def _until_next_poll(
    source: Subscription | None, interval: float, result: Result[Job], seen: _Seen, now: Instant, *, end: float
) -> Generator[Step | Emit[Result[Job]], Any, Instant]:
    """Wait until the job has to be read again, and emit the changes that come meanwhile."""
    interval = planned(interval, result)
    began, live, failed = now.monotonic, changes_come(source, seen.job) and not seen.ended, not result.ok
    while True:
        left = SAFETY_POLL if live and not failed else interval - (now.monotonic - began)
        if left <= 0 and source is not None:
            return now
        received = yield from wait_for_events(source, left, now, end)
        now = received.at
        if not received.events:
            return now
        due = False
        for event in received.events:
            due = (yield from _take_event(event, seen, result.meta)) or due
        if due or now.monotonic >= end:
            return now
        live = changes_come(source, seen.job) and not seen.ended


def _take_event(event: Event, seen: _Seen, meta: Meta) -> Generator[Step | Emit[Result[Job]], Any, bool]:
    """Emit what an event changed; whether the job has to be read now: it has ended, or events begin to come, or come no more."""
    if isinstance(event, Linked):
        was, seen.linked = seen.linked, event.changes
        return was != event.changes
    if isinstance(event, LineLogged):
        return event.line.message.startswith(RESULT_LINE)
    job = None if seen.job is None else applied(seen.job, event.job)
    if job is None:
        return False
    if job.is_terminal:
        seen.ended = True
        return True
    if seen.take(job):
        yield Emit(seen.as_told(Ok(job, evolve(meta, false_not_found=0))))
    return False


def visible_state(job: Job) -> tuple[object, ...]:
    """What makes two states of a job different to a caller."""
    return job.status, job.progress, job.progress_percent, job.progress_message, job.retry_count, job.error_message
