"""Waiting for many jobs, or watching them, with one poller: pages of the list, and single requests for jobs that are not in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from attrs import define, evolve, field, frozen

from .._context.call_context import CallContext, ClientSettings, RetryOption
from .._operations import jobs as operations
from .._operations.jobs import Filters
from .._operations.operation import Operation
from .._realtime.subscriptions import Subscription
from .._validation import arguments
from ..errors import InvalidInput, InvalidResponse, RequestTimeout
from ..models.jobs import Job
from ..policies.poll import PollPolicy
from ..result import Err, Meta, Ok, Result
from .exchange.call import open_call, public_argument
from .exchange.causes import LOG_SECONDS, NOT_READ, Cause, read_cause
from .exchange.denied import read_job
from .exchange.request import exchange
from .exchange.steps import Emit, Instant, Invoke, Plan, Step, Stream, read_clock
from .listening import SAFETY_POLL, Event, JobChanged, Linked, applied, changes_come, listen, planned, until_linked, wait_for_events
from .polling import OnProgress, Waiting, WaitOptions, is_refused, is_transient, read_ids, unchecked, wait_refused, wait_timeout
from .watch import visible_state

T = TypeVar("T")
Pair: TypeAlias = tuple[str, Result[Job]]
Reading: TypeAlias = Callable[[CallContext, Operation[T]], Plan[Result[T]]]

JOBS: Final = "jobs or UUIDs"
PAGE_SIZE: Final = 200
FIRST_PAGE: Final = operations.page(Filters(include_result=True), PAGE_SIZE, 0)
MAX_SINGLE_REQUESTS: Final = 3
"""Up to so many jobs are read one by one: a page of other people's results costs more."""
SINGLE_REQUESTS_PER_ROUND: Final = 15
"""So many single requests a round at most, so that what they find is emitted soon."""

LEAST_LOGS_PER_ROUND: Final = 5
"""So many failed jobs' logs are read in each round, however many jobs are still running."""
GATHER_SECONDS: Final = 1.0
"""Seconds between two rounds where many jobs end one after the other: one page then shows the results of several."""


@frozen
class _Failed:
    """A failed job whose log is being read for its error message."""

    job: Job
    meta: Meta
    until: float
    """When its log is not read again, on the monotonic clock: it lags behind the job."""


@define
class _Pending:
    """The jobs of one `wait_many` that have not ended yet, by id, each as it was last read."""

    jobs: dict[str, Job | None] = field(factory=dict[str, Job | None])
    given: Counter[str] = field(factory=Counter[str])
    """How often each id was given."""
    depth: int = 0
    """In how many pages the last round found pending jobs."""
    requests: int = 0
    """How many requests the last round took."""
    failed: dict[str, _Failed] = field(factory=dict[str, "_Failed"])
    """Failed jobs whose logs are being read for their error messages, by id."""
    causes: bool = False
    """Whether to read the error messages of failed jobs from their logs."""
    on_progress: OnProgress | None = None
    emits_changes: bool = False
    """Whether changes are emitted, too, and not only the end of each job."""
    meta: Meta = field(factory=Meta)
    """Of the last response with jobs."""
    ended: set[str] = field(factory=set[str])
    """Jobs that have ended by their events, and whose result was not read yet."""

    def add(self, job_id: str) -> None:
        """Wait for this job too. Where changes are emitted, each comes once, however often the id was given."""
        self.jobs[job_id] = None
        self.given[job_id] = 1 if self.emits_changes else self.given[job_id] + 1

    def pages(self) -> int:
        """How many pages of the list to read at most: as far as jobs were found and a bit further; none where single requests are fewer."""
        pages = max(self.depth + 1, 1 + 2 * len(self.jobs) // PAGE_SIZE)
        return 0 if len(self.jobs) <= max(MAX_SINGLE_REQUESTS, self.depth) else pages

    def update(self, jobs: Iterable[Job], meta: Meta, now: float) -> Generator[Step | Emit[Pair], Any, None]:
        """Store these jobs; those that have ended are no longer waited for. Jobs that nobody waits for are passed over."""
        self.meta = meta
        for job in jobs:
            if job.id not in self.jobs:
                continue
            yield from self.take(job)
            if job.is_terminal and self.causes and job.status == "failed":
                del self.jobs[job.id]
                self.failed[job.id] = _Failed(job, meta, now + LOG_SECONDS)
            elif job.is_terminal:
                yield from self.finish(job.id, unchecked(Ok(job, meta)))

    def take(self, job: Job) -> Generator[Step | Emit[Pair], Any, None]:
        """Store another state of a job, and report it if it is a change."""
        before, self.jobs[job.id] = self.jobs[job.id], job
        if before is not None and visible_state(before) == visible_state(job):
            return
        if self.on_progress is not None:
            yield Invoke(partial(self.on_progress, job))
        if self.emits_changes and not job.is_terminal:
            yield Emit((job.id, Ok(job, self.meta)))

    def finish(self, job_id: str, result: Result[Job]) -> list[Emit[Pair]]:
        """A job's result, as often as its id was given."""
        self.jobs.pop(job_id, None)
        self.failed.pop(job_id, None)
        return [Emit((job_id, result))] * self.given[job_id]

    def pause(self, interval: float, policy: PollPolicy) -> float:
        """The seconds before the next round: as planned, but a second for each request of this one, as the server allows 100 a minute."""
        return max(interval, self.requests * min(1.0, 2 * policy.initial)) if self.requests > 1 else interval

    def gathering(self) -> float:
        """The seconds from one round to the next where an event makes it necessary."""
        return GATHER_SECONDS if len(self.jobs) > MAX_SINGLE_REQUESTS else 0.0


def wait_many(
    client: ClientSettings, retry: RetryOption, job_ids: Iterable[object], options: WaitOptions, *, causes: object = False
) -> Stream[Pair]:
    """Each job with its end, or an error, as they come; never ending early. A page shows jobs without their payload."""
    pending = _Pending(causes=causes is True, on_progress=options.on_progress)
    yield from _follow(client, retry, job_ids, options, pending, causes=causes)


def watch_many(client: ClientSettings, retry: RetryOption, job_ids: Iterable[object], options: WaitOptions) -> Stream[Pair]:
    """Each change of each job once, as they come; a job's final state, or an error, is its last one."""
    yield from _follow(client, retry, job_ids, options, _Pending(emits_changes=True))


def _follow(
    client: ClientSettings,
    retry: RetryOption,
    job_ids: Iterable[object],
    options: WaitOptions,
    pending: _Pending,
    *,
    causes: object = False,
) -> Stream[Pair]:
    context, waiting, refused = yield from opened(client, retry, options, causes=causes)
    for job_id, error in read_ids(job_ids):
        wrong = error or refused
        if wrong:
            yield Emit((job_id, Err(public_argument(client, wrong))))
        else:
            pending.add(job_id)
    if context and waiting and pending.jobs:
        yield from _wait(context, pending, waiting)


def opened(
    client: ClientSettings, retry: RetryOption, options: WaitOptions, *, causes: object = False
) -> Plan[tuple[CallContext, Waiting, None] | tuple[None, None, InvalidInput]]:
    """The call, or what is wrong with the arguments beside the ids: each id has its result all the same."""
    try:
        arguments.flag("causes", causes)
        return (yield from open_call(client, retry)), options.checked(), None
    except InvalidInput as error:
        return None, None, error


def _wait(context: CallContext, pending: _Pending, waiting: Waiting) -> Stream[Pair]:
    source = yield from listen(context, [*pending.jobs], logs=False)
    try:
        yield from _poll_until_ended(context, pending, waiting, source)
    finally:
        if source is not None:
            source.close()


def _poll_until_ended(context: CallContext, pending: _Pending, waiting: Waiting, source: Subscription | None) -> Stream[Pair]:
    interval: float | None = None
    failed: Err | None = None
    now = yield from read_clock()
    end = now.monotonic + waiting.timeout
    now = yield from until_linked(source, now, end)
    while (pending.jobs or pending.failed) and now.monotonic < end:
        before = len(pending.jobs)
        failed = yield from _poll(context, pending, end)
        failed = (yield from _look_for_causes(context, pending, end)) or failed
        now = yield from read_clock()
        if is_refused(failed, now, end):
            break
        interval = waiting.poll.interval(interval, None, now.utc, now.random, changed=len(pending.jobs) < before)
        if pending.jobs or pending.failed:
            now = yield from _until_next_poll(source, pending.pause(interval, waiting.poll), failed, pending, now, end=end)
    for job_id, failed_job in [*pending.failed.items()]:
        yield from pending.finish(job_id, Err(Cause().failure(failed_job.job, NOT_READ), failed_job.meta))
    for job_id, job in [*pending.jobs.items()]:
        error = wait_timeout(job_id, job, waiting.timeout, failed or Ok(None, pending.meta), now)
        if failed is not None and is_refused(failed, now, end):
            error = wait_refused(job_id, job, failed.error, end - now.monotonic)
        yield from pending.finish(job_id, Err(error))


def _until_next_poll(
    source: Subscription | None, interval: float, failed: Err | None, pending: _Pending, now: Instant, *, end: float
) -> Generator[Step | Emit[Pair], Any, Instant]:
    """Wait until jobs have to be read again; take the changes that come meanwhile."""
    interval, began, due = planned(interval, failed), now.monotonic, False
    while True:
        live = failed is None and not due and not pending.failed and all(changes_come(source, job) for job in pending.jobs.values())
        planned_for = min(interval, pending.gathering()) if due and failed is None else interval
        left = SAFETY_POLL if live else planned_for - (now.monotonic - began)
        if source is not None and left <= 0:
            return now
        received = yield from wait_for_events(source, left, now, end)
        now = received.at
        for event in received.events:
            due = (yield from _take_event(event, pending)) or due
        if not received.events or now.monotonic >= end:
            return now


def _take_event(event: Event, pending: _Pending) -> Generator[Step | Emit[Pair], Any, bool]:
    """Take the change of a job; whether jobs have to be read now."""
    if isinstance(event, Linked):
        return event.changes
    known = pending.jobs.get(event.job.id) if isinstance(event, JobChanged) else None
    job = applied(known, event.job) if isinstance(event, JobChanged) and known is not None else None
    if job is None or known is None:
        return False
    if job.is_terminal:
        pending.ended.add(job.id)
        return True
    yield from pending.take(job)
    return False


def _poll(context: CallContext, pending: _Pending, end: float) -> Generator[Step | Emit[Pair], Any, Err | None]:
    """Read the jobs that have ended by their events; where there are none, or many, all."""
    ended = [job_id for job_id in pending.ended if job_id in pending.jobs]
    pending.ended.clear()
    if not 0 < len(ended) <= MAX_SINGLE_REQUESTS:
        return (yield from _poll_all(context, pending, end))
    pending.requests = 0
    return (yield from _poll_each(context, ended, pending, end))


def _poll_all(context: CallContext, pending: _Pending, end: float) -> Generator[Step | Emit[Pair], Any, Err | None]:
    """Poll all jobs once: emit those that have ended, and return the failure that cut the round short."""
    pending.requests, missing = 0, set(pending.jobs)
    for number in range(pending.pages()):
        page = evolve(FIRST_PAGE, offset=number * PAGE_SIZE)
        listed = yield from _read(context, operations.list_(page), pending, end)
        if isinstance(listed, Err):
            if is_transient(listed.error):
                return listed
            if isinstance(listed.error, InvalidResponse):
                break  # the page may be spoiled by a job that nobody waits for
            for job_id in [*pending.jobs]:
                yield from pending.finish(job_id, listed)
            return None
        found = missing & {job.id for job in listed.data}
        missing -= found
        yield from _update(pending, listed.data, listed.meta)
        pending.depth = number + 1 if found & pending.jobs.keys() else min(pending.depth, number)
        if not missing or len(listed.data) < PAGE_SIZE:
            break
    single = [job_id for job_id in pending.jobs if job_id in missing][:SINGLE_REQUESTS_PER_ROUND]
    return (yield from _poll_each(context, single, pending, end))


def _poll_each(
    context: CallContext, job_ids: Iterable[str], pending: _Pending, end: float
) -> Generator[Step | Emit[Pair], Any, Err | None]:
    """Read each of these jobs with its own request."""
    for job_id in job_ids:
        found = yield from _read(context, operations.get(job_id), pending, end, read_job)
        pending.jobs[job_id] = pending.jobs.pop(job_id)  # to the end: the next round starts with those that this one leaves out
        if isinstance(found, Ok):
            yield from _update(pending, [found.data], found.meta)
        elif is_transient(found.error):
            return found
        else:
            yield from pending.finish(job_id, found)
    return None


def _update(pending: _Pending, jobs: Iterable[Job], meta: Meta) -> Stream[Pair]:
    now = yield from read_clock()
    yield from pending.update(jobs, meta, now.monotonic)


def _look_for_causes(context: CallContext, pending: _Pending, end: float) -> Generator[Step | Emit[Pair], Any, Err | None]:
    """Read the logs of some failed jobs, once each, and emit those whose cause is known or not to be found.

    So many a round at most, like other single requests, as the server allows 100 requests a minute.
    """
    for job_id, failed in [*pending.failed.items()][: max(LEAST_LOGS_PER_ROUND, SINGLE_REQUESTS_PER_ROUND - pending.requests)]:
        now = yield from read_clock()
        if now.monotonic >= end:
            return None
        pending.requests += 1
        cause = yield from read_cause(context.until(end, now.monotonic), failed.job)
        if cause.error is not None and is_transient(cause.error):
            return Err(cause.error)
        now = yield from read_clock()
        if cause.is_final(failed.job) or now.monotonic >= failed.until:
            yield from pending.finish(job_id, Err(cause.failure(failed.job), failed.meta))
        else:
            pending.failed[job_id] = pending.failed.pop(job_id)  # to the end: the others first
    return None


def _read(context: CallContext, operation: Operation[T], pending: _Pending, end: float, reading: Reading[T] = exchange) -> Plan[Result[T]]:
    """One request of a round, within the deadline of the whole."""
    now = yield from read_clock()
    if now.monotonic >= end:
        return Err(RequestTimeout("the timeout expired before every job could be polled", retryable=True))
    pending.requests += 1
    return (yield from reading(context.until(end, now.monotonic), operation))
