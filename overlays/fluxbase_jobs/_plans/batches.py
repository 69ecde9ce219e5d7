"""Many jobs at once: submitting them, and waiting for them with one poller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final, TypeAlias, TypeVar, cast

from attrs import define, evolve, frozen

from .. import _arguments as arguments
from .._operations import jobs as operations
from .._operations.operation import derived
from .._session import Session
from ..errors import InvalidInput
from ..models import Filters, Job, Submission
from ..result import Err, Ok, Result
from . import verbs
from .exchange import exchange, refusing
from .steps import Emit, Plan, Stream, now
from .watching import Patience, late, passing, rest

Item: TypeAlias = tuple[str, object] | Submission
ItemT = TypeVar("ItemT", bound=Item)
Pair: TypeAlias = tuple[str, Result[Job]]

MAX_TRIES_ANEW: Final = 20
MAX_WORKERS: Final = 1000
PAGE_SIZE: Final = 200
WITH_RESULTS: Final = Filters(include_result=True)
FEW: Final = 3
"""Up to so many jobs are asked for one by one: a page of other people's results costs more."""
SINGLES: Final = 25
"""So many single requests a round at most; the server allows 100 a minute."""


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
    raise InvalidInput("items must be pairs of a job name and a payload, or Submissions")


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

    open: dict[str, Job | None]

    def ended(self, jobs: Iterable[Job]) -> list[Job]:
        """Take note of these jobs; those that have ended are no longer waited for."""
        done: list[Job] = []
        for job in jobs:
            if job.id in self.open:
                self.open[job.id] = job
                if job.is_terminal:
                    done.append(job)
                    del self.open[job.id]
        return done


def wait_many(session: Session, job_ids: Iterable[object], patience: Patience) -> Stream[Pair]:
    """Each job with its end, or an error, as they come; never ending early.

    One poller serves all: pages of the list until all jobs are covered, single requests for those that are not there. A page shows jobs
    without their payload.
    """
    timeout = patience.checked()
    waited = _Waited({})
    for job_id in job_ids:
        try:
            waited.open[arguments.uuid("job_ids", job_id)] = None
        except InvalidInput as error:
            yield Emit((str(job_id), Err(error)))
    instant = yield from now()
    end, interval = instant.monotonic + timeout, None
    while waited.open and instant.monotonic < end:
        before = len(waited.open)
        failed, pairs = yield from _round(session.within(end - instant.monotonic), waited)
        for pair in pairs:
            yield Emit(pair)
        instant = yield from now()
        interval = patience.poll.interval(interval, None, instant.utc, instant.dice, changed=len(waited.open) < before)
        if waited.open:
            instant = yield from rest(interval, failed, instant, end)
    for job_id, job in waited.open.items():
        yield Emit((job_id, Err(late(job_id, job, timeout))))


def _round(session: Session, waited: _Waited) -> Plan[tuple[Err | None, list[Pair]]]:
    """One look at all jobs: those that have ended, and the failure that cut the look short."""
    pairs: list[Pair] = []
    missing = set(waited.open)
    pages = 0 if len(missing) <= FEW else 1 + 2 * len(missing) // PAGE_SIZE
    for number in range(pages):
        page = yield from exchange(session, operations.list_(WITH_RESULTS, PAGE_SIZE, number * PAGE_SIZE))
        if isinstance(page, Err):
            return _cut_short(page, waited, pairs)
        missing -= {job.id for job in page.data}
        pairs += [(job.id, Ok(job, page.meta)) for job in waited.ended(page.data)]
        if not missing or len(page.data) < PAGE_SIZE:
            break
    for job_id in [job_id for job_id in waited.open if job_id in missing][:SINGLES]:
        found = yield from exchange(session, operations.get(job_id))
        waited.open[job_id] = waited.open.pop(job_id)  # to the end: the next round starts with those that this one leaves out
        if isinstance(found, Ok):
            pairs += [(job_id, found) for _ in waited.ended([found.data])]
        elif passing(found.error):
            return found, pairs
        else:
            del waited.open[job_id]
            pairs.append((job_id, found))
    return None, pairs


def _cut_short(page: Err, waited: _Waited, pairs: list[Pair]) -> tuple[Err | None, list[Pair]]:
    """A page that could not be read: worth another round, or the end for all."""
    if passing(page.error):
        return page, pairs
    failed: list[Pair] = [(job_id, page) for job_id in waited.open]
    waited.open.clear()
    return None, pairs + failed
