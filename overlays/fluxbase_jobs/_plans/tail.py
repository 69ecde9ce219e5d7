"""Following a job's log, live, until the job has ended and its log is complete."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from attrs import define, field, frozen

from .._context.call_context import Session
from .._operations import jobs as operations
from .._operations.operation import Operation
from .._validation import arguments
from ..errors import InvalidInput
from ..models.jobs import Job, LogLine
from ..policies.poll import PollPolicy
from ..result import Err, Ok, Result
from .exchange import exchange, refusing_stream
from .steps import Ask, Emit, Instant, Plan, Stream, now
from .wait import RESULT_LINE
from .watch import Patience, late, passing, rest

DRAIN: Final = 2.5
"""Seconds after a job's end during which lines may still come: the server writes its log each second."""
LOOKS: Final = 3
"""So many looks in that time."""
LONG_AGO: Final = 60.0
"""Seconds since a job's end after which its log is complete, however wrong our clock is."""
POLL: Final = PollPolicy(initial=0.75)
"""Each look takes two requests, and the server allows 100 a minute."""
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
class _Cursor:
    """Which lines are new.

    Numbers go on over a retry and start anew after a restart of the server, so a new try is read from its first line on, and each line's
    id is remembered.
    """

    first: int
    after: int
    started_at: datetime | None = None
    tried: bool = False
    """Whether the job is known to have begun a try."""
    anew: bool = False
    """Whether it has begun another one since."""
    seen: set[str] = field(factory=set[str])

    def note(self, job: Job) -> None:
        """Go back to the start where the job has begun another try since the last look."""
        if self.tried and job.started_at not in {None, self.started_at}:
            self.after, self.anew = 0, True
        self.tried = self.tried or job.started_at is not None or job.retry_count > 0 or bool(self.seen)
        self.started_at = job.started_at or self.started_at

    def take(self, lines: list[LogLine]) -> list[LogLine]:
        """The new ones of these lines, in order, without the protocol's own."""
        fresh = [line for line in lines if line.id not in self.seen and self._wanted(line)]
        self.seen.update(line.id for line in lines)
        # An earlier try may have come further than this one: its numbers say nothing about what is still to come.
        self.after = max([self.after, *(line.line_number or 0 for line in lines if self.started_at is None or self._of_this_try(line))])
        # The server sorts by number; where those began anew, tries are mixed.
        return sorted((line for line in fresh if not line.message.startswith(RESULT_LINE)), key=self._of_this_try)

    def _wanted(self, line: LogLine) -> bool:
        """Whether a line lies behind the one that the caller named, or belongs to a try that began since."""
        return (line.line_number or 0) > self.first or (self.anew and self._of_this_try(line))

    def _of_this_try(self, line: LogLine) -> bool:
        return self.started_at is not None and line.timestamp >= self.started_at


@frozen
class _Look:
    """One look at a job and its log."""

    job: Job | None
    outcome: Result[Any]
    """Of the last request."""
    lines: Sequence[LogLine] = ()


@refusing_stream
def tail(session: Session, job_id: object, after_line: object, patience: Patience, to_logger: object) -> Stream[Result[LogLine]]:
    """Each line of a job's log once, in order; after the last one an end, or an error."""
    timeout, logger = patience.checked(), _logger(to_logger)
    reading = operations.get(job_id)
    first = arguments.integer("after_line", after_line, 0)
    cursor = _Cursor(first, first)
    instant = yield from now()
    end, interval, complete_at = instant.monotonic + timeout, None, None
    job: Job | None = None
    look = _Look(None, Ok(None))
    while instant.monotonic < end:
        began = instant
        look = yield from _look(session, reading, cursor, began, end)
        if isinstance(look.outcome, Err) and not passing(look.outcome.error):
            yield Emit(look.outcome)
            return
        for line in look.lines:
            yield from _told(logger, line)
            yield Emit(Ok(line, look.outcome.meta))
        instant = yield from now()
        complete_at, job = _complete_at(complete_at, job, look.job, began, instant), look.job or job
        if complete_at is not None and began.monotonic >= complete_at and look.outcome.ok:
            return
        interval = DRAIN / LOOKS if complete_at else POLL.interval(interval, job, instant.utc, instant.random, changed=bool(look.lines))
        instant = yield from rest(interval, look.outcome, instant, end)
    if complete_at is None or not look.outcome.ok:
        yield Emit(Err(late(reading.job_id, job, timeout)))


def _look(session: Session, reading: Operation[Job], cursor: _Cursor, began: Instant, end: float) -> Plan[_Look]:
    """The job first, then its log: so the log that is read after an ended job was read holds all that there was then."""
    found = yield from exchange(session.within(end - began.monotonic), reading)
    if isinstance(found, Err):
        return _Look(None, found)
    cursor.note(found.data)
    instant = yield from now()
    read = yield from exchange(session.within(end - instant.monotonic), operations.logs(reading.job_id, cursor.after))
    return _Look(found.data, read, cursor.take(read.data) if isinstance(read, Ok) else ())


def _complete_at(known: float | None, before: Job | None, job: Job | None, began: Instant, instant: Instant) -> float | None:
    """From when on a reading of the log shows all of it; None while the job goes on."""
    if job is None or not job.is_terminal:
        return known if job is None else None
    if known is not None:
        return known
    long_ago = job.completed_at is not None and (instant.utc - job.completed_at).total_seconds() > LONG_AGO
    return began.monotonic if before is None and long_ago else instant.monotonic + DRAIN


def _told(logger: logging.Logger | None, line: LogLine) -> Plan[None]:
    if logger is not None:
        yield Ask(partial(logger.log, LEVELS.get(line.level, logging.INFO), "%s", line.message))


def _logger(given: object) -> logging.Logger | None:
    if given is None or isinstance(given, logging.Logger):
        return given
    raise InvalidInput("to_logger must be a logging.Logger")
