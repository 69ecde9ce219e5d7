"""Reading the log of a job, which the server writes up to two seconds after the job, or hides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.readers import RESULT_LINE, is_servers_own_line
from .._validation import arguments
from ..models.jobs import Job, LogLine
from ..models.wire_value import WireList
from ..result import Err, Ok, Result
from .exchange.causes import BARE_FAILURE, of_last_attempt, returned
from .exchange.denied import UNSURE, read_job
from .exchange.request import after, exchange
from .exchange.steps import Instant, Plan, pause, read_clock
from .log_lines import merged, missing_note, number_of
from .polling import is_empty, seconds_since, with_note

LAG_SECONDS: Final = 2.0
"""Seconds after a job's end within which its last lines are written."""
LAG_POLL: Final = 0.5
KEPT: Final = timedelta(days=29)
"""The server keeps logs for 30 days."""
FRESH_SECONDS: Final = 3.0
"""A log that is shown within so many seconds after it was written was not written before the server's last start, which takes longer."""
UNKNOWN: Final = "the job completed with {}: whether that is its result, or the server lost it, is not known, as the server did not show the log to the end"
DENIED: Final = "Failed to get job"
"""What a server that denies a job (see `denied`) answers where its log is read."""
DENIED_ATTEMPTS: Final = 3


def logs(context: CallContext, job_id: object, after_line: object) -> Plan[Result[list[LogLine]]]:
    """The lines of a job's log after a line number, with those that this client heard on its socket."""
    operation = operations.logs(job_id, after_line)
    first = arguments.integer("after_line", after_line, 0)
    read = yield from read_lines(context, str(operation.job_id), first)
    if isinstance(read, Err) or first or (read.data and not (yield from _may_lack_lines(context, str(operation.job_id), read))):
        return read
    found = yield from read_job(context, operations.get(job_id))
    if isinstance(found, Err) or not found.data.is_terminal:
        return Ok(read.data, read.meta.plus(found.meta))
    return after(found.meta, (yield from log_of_ended(context, found, read)))


def _may_lack_lines(context: CallContext, job_id: str, read: Ok[list[LogLine]]) -> Plan[bool]:
    """Whether the last lines may not be written yet: the client has seen the job end just now, and its result is not in the log."""
    seen = context.client.memory.seen(job_id)
    if seen is None or seen.completed_at is None or any(line.message.startswith(RESULT_LINE) for line in read.data):
        return False
    now = yield from read_clock()
    return seconds_since(seen.completed_at, read.meta, now) < LAG_SECONDS


def log_of_ended(context: CallContext, ended: Ok[Job], before: Ok[list[LogLine]] | None = None) -> Plan[Result[list[LogLine]]]:
    """The log of an ended job, read until it has the line with the result or is complete. `meta.logs_hidden` where it is not shown.

    A read that fails loses no lines that an earlier one, such as `before`, has brought: they come with `meta.logs_error`.
    """
    job, memory = ended.data, context.client.memory
    now = yield from read_clock()
    complete_at = now.monotonic + max(0.0, LAG_SECONDS - _age(ended, now))
    while True:
        read, shown = yield from _read(context, job.id, 0)
        if before is not None:
            read = after(evolve(before.meta, notes=()), read)  # what was said of fewer lines is out of date
        error = read.error or read.meta.logs_error
        if error is not None and before is not None and before.data:
            return Ok(_jobs_own(merged(before.data, read.data or ())), evolve(read.meta, logs_error=error))
        if isinstance(read, Err):
            return read
        now = yield from read_clock()
        if _is_complete(read.data, job) or now.monotonic >= complete_at or (not shown and memory.shows_logs is False):
            break
        before = read
        yield from pause(min(LAG_POLL, complete_at - now.monotonic))
    if shown or memory.shows_logs or not _must_have_lines(job, now):
        return read
    memory.shows_logs = False
    return Ok(read.data, evolve(read.meta, logs_hidden=True))


def _is_complete(lines: Sequence[LogLine], job: Job) -> bool:
    """Whether no line is worth waiting for: the last one is there, or the job was cancelled, so that no result will ever be written."""
    if job.status == "cancelled":
        return bool(lines) or job.started_at is None
    return has_result(lines, job)


def read_lines(context: CallContext, job_id: str, after_line: int) -> Plan[Result[list[LogLine]]]:
    """The lines that the server shows and those that were heard, each once. The server's own lines are left out."""
    read, _ = yield from _read(context, job_id, after_line)
    return read


def _read(context: CallContext, job_id: str, after_line: int) -> Plan[tuple[Result[list[LogLine]], datetime | None]]:
    """The lines, and of when the last one is that the server shows over HTTP, be it one of its own; None where it shows none."""
    operation, memory = operations.logs(job_id, after_line), context.client.memory
    read = yield from exchange(context, operation)
    for _ in range(DENIED_ATTEMPTS - 1):
        if isinstance(read, Ok) or read.error.message != DENIED or memory.seen(job_id) is None:
            break
        yield from pause(LAG_POLL / 2)
        denied = evolve(read.meta, false_not_found=read.meta.false_not_found + 1)
        read = after(denied, (yield from exchange(context, operation)))
    heard = [line for line in memory.heard(job_id) if number_of(line) > after_line]
    if isinstance(read, Err):
        if read.error.message == DENIED and not read.error.hint:
            read = Err(read.error.with_(hint=UNSURE), read.meta)
        return (Ok(_jobs_own(heard), evolve(read.meta, logs_error=read.error)) if heard else read), None
    shown, lines = max((line.timestamp for line in read.data), default=None), _jobs_own(merged(read.data, heard))
    now = yield from read_clock()
    if shown is not None and seconds_since(shown, read.meta, now) < FRESH_SECONDS:
        memory.shows_logs = True
    elif shown:
        memory.shows_logs = memory.shows_logs or None
    if not heard or shown or memory.shows_logs:
        return Ok(lines, read.meta), shown
    notes = (*read.meta.notes, *missing_note(heard, after_line, memory.kept(job_id)))
    return Ok(lines, evolve(read.meta, logs_hidden=True, notes=notes)), shown


def with_result_lost(context: CallContext, ended: Ok[Job]) -> Plan[Ok[Job]]:
    """The ended job, with whether the server has lost its result: `completed` with `{}`, and no such result in its log.

    A log with no line since the job's last start shows nothing where the server may hide it, unless all of it came over the WebSocket.
    """
    job, memory = ended.data, context.client.memory
    if not is_empty(job):
        return ended
    lost = _is_lost(memory.heard(job.id), job)
    if lost is not None:
        return Ok(job, evolve(ended.meta, result_lost=lost))
    read, shown = yield from _read(context, job.id, 0)
    if isinstance(read, Ok) and (shown or memory.shows_logs) and not has_result(read.data, job):
        read = yield from log_of_ended(context, ended, read)
    if isinstance(read, Err):
        return Ok(job, with_note(ended.meta.plus(read.meta), UNKNOWN))
    lost = _is_lost(merged(read.data, memory.heard(job.id)), job)
    last = max((line.timestamp for line in read.data), default=shown)
    is_shown = memory.shows_logs or (shown is not None and last is not None and (job.started_at is None or last >= job.started_at))
    if lost is None and ((read.meta.logs_error is None and is_shown) or memory.heard_all(job.id)):
        lost = True
    meta = evolve(ended.meta.plus(read.meta), result_lost=lost)
    return Ok(job, with_note(meta, UNKNOWN) if lost is None else meta)


def has_result(lines: Sequence[LogLine], job: Job) -> bool:
    """Whether the last attempt of a job has written its result."""
    return bool(_result_lines(lines, job))


def _is_lost(lines: Sequence[LogLine], job: Job) -> bool | None:
    """Whether the result that the last attempt has written is another one than the `{}` of its job; None where it is not among the lines.

    A busy server may give up reading, complete the job, and log the rest, its result too, only then.
    """
    results = _result_lines(lines, job)
    return bool(returned(results[-1])) if results else None


def _result_lines(lines: Sequence[LogLine], job: Job) -> list[str]:
    return [line.message for line in lines if line.message.startswith(RESULT_LINE) and of_last_attempt(line, job)]


def _jobs_own(lines: Sequence[LogLine]) -> list[LogLine]:
    return WireList(line for line in lines if not is_servers_own_line(line))


def _must_have_lines(job: Job, now: Instant) -> bool:
    """Whether there must be a log: a job that returned or threw has written that into it, and the server keeps it for a while."""
    ended = job.status == "completed" or job.error_message == BARE_FAILURE
    return ended and (job.completed_at is None or now.utc - job.completed_at < KEPT)


def _age(ended: Ok[Job], now: Instant) -> float:
    """The seconds since a job's end; zero where that is not known."""
    completed_at = ended.data.completed_at
    return 0.0 if completed_at is None else seconds_since(completed_at, ended.meta, now)
