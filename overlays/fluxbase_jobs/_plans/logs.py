"""Reading the log of a job, which the server writes up to two seconds after the job, or hides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from attrs import evolve

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.readers import RESULT_LINE, is_servers_own_line
from ..models.jobs import Job, LogLine
from ..result import Err, Ok, Result
from .events import merged
from .exchange.causes import BARE_FAILURE, of_last_attempt
from .exchange.denied import read_job
from .exchange.request import exchange
from .exchange.steps import Instant, Plan, pause, read_clock

LAG_SECONDS: Final = 2.0
"""Seconds after a job's end within which its last lines are written."""
LAG_POLL: Final = 0.5
KEPT: Final = timedelta(days=29)
"""The server keeps logs for 30 days."""
EMPTY_RESULT: Final = "{}"
DENIED: Final = "Failed to get job"
"""What a server that denies a job (see `denied`) answers where its log is read."""
DENIED_ATTEMPTS: Final = 3

Enough = Callable[[Sequence[LogLine]], bool]


def logs(context: CallContext, job_id: object, after_line: object) -> Plan[Result[list[LogLine]]]:
    """The lines of a job's log after a line number, with those that this client heard on its socket."""
    operation = operations.logs(job_id, after_line)
    read = yield from read_lines(context, str(operation.job_id), after_line)
    if isinstance(read, Err) or read.data or after_line:
        return read
    found = yield from read_job(context, operations.get(job_id))
    if isinstance(found, Err) or not found.data.is_terminal:
        return Ok(read.data, read.meta.plus(found.meta))
    ended = yield from log_of_ended(context, found, bool)
    return Ok(ended.data, ended.meta.plus(read.meta)) if isinstance(ended, Ok) else ended


def log_of_ended(context: CallContext, ended: Ok[Job], enough: Enough) -> Plan[Result[list[LogLine]]]:
    """The log of an ended job, read until it is enough or complete. `meta.logs_hidden` where the server does not show it."""
    job, memory = ended.data, context.client.memory
    now = yield from read_clock()
    complete_at = now.monotonic + max(0.0, LAG_SECONDS - _age(ended, now))
    while True:
        read = yield from read_lines(context, job.id, 0)
        if isinstance(read, Err):
            return read
        now = yield from read_clock()
        hidden = not read.data or read.meta.logs_hidden
        if not hidden:
            memory.hides_logs = False
        if enough(read.data) or now.monotonic >= complete_at or (hidden and memory.hides_logs):
            break
        yield from pause(min(LAG_POLL, complete_at - now.monotonic))
    if not hidden or not _must_have_lines(job, now):
        return read
    memory.hides_logs = True
    return Ok(read.data, evolve(read.meta, logs_hidden=True))


def read_lines(context: CallContext, job_id: str, after_line: object) -> Plan[Result[list[LogLine]]]:
    """The lines that the server shows and those that were heard, each once. The server's own lines are left out."""
    operation = operations.logs(job_id, after_line)
    read = yield from exchange(context, operation)
    for _ in range(DENIED_ATTEMPTS - 1):
        if isinstance(read, Ok) or read.error.message != DENIED or context.client.memory.seen(job_id) is None:
            break
        yield from pause(LAG_POLL / 2)
        again = yield from exchange(context, operation)
        meta = evolve(again.meta.plus(read.meta), false_not_found=read.meta.false_not_found + 1)
        read = Ok(again.data, meta) if isinstance(again, Ok) else Err(again.error.with_(attempts=meta.attempts), meta)
    heard = [line for line in context.client.memory.heard(job_id) if (line.line_number or 0) > _number(after_line)]
    if isinstance(read, Err):
        return Ok(_jobs_own(heard), evolve(read.meta, logs_error=read.error)) if heard else read
    lines = _jobs_own(merged(read.data, heard))
    return Ok(lines, evolve(read.meta, logs_hidden=True)) if heard and not read.data else Ok(lines, read.meta)


def with_result_lost(context: CallContext, ended: Ok[Job]) -> Plan[Ok[Job]]:
    """The ended job, with whether the server has lost its result: `completed` with `{}` and no result in its log.

    An empty log shows nothing, as some servers hide theirs.
    """
    job = ended.data
    if not job.succeeded or job.result_text != EMPTY_RESULT:
        return ended
    if has_result(context.client.memory.heard(job.id), job):
        return Ok(job, evolve(ended.meta, result_lost=False))
    read = yield from read_lines(context, job.id, 0)
    if isinstance(read, Ok) and read.data and not has_result(read.data, job):
        read = yield from log_of_ended(context, ended, lambda lines: has_result(lines, job))
    if isinstance(read, Err):
        return Ok(job, ended.meta.plus(read.meta))
    lost = not has_result(read.data, job) if read.data else None
    return Ok(job, evolve(ended.meta.plus(read.meta), result_lost=lost))


def has_result(lines: Sequence[LogLine], job: Job) -> bool:
    """Whether the last attempt of a job has written its result."""
    return any(line.message.startswith(RESULT_LINE) and of_last_attempt(line, job) for line in lines)


def _jobs_own(lines: Sequence[LogLine]) -> list[LogLine]:
    return [line for line in lines if not is_servers_own_line(line)]


def _number(after_line: object) -> int:
    return after_line if isinstance(after_line, int) else 0


def _must_have_lines(job: Job, now: Instant) -> bool:
    """Whether there must be a log: a job that returned or threw has written that into it, and the server keeps it for a while."""
    ended = job.status == "completed" or job.error_message == BARE_FAILURE
    return ended and (job.completed_at is None or now.utc - job.completed_at < KEPT)


def _age(ended: Ok[Job], now: Instant) -> float:
    """The seconds since a job's end, by the server's clock where its response tells the time; else by ours, less a minute that it may be wrong."""
    completed_at = ended.data.completed_at
    if completed_at is None:
        return 0.0
    try:
        moment = parsedate_to_datetime(ended.meta.headers.get("date", ""))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        moment = now.utc - timedelta(minutes=1)
    return max(0.0, (moment - completed_at).total_seconds())
