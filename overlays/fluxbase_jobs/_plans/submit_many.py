"""Many jobs at once: submitting them, and waiting for them with one poller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeVar, cast

from attrs import define, evolve, field, frozen

from .._context.call_context import Session
from .._operations import jobs as operations
from .._operations.operation import Operation, derived
from .._validation import arguments
from ..errors import InvalidInput, RequestTimeout
from ..models.jobs import Filters, Job, Submission
from ..policies.poll import PollPolicy
from ..result import Err, Meta, Ok, Result
from . import jobs as verbs
from .exchange import exchange, refusing
from .steps import Emit, Plan, Step, Stream, now
from .watch import Patience, late, passing, rest

Item: TypeAlias = tuple[str, object] | Submission
T = TypeVar("T")
ItemT = TypeVar("ItemT", bound=Item)
Pair: TypeAlias = tuple[str, Result[Job]]

MAX_TRIES_ANEW: Final = 20
MAX_WORKERS: Final = 1000
PAGE_SIZE: Final = 200
WITH_RESULTS: Final = Filters(include_result=True)
FEW: Final = 3
"""Up to so many jobs are asked for one by one: a page of other people's results costs more."""
SINGLES: Final = 15
"""So many single requests a round at most, so that what they find is told soon."""


@frozen(kw_only=True)
class Batch:
    """How a batch is keyed."""

    key: str | None
    retry_failed: bool

    def __attrs_post_init__(self) -> None:
        if self.key is not None:
            arguments.idempotency_key(self.key, "batch_key")
        arguments.flag("retry_failed", self.retry_failed)


def workers(concurrency: object) -> int:
    """How many requests may be under way at once."""
    return arguments.integer("concurrency", concurrency, 1, MAX_WORKERS)


def submissions(session: Session, items: Iterable[ItemT], batch: Batch) -> Iterator[tuple[ItemT, Plan[Result[Job]]]]:
    """Each item with the plan that submits it, made when it is asked for."""
    for position, item in enumerate(items):
        yield item, refusing(_submit_one(session, item, batch, position))


def _submit_one(session: Session, item: object, batch: Batch, position: int) -> Plan[Result[Job]]:
    """Submit one item under its key; where that only brings back an old failure and `retry_failed` says so, under the next key."""
    submission = _keyed(_submission(item), batch, position)
    key = submission.idempotency_key
    result = yield from verbs.submit(session, submission)
    if key is None or not batch.retry_failed:
        return result
    for number in range(1, MAX_TRIES_ANEW):
        if isinstance(result, Ok) or not result.meta.idempotency_replayed:
            break
        result = yield from verbs.submit(session, evolve(submission, idempotency_key=derived(key, f"~{number}")))
    return result


def _submission(item: object) -> Submission:
    if isinstance(item, Submission):
        return item
    pair = cast("tuple[object, ...]", item) if isinstance(item, tuple) else ()
    if len(pair) == 2:
        return Submission(cast("str", pair[0]), pair[1])
    raise InvalidInput("items must be tuples of a job name and a payload, or Submissions")


def _keyed(submission: Submission, batch: Batch, position: int) -> Submission:
    """The submission under the batch's key: with its own, else with its place."""
    if batch.key is None:
        return submission
    if isinstance(submission.scheduled, timedelta):
        raise InvalidInput("scheduled must be a moment where there is a batch_key: a timedelta means another one in each run")
    own = submission.idempotency_key
    # Other signs for places than for own keys: an own key "1" is not the second place.
    ending = f"#{position}" if own is None else f":{arguments.idempotency_key(own)}"
    return evolve(submission, idempotency_key=derived(batch.key, ending))


@define
class _Waited:
    """The jobs of one `wait_many` that have not ended yet, by id, with what was last seen of each."""

    open: dict[str, Job | None] = field(factory=dict[str, Job | None])
    given: Counter[str] = field(factory=Counter[str])
    """How often each id was given."""
    depth: int = 0
    """In how many pages the last round found open jobs."""
    requests: int = 0
    """How many requests the last round took."""

    def add(self, job_id: str) -> None:
        """Wait for this one too."""
        self.open[job_id] = None
        self.given[job_id] += 1

    def pages(self) -> int:
        """How many pages of the list to read at most: as far as jobs were found and a bit further; none where single requests are fewer."""
        pages = max(self.depth + 1, 1 + 2 * len(self.open) // PAGE_SIZE)
        return 0 if len(self.open) <= max(FEW, self.depth) else pages

    def saw(self, jobs: Iterable[Job], meta: Meta) -> list[Emit[Pair]]:
        """Take note of these jobs; those that have ended are no longer waited for."""
        ended: list[Emit[Pair]] = []
        for job in jobs:
            if job.id in self.open:
                self.open[job.id] = job
                if job.is_terminal:
                    ended += self.end(job.id, Ok(job, meta))
        return ended

    def end(self, job_id: str, result: Result[Job]) -> list[Emit[Pair]]:
        """A job's result, as often as the job was asked for."""
        del self.open[job_id]
        return [Emit((job_id, result))] * self.given[job_id]

    def rest(self, interval: float, poll: PollPolicy) -> float:
        """The seconds before the next round: as planned, but a second for each request of this one, as the server allows 100 a minute."""
        return max(interval, self.requests * min(1.0, 2 * poll.initial)) if self.requests > 1 else interval


def wait_many(session: Session, job_ids: Iterable[object], patience: Patience) -> Stream[Pair]:
    """Each job with its end, or an error, as they come; never ending early.

    One poller serves all: pages of the list until all jobs are covered, single requests for those that are not there. A page shows jobs
    without their payload.
    """
    waited, refused = _Waited(), _refused(session, patience)
    for given in job_ids:
        try:
            job_id = arguments.uuid("job_ids", given)
        except InvalidInput as error:
            yield Emit((str(given), Err(error)))
            continue
        if refused:
            yield Emit((job_id, Err(refused)))
        else:
            waited.add(job_id)
    if waited.open:
        yield from _wait(session, waited, patience)


def _refused(session: Session, patience: Patience) -> InvalidInput | None:
    """What is wrong with the arguments beside the ids."""
    try:
        session.checked()
        patience.checked()
    except InvalidInput as error:
        return error
    return None


def _wait(session: Session, waited: _Waited, patience: Patience) -> Stream[Pair]:
    timeout, interval = patience.checked(), None
    instant = yield from now()
    end = instant.monotonic + timeout
    while waited.open and instant.monotonic < end:
        before = len(waited.open)
        failed = yield from _round(session, waited, end)
        instant = yield from now()
        interval = patience.poll.interval(interval, None, instant.utc, instant.random, changed=len(waited.open) < before)
        if waited.open:
            instant = yield from rest(waited.rest(interval, patience.poll), failed, instant, end)
    for job_id, job in [*waited.open.items()]:
        yield from waited.end(job_id, Err(late(job_id, job, timeout)))


def _round(session: Session, waited: _Waited, end: float) -> Generator[Step | Emit[Pair], Any, Err | None]:
    """One look at all jobs; emits those that have ended and tells the failure that cut the look short."""
    waited.requests, missing, pages = 0, set(waited.open), waited.pages()
    for number in range(pages):
        page = yield from _asked(session, operations.list_(WITH_RESULTS, PAGE_SIZE, number * PAGE_SIZE), waited, end)
        if isinstance(page, Err):
            if passing(page.error):
                return page
            for job_id in [*waited.open]:
                yield from waited.end(job_id, page)
            return None
        found = missing & {job.id for job in page.data}
        missing -= found
        yield from waited.saw(page.data, page.meta)
        waited.depth = number + 1 if found & waited.open.keys() else min(waited.depth, number)
        if not missing or len(page.data) < PAGE_SIZE:
            break
    return (yield from _singles(session, [job_id for job_id in waited.open if job_id in missing][:SINGLES], waited, end))


def _singles(session: Session, job_ids: Iterable[str], waited: _Waited, end: float) -> Generator[Step | Emit[Pair], Any, Err | None]:
    """A look at each of these jobs."""
    for job_id in job_ids:
        found = yield from _asked(session, operations.get(job_id), waited, end)
        waited.open[job_id] = waited.open.pop(job_id)  # to the end: the next round starts with those that this one leaves out
        if isinstance(found, Ok):
            yield from waited.saw([found.data], found.meta)
        elif passing(found.error):
            return found
        else:
            yield from waited.end(job_id, found)
    return None


def _asked(session: Session, operation: Operation[T], waited: _Waited, end: float) -> Plan[Result[T]]:
    """One request of a round, within the deadline of the whole."""
    instant = yield from now()
    if instant.monotonic >= end:
        return Err(RequestTimeout("the time was over before all jobs could be looked at", retryable=True))
    waited.requests += 1
    return (yield from exchange(session.within(end - instant.monotonic), operation))
