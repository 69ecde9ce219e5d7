"""Following a job's log, live, until the job has ended and its log is complete."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from typing import Final

from attrs import define, field

from .. import _arguments as arguments
from .._operations import jobs as operations
from .._session import Session
from ..errors import InvalidInput
from ..models import Job, LogLine
from ..poll import PollPolicy
from ..result import Err, Ok, Result
from .exchange import exchange, refusing_stream
from .steps import Ask, Emit, Plan, Stream, now
from .waiting import RESULT_LINE
from .watching import Patience, late, passing, rest

DRAIN: Final = 2.5
"""Seconds after a job's end during which lines may still come: the server writes its log each second (CONTRACT 3)."""
DRAINING: Final = PollPolicy(initial=0.5, factor=1.0, jitter=0.0)
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
    seen: set[str] = field(factory=set[str])

    def note(self, job: Job) -> None:
        """Go back to the start where the job has begun another try."""
        if self.started_at is not None and job.started_at not in {None, self.started_at}:
            self.after = 0
        self.started_at = job.started_at or self.started_at

    def take(self, lines: list[LogLine]) -> list[LogLine]:
        """The new ones of these lines, in order, without the protocol's own."""
        fresh = [line for line in lines if line.id not in self.seen and self._wanted(line)]
        self.seen.update(line.id for line in lines)
        self.after = max([self.after, *(line.line_number or 0 for line in lines)])
        return [line for line in fresh if not line.message.startswith(RESULT_LINE)]

    def _wanted(self, line: LogLine) -> bool:
        """Whether a line lies behind the one that the caller named, or belongs to a try that began since."""
        return (line.line_number or 0) > self.first or (self.started_at is not None and line.timestamp >= self.started_at)


@refusing_stream
def tail(session: Session, job_id: object, after_line: object, patience: Patience, to_logger: object) -> Stream[Result[LogLine]]:
    """Each line of a job's log once, in order; after the last one an end, or an error."""
    timeout, logger = patience.checked(), _logger(to_logger)
    reading = operations.get(job_id)
    first = arguments.integer("after_line", after_line, 0)
    cursor = _Cursor(first, first)
    instant = yield from now()
    end, interval, drained_at = instant.monotonic + timeout, None, None
    job: Job | None = None
    while instant.monotonic < end and (drained_at is None or instant.monotonic < drained_at):
        brief = session.within(end - instant.monotonic)
        looked: Result[Job] | Result[list[LogLine]] = yield from exchange(brief, reading)
        lines: list[LogLine] = []
        if isinstance(looked, Ok):
            job = looked.data
            cursor.note(job)
            looked = yield from exchange(brief, operations.logs(job_id, cursor.after))
            lines = cursor.take(looked.data) if isinstance(looked, Ok) else []
        if isinstance(looked, Err) and not passing(looked.error):
            yield Emit(looked)
            return
        for line in lines:
            yield from _told(logger, line)
            yield Emit(Ok(line, looked.meta))
        instant = yield from now()
        if drained_at is None and job is not None and job.is_terminal:
            drained_at = instant.monotonic + _lag(job, instant.utc)
        poll = POLL if drained_at is None else DRAINING
        interval = poll.interval(interval, job, instant.utc, instant.dice, changed=bool(lines))
        if drained_at is None or instant.monotonic < drained_at:
            instant = yield from rest(interval, looked, instant, end)
    if drained_at is None:
        yield Emit(Err(late(reading.job_id, job, timeout)))


def _lag(job: Job, utc: datetime) -> float:
    """Seconds for which lines of an ended job may still come."""
    if job.completed_at is None:
        return DRAIN
    return max(0.0, DRAIN - max(0.0, (utc - job.completed_at).total_seconds()))


def _told(logger: logging.Logger | None, line: LogLine) -> Plan[None]:
    if logger is not None:
        yield Ask(partial(logger.log, LEVELS.get(line.level, logging.INFO), "%s", line.message))


def _logger(given: object) -> logging.Logger | None:
    if given is None or isinstance(given, logging.Logger):
        return given
    raise InvalidInput("to_logger must be a logging.Logger")
