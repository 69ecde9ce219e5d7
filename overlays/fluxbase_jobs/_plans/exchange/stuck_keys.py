"""Items of a batch whose idempotency key stays in progress.

A server that is killed while it handles a submit answers 409 to its key for 24 hours, and does not say whether it queued the job. Another
key could make a second job, so the job is looked for: in the list by name, priority and schedule, then by its payload, which only single
reads show.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

import msgspec
from attrs import define, field, frozen

from ..._context.call_context import CallContext
from ..._operations import jobs as operations
from ..._operations.interpret import IN_PROGRESS
from ..._operations.operation import Operation
from ...errors import Conflict
from ...models.jobs import Job
from ...result import Err, Meta, Ok, Result
from ..polling import with_note
from .denied import read_job
from .request import exchange
from .steps import Plan, read_clock

KEYS_LAST: Final = timedelta(hours=25)
"""The server keeps keys for 24 hours; our clock may be another."""
BEFORE_BATCH: Final = timedelta(minutes=5)
"""So long before the earliest job of the batch one of its items may have been queued."""
PAGE_SIZE: Final = 200
MAX_PAGES: Final = 5
MAX_READS: Final = 30
"""Single reads for one item at most: the server allows 100 requests a minute."""
_SAFE_INTEGER: Final = 2**53
FOUND: Final = (
    "the server was stopped while it handled this submit, and answers no more to its idempotency key: the job was found by its name, "
    "priority, schedule, payload and time, as the only one among {jobs}"
)
_STUCK: Final = "the first request with this idempotency key is still running, or the server was stopped during it"
_ABSENT: Final = (
    "the job was not queued as far as the list shows: none of {jobs} is it. The key answers this for 24 hours; to submit the item again, "
    "make sure that no request with the key is still running, and use another key"
)
_UNKNOWN: Final = "it is not known whether the job was queued: {reason}. To submit it under another key may make a second job"


@define
class JobsOfBatch:
    """Which jobs the items of one batch have, so that none is given to two."""

    _repeated: dict[int, datetime] = field(factory=dict[int, datetime])
    """By position: when the jobs were queued that the server repeated from an earlier run."""
    _ids: set[str] = field(factory=set[str])
    _looked_up: dict[str, int] = field(factory=dict[str, int])
    """The positions of the items that were given a job that was looked up, by the job's id."""
    _lock: threading.Lock = field(factory=threading.Lock)

    def give(self, position: int, result: Result[Job]) -> Result[Job]:
        """An item's own result; an error where its job was given to a stuck item that is like it."""
        if isinstance(result, Err):
            return result
        with self._lock:
            other = self._looked_up.get(result.data.id, position)
            self._ids.add(result.data.id)
            if result.meta.idempotency_replayed:
                self._repeated[position] = result.data.created_at
        if other == position:
            return result
        reason = f"its job {result.data.id} was taken for that of item {other}, which is the same and whose key is stuck"
        return Err(Conflict(_UNKNOWN.format(reason=reason), job_id=result.data.id, attempts=result.meta.attempts), result.meta)

    def give_looked_up(self, position: int, job: Job) -> bool:
        """Whether a job that was found may be this item's: no other one has it."""
        with self._lock:
            if job.id in self._ids:
                return False
            self._ids.add(job.id)
            self._looked_up[job.id] = position
            return True

    def is_taken(self, job_id: str) -> bool:
        """Whether an item has this job."""
        return job_id in self._ids

    def window(self, position: int, utc: datetime) -> tuple[datetime, datetime | None]:
        """The earliest time at which an item's job can have been queued, and when its neighbour's was, as far as it is known."""
        with self._lock:
            queued = dict(self._repeated)
        if not queued:
            return utc - KEYS_LAST, None
        nearest = min(queued, key=lambda other: abs(other - position))
        return max(min(queued.values()) - BEFORE_BATCH, utc - KEYS_LAST), queued[nearest]


@frozen
class _Listed:
    """The jobs that may be the item's, and whether the list was read to its end."""

    jobs: list[Job]
    since: datetime
    complete: bool
    meta: Meta

    def __str__(self) -> str:
        return f"{len(self.jobs)} jobs like it since {self.since.isoformat(timespec='seconds')}"


def is_stuck(result: Result[Job]) -> bool:
    """Whether the key of a submit stayed in progress, however often it was sent."""
    return isinstance(result, Err) and isinstance(result.error, Conflict) and result.error.code == IN_PROGRESS


def look_up(context: CallContext, operation: Operation[Job], stuck: Err, jobs: JobsOfBatch, position: int) -> Plan[Result[Job]]:
    """The job of a submit whose key is stuck; else the error, with what is known of it."""
    now = yield from read_clock()
    context = context.restarted(now.monotonic)
    submitted = cast("dict[str, Any]", msgspec.json.decode(operation.request["content"]))
    since, near = jobs.window(position, now.utc)
    listed = yield from _list(context, submitted, since, jobs)
    if isinstance(listed, Err):
        return _failed(stuck, f"the list could not be read: {listed.error.message}", stuck.meta.plus(listed.meta))
    ordered = listed.jobs if near is None else sorted(listed.jobs, key=lambda job: abs(job.created_at - near))
    matches, unread, meta = yield from _matching(context, ordered, submitted, listed.meta.plus(stuck.meta))
    if len(matches) == 1 and jobs.give_looked_up(position, matches[0]):
        return Ok(matches[0], with_note(meta, FOUND.format(jobs=listed)))
    if len(matches) > 1:
        return _failed(stuck, f"several jobs are like it, {' and '.join(job.id for job in matches)} among them", meta)
    if unread or not listed.complete:
        return _failed(stuck, f"none of {len(ordered) - unread} jobs that were read is it, but there are more", meta)
    return Err(stuck.error.with_(message=_STUCK, hint=_ABSENT.format(jobs=listed), retryable=False, attempts=meta.attempts), meta)


def _failed(stuck: Err, reason: str, meta: Meta) -> Err:
    hint = _UNKNOWN.format(reason=reason)
    return Err(stuck.error.with_(message=_STUCK, hint=hint, retryable=False, attempts=meta.attempts), meta)


def _list(context: CallContext, submitted: Mapping[str, Any], since: datetime, taken: JobsOfBatch) -> Plan[_Listed | Err]:
    """The jobs of the list that agree with what was submitted, newest first, without those that another item has."""
    found: dict[str, Job] = {}
    meta, complete = Meta(), False
    filters = operations.Filters(job_name=submitted["job_name"])
    for number in range(MAX_PAGES):
        page = yield from exchange(context, operations.list_(operations.page(filters, PAGE_SIZE, number * PAGE_SIZE)))
        meta = page.meta.plus(meta)
        if isinstance(page, Err):
            return Err(page.error, meta)
        found |= {job.id: job for job in page.data if job.created_at >= since and _agrees(job, submitted) and not taken.is_taken(job.id)}
        complete = len(page.data) < PAGE_SIZE or page.data[-1].created_at < since
        if complete:
            break
    return _Listed([*found.values()], since, complete, meta)


def _agrees(job: Job, submitted: Mapping[str, Any]) -> bool:
    """Whether a job from the list may be the one that was submitted; its payload is not in the list."""
    moment = submitted.get("scheduled_at")
    user = submitted.get("on_behalf_of")
    return (
        job.job_name == submitted["job_name"]
        and submitted.get("namespace") in {None, job.namespace}
        and job.priority == (submitted.get("priority") or 0)
        and job.scheduled_at == (None if moment is None else datetime.fromisoformat(moment))
        and (user is None or job.created_by == user["user_id"])
    )


def _matching(context: CallContext, jobs: list[Job], submitted: Mapping[str, Any], meta: Meta) -> Plan[tuple[list[Job], int, Meta]]:
    """The jobs with the payload that was submitted, two at most; how many could not be read; and what it took."""
    matches, unread = list[Job](), max(0, len(jobs) - MAX_READS)
    for job in jobs[:MAX_READS]:
        found = yield from read_job(context, operations.get(job.id))
        meta = found.meta.plus(meta)
        if isinstance(found, Err):
            unread += 1
        elif same_json(found.data.payload, submitted.get("payload")):
            matches.append(found.data)
            if len(matches) > 1:
                break
    return matches, unread, meta


def same_json(first: object, second: object) -> bool:
    """Whether two JSON values are the same to a server that keeps numbers as PostgreSQL does: 1.0 is 1, but true is not 1."""
    try:
        return msgspec.json.encode(_normal(first), order="sorted") == msgspec.json.encode(_normal(second), order="sorted")
    except RecursionError:
        return False


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_normal(each) for each in cast("list[object]", value)]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _SAFE_INTEGER:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return float(value)
    return value
