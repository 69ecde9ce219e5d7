"""Following a job's log, live, until the job has ended and its log is complete."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

from attrs import define, field, frozen

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.operation import Operation
from .._operations.readers import RESULT_LINE
from .._validation import arguments
from ..errors import InvalidInput
from ..models.jobs import Job, LogLine
from ..policies.poll import PollPolicy
from ..result import Err, Ok, Result
from .exchange.request import exchange
from .exchange.steps import Emit, Instant, Invoke, Plan, Stream, read_clock
from .polling import WaitOptions, is_refused, is_transient, pause_until_next_poll, wait_refused, wait_timeout

DRAIN_SECONDS: Final = 2.5
"""Seconds after a job's end during which lines may still come: the server writes its log each second."""
DRAIN_POLLS: Final = 3
"""How often the log is read in that time."""
LOG_COMPLETE_AFTER: Final = 60.0
"""Seconds since a job's end after which its log is complete, however wrong our clock is."""
POLL: Final = PollPolicy(initial=0.75)
"""Each poll takes two requests, and the server allows 100 a minute."""
LEVELS: Final = {
    "trace": logging.DEBUG - 5,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}


@define
class _LogCursor:
    """Which lines of a log are new.

    Line numbers go on over a retry and start from 1 again after a restart of the server. So a new attempt is read from its first line on,
    and each line's id is remembered.
    """

    first: int
    after: int
    started_at: datetime | None = None
    attempted: bool = False
    """Whether the job is known to have begun an attempt."""
    restarted: bool = False
    """Whether it has begun another one since."""
    seen: set[str] = field(factory=set[str])

    def observe(self, job: Job) -> None:
        """Go back to the start where the job has begun another attempt since the last poll."""
        if self.attempted and job.started_at not in {None, self.started_at}:
            self.after, self.restarted = 0, True
        self.attempted = self.attempted or job.started_at is not None or job.retry_count > 0 or bool(self.seen)
        self.started_at = job.started_at or self.started_at

    def new_lines(self, lines: list[LogLine]) -> list[LogLine]:
        """The new ones of these lines, in order, without the protocol's own."""
        fresh = [line for line in lines if line.id not in self.seen and self._wanted(line)]
        self.seen.update(line.id for line in lines)
        # An earlier attempt may have more lines than this one: its numbers say nothing about what is still to come.
        self.after = max([self.after, *(line.line_number or 0 for line in lines if self.started_at is None or self._of_this_attempt(line))])
        # The server sorts by number; where those began from 1 again, attempts are mixed.
        return sorted((line for line in fresh if not line.message.startswith(RESULT_LINE)), key=self._of_this_attempt)

    def _wanted(self, line: LogLine) -> bool:
        """Whether a line comes after the one that the caller named, or belongs to an attempt that began since."""
        return (line.line_number or 0) > self.first or (self.restarted and self._of_this_attempt(line))

    def _of_this_attempt(self, line: LogLine) -> bool:
        return self.started_at is not None and line.timestamp >= self.started_at


@frozen
class _Snapshot:
    """A job and the new lines of its log, as one poll showed them."""

    job: Job | None
    result: Result[Any]
    """Of the last request."""
    lines: Sequence[LogLine] = ()


def tail(context: CallContext, job_id: object, after_line: object, options: WaitOptions, to_logger: object) -> Stream[Result[LogLine]]:
    """Each line of a job's log once, in order; after the last one an end, or an error."""
    waiting, logger = options.checked(), _logger(to_logger)
    read = operations.get(job_id)
    first = arguments.integer("after_line", after_line, 0)
    cursor = _LogCursor(first, first)
    now = yield from read_clock()
    end, interval, complete_at = now.monotonic + waiting.timeout, None, None
    job: Job | None = None
    snapshot = _Snapshot(None, Ok(None))
    while now.monotonic < end:
        began = now
        snapshot = yield from _poll(context, read, cursor, began, end)
        if isinstance(snapshot.result, Err) and not is_transient(snapshot.result.error):
            yield Emit(snapshot.result)
            return
        for line in snapshot.lines:
            yield from _log(logger, line)
            yield Emit(Ok(line, snapshot.result.meta))
        now = yield from read_clock()
        complete_at, job = _complete_at(complete_at, job, snapshot.job, began, now), snapshot.job or job
        if complete_at is not None and began.monotonic >= complete_at and snapshot.result.ok:
            return
        if isinstance(snapshot.result, Err) and is_refused(snapshot.result, now, end):
            yield Emit(Err(wait_refused(read.job_id, job, snapshot.result.error, end - now.monotonic)))
            return
        interval = (
            DRAIN_SECONDS / DRAIN_POLLS if complete_at else POLL.interval(interval, job, now.utc, now.random, changed=bool(snapshot.lines))
        )
        now = yield from pause_until_next_poll(interval, snapshot.result, now, end)
    if complete_at is None or not snapshot.result.ok:
        yield Emit(Err(wait_timeout(read.job_id, job, waiting.timeout)))


def _poll(context: CallContext, read: Operation[Job], cursor: _LogCursor, now: Instant, end: float) -> Plan[_Snapshot]:
    """Read the job first, then its log: so the log that is read after an ended job was read holds all that there was then."""
    found = yield from exchange(context.until(end, now.monotonic), read, now)
    if isinstance(found, Err):
        return _Snapshot(None, found)
    cursor.observe(found.data)
    now = yield from read_clock()
    lines = yield from exchange(context.until(end, now.monotonic), operations.logs(read.job_id, cursor.after), now)
    return _Snapshot(found.data, lines, cursor.new_lines(lines.data) if isinstance(lines, Ok) else ())


def _complete_at(known: float | None, before: Job | None, job: Job | None, began: Instant, now: Instant) -> float | None:
    """When the log is complete, on the monotonic clock; None while the job goes on."""
    if job is None or not job.is_terminal:
        return known if job is None else None
    if known is not None:
        return known
    long_ago = job.completed_at is not None and (now.utc - job.completed_at).total_seconds() > LOG_COMPLETE_AFTER
    return began.monotonic if before is None and long_ago else now.monotonic + DRAIN_SECONDS


def _log(logger: logging.Logger | None, line: LogLine) -> Plan[None]:
    if logger is not None:
        yield Invoke(partial(logger.log, LEVELS.get(line.level, logging.INFO), "%s", line.message))


def _logger(given: object) -> logging.Logger | None:
    if given is None or arguments.is_a(given, logging.Logger):
        return cast("logging.Logger | None", given)
    raise InvalidInput("to_logger must be a logging.Logger")
