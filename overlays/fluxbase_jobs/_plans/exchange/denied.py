"""A 404 for a job that exists: what April 2026 servers answer on a database connection that a signed-in user's request has spoiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from attrs import evolve

from ..._context.call_context import CallContext
from ..._operations import jobs as operations
from ..._operations.jobs import Filters
from ..._operations.operation import KEY_HEADER, Operation, derived
from ...errors import NotFound
from ...models.jobs import Job
from ...result import Err, Meta, Ok, Result
from .explain import not_allowed, with_reason
from .request import after, exchange
from .steps import Plan, pause

T = TypeVar("T")

PAGE_SIZE: Final = 200
MAX_PAGES: Final = 5
RETRY_DELAYS: Final = (0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.0)
"""Seconds before each further attempt to change or read a job that the server denies: each may meet another database connection."""
DENIAL: Final = "Job not found"
UNSURE: Final = (
    "is the id right? April 2026 servers may also answer so for a job that exists, until they are restarted: call jobs.list to make sure"
)
DENIED: Final = (
    "the job exists, as the list shows: the server denies it on a database connection that a request of a signed-in user has spoiled "
    "(April 2026 servers do). Try again; a restart of the server cures it"
)


def read_job(context: CallContext, read: Operation[Job]) -> Plan[Result[Job]]:
    """Read a job. Where the server denies one that this client has seen, it is taken from the list: without its payload."""
    found = yield from exchange(context, read)
    if isinstance(found, Ok) or not _denies(found):
        return found
    return (yield from _from_list(context, read.job_id, found))


def with_denied(result: Result[Job], denied: int) -> Result[Job]:
    """The result of a longer call, which was told so many times that its job does not exist."""
    if denied == result.meta.false_not_found:
        return result
    meta = evolve(result.meta, false_not_found=denied)
    return Ok(result.data, meta) if isinstance(result, Ok) else Err(result.error, meta)


def read_whole_job(context: CallContext, read: Operation[Job]) -> Plan[Result[Job]]:
    """Read a job with its payload, which the list lacks: where the server denies one that this client has seen, it is read again."""
    found = yield from exchange(context, read)
    if isinstance(found, Ok) or not _denies(found):
        return found
    listed = yield from _from_list(context, read.job_id, found)
    if isinstance(listed, Err) or not listed.data.is_terminal:
        return listed
    return (yield from _again(context, lambda _: read, found, listed.meta))


def change_job(
    context: CallContext, change: Operation[None], read: Operation[Job], reason_of: Callable[[Job], str | None]
) -> Plan[Result[None]]:
    """Change a job; where that fails, with the reason that the job's state shows. The admins' endpoints deny jobs as the users' do."""
    done = yield from _change(context, change, reason_of)
    return done if isinstance(done, Ok) else (yield from with_reason(done, read_job(context, read), reason_of))


def _change(context: CallContext, change: Operation[None], reason_of: Callable[[Job], str | None]) -> Plan[Result[None]]:
    """Send a change. Where the server denies one that this client has seen, and that is in the list, the change is tried again.

    Each time under another idempotency key: the server repeats a 404 for a day. Where the list shows the job in a state in which the change
    is not allowed, `reason_of` says so, and no attempt would help.
    """
    done = yield from exchange(context, change)
    if isinstance(done, Ok) or not _denies(done):
        return done
    listed = yield from _from_list(context, change.job_id, done)
    if isinstance(listed, Err):
        error = listed.error if isinstance(listed.error, NotFound) else done.error
        return Err(error.with_(attempts=listed.meta.attempts), listed.meta)
    refused = not_allowed(listed, done.error, reason_of)
    if refused is not None:
        return refused
    key = change.request["headers"][KEY_HEADER]
    return (yield from _again(context, lambda number: change.with_key(derived(key, f"~404.{number}")), done, listed.meta))


def _again(context: CallContext, attempt: Callable[[int], Operation[T]], denied: Err, meta: Meta) -> Plan[Result[T]]:
    """Send a request again that was denied, until it is not: each attempt may meet another database connection."""
    for number, delay in enumerate(RETRY_DELAYS):
        now = yield from pause(delay)
        if now.monotonic >= context.deadline:
            break
        again = after(meta, (yield from exchange(context, attempt(number))))
        if isinstance(again, Ok) or not _denies(again):
            return again
        meta = evolve(again.meta, false_not_found=again.meta.false_not_found + 1)
    return Err(denied.error.with_(hint=DENIED, retryable=True, attempts=meta.attempts), meta)


def _denies(result: Err) -> bool:
    """Whether a result is the server's own 404 for a job, and not one of a proxy, or for something else."""
    return isinstance(result.error, NotFound) and result.error.message == DENIAL


def _from_list(context: CallContext, job_id: str | None, denied: Err) -> Plan[Result[Job]]:
    """The job as the list has it; the 404 where it is not there, or was never seen by this client."""
    seen = context.client.memory.seen(job_id)
    if seen is None:
        return Err(denied.error.with_(hint=denied.error.hint or UNSURE), denied.meta)
    meta = denied.meta
    for number in range(MAX_PAGES):
        page = operations.page(Filters(job_name=seen.job_name, include_result=True), PAGE_SIZE, number * PAGE_SIZE)
        listed = yield from exchange(context, operations.list_(page))
        meta = listed.meta.plus(meta)
        if isinstance(listed, Err):
            error = listed.error if listed.error.retryable else denied.error
            return Err(error.with_(job_id=job_id, attempts=meta.attempts), meta)
        for job in listed.data:
            if job.id == job_id:
                return Ok(job, evolve(meta, false_not_found=meta.false_not_found + 1))
        if len(listed.data) < PAGE_SIZE or listed.data[-1].created_at < seen.created_at:
            break
    return Err(denied.error.with_(attempts=meta.attempts), meta)
