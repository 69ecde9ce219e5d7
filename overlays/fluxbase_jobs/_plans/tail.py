"""Following a job's log, live, until the job has ended and its log is complete."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeAlias, cast

from attrs import define, field, frozen

from .._context.call_context import CallContext
from .._operations import jobs as operations
from .._operations.operation import Operation
from .._operations.readers import RESULT_LINE, is_servers_own_line
from .._realtime.subscriptions import Subscription
from .._validation import arguments
from ..errors import InvalidInput
from ..models.jobs import Job, LogLine
from ..policies.poll import PollPolicy
from ..result import Err, Ok, Result
from .exchange.causes import of_last_attempt
from .exchange.denied import read_job
from .exchange.request import exchange
from .exchange.steps import Emit, Instant, Invoke, Plan, Step, Stream, read_clock
from .listening import SAFETY_POLL, Event, LineLogged, Linked, applied, changes_come, listen, planned, until_linked, wait_for_events
from .log_lines import GAP_SECONDS, HIDDEN_GAP_SECONDS, LATE_GAP_SECONDS, LineOrder, gap_line, number_of
from .logs import DENIED
from .polling import Waiting, WaitOptions, is_refused, is_transient, wait_refused, wait_timeout, with_note

DRAIN_SECONDS: Final = 2.5
"""Seconds after a job's end during which lines may still come: the server writes its log each second."""
DRAIN_POLLS: Final = 3
"""How often the log is read in that time."""
LOG_COMPLETE_AFTER: Final = 60.0
"""Seconds since a job's end after which its log is complete, however wrong our clock is."""
GAP_POLL: Final = 1.0
"""Seconds before the log is read again where lines are missing: the server writes its log each second."""
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


Spacing: TypeAlias = Callable[[], float]
"""Gives the seconds between two polls at least."""


def no_spacing() -> float:
    """Poll as often as planned."""
    return 0.0


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
    wrote: bool = False
    """Whether the job has written a line."""
    seen: set[str] = field(factory=set[str])

    def observe(self, job: Job) -> None:
        """Go back to the start where the job has begun another attempt since the last poll."""
        if self.attempted and job.started_at not in {None, self.started_at}:
            self.after, self.restarted = 0, True
        self.attempted = self.attempted or job.started_at is not None or job.retry_count > 0 or self.wrote
        self.started_at = job.started_at or self.started_at

    def new_lines(self, lines: list[LogLine]) -> list[LogLine]:
        """The new ones of these lines, in order."""
        fresh = [line for line in lines if line.id not in self.seen and self._wanted(line)]
        self.seen.update(line.id for line in lines)
        self.wrote = self.wrote or not all(is_servers_own_line(line) for line in lines)
        # An earlier attempt may have more lines than this one: its numbers say nothing about what is still to come.
        numbers = [number_of(line) for line in lines if self.started_at is None or self._of_this_attempt(line)]
        self.after = min(max([self.after, *numbers]), arguments.INT32)
        # The server sorts by number; where those began from 1 again, attempts are mixed.
        return sorted(fresh, key=self._of_this_attempt)

    def _wanted(self, line: LogLine) -> bool:
        """Whether a line comes after the one that the caller named, or belongs to an attempt that began since."""
        return number_of(line) > self.first or (self.restarted and self._of_this_attempt(line))

    def _of_this_attempt(self, line: LogLine) -> bool:
        return self.started_at is not None and line.timestamp >= self.started_at


@define
class _Following:
    """The events of a job whose log is followed, and the lines in order. Without a WebSocket lines are given as they are read."""

    source: Subscription | None
    order: LineOrder
    logger: logging.Logger | None = None
    spacing: Spacing = no_spacing
    ended: bool = False
    """Whether the job, by its events, has ended."""
    result: LogLine | None = None
    """The line with the result, if it has come: the last one of an attempt."""
    shown_up_to: int = 0
    """The highest number of a line that the server has shown over HTTP."""

    @property
    def shown(self) -> bool:
        """Whether the server has shown any line over HTTP."""
        return self.shown_up_to > 0

    @property
    def listening(self) -> bool:
        """Whether lines come by themselves."""
        return self.source is not None and self.source.linked.logs

    def take(self, event: Event, job: Job | None, now: float) -> bool:
        """Take an event; whether the job and its log have to be read now."""
        if isinstance(event, Linked):
            return True
        if isinstance(event, LineLogged):
            self.order.add([event.line], now)
            if not event.line.message.startswith(RESULT_LINE):
                return False
            already, self.ended, self.result = self.ended, True, event.line
            return not already
        change = None if job is None else applied(job, event.job)
        ends = change is not None and change.is_terminal and not self.ended
        self.ended = self.ended or ends
        return ends or (change is not None and job is not None and change.retry_count > job.retry_count)

    def heard_all(self, job: Job | None) -> bool:
        """Whether all lines came over the WebSocket."""
        if not self.listening or self.order.has_gap or job is None or self.result is None:
            return False
        return of_last_attempt(self.result, job)

    def close(self) -> None:
        """Receive no more events."""
        if self.source is not None:
            self.source.close()


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
    source = yield from listen(context, [str(read.job_id)], logs=True)
    yield from follow(context, read, waiting, source, first, logger=logger)


def follow(
    context: CallContext,
    read: Operation[Job],
    waiting: Waiting,
    source: Subscription | None,
    first: int = 0,
    *,
    logger: logging.Logger | None = None,
    spacing: Spacing = no_spacing,
) -> Stream[Result[LogLine]]:
    """Each line after the `first` ones, with the events of `source`, which is closed at the end."""
    following = _Following(source, LineOrder(first), logger, spacing)
    try:
        yield from _follow(context, read, waiting, _LogCursor(first, first), following)
    finally:
        following.close()


def _follow(
    context: CallContext, read: Operation[Job], waiting: Waiting, cursor: _LogCursor, following: _Following
) -> Stream[Result[LogLine]]:
    now = yield from read_clock()
    end, interval, complete_at = now.monotonic + waiting.timeout, None, None
    job: Job | None = None
    snapshot = _Snapshot(None, Ok(None))
    now = yield from until_linked(following.source, now, end)
    while now.monotonic < end and not (snapshot.result.ok and _no_more_comes(context, following, complete_at, job, now)):
        began = now
        snapshot = yield from _poll(context, read, cursor, began, end)
        if isinstance(snapshot.result, Err) and not is_transient(snapshot.result.error):
            yield Emit(snapshot.result)
            return
        if cursor.restarted and following.order.not_before != cursor.started_at:
            following.order.restart(cursor.started_at)
        now = yield from read_clock()
        yield from _give(context, following, snapshot, now)
        complete_at, job = _complete_at(complete_at, job, snapshot.job, began, now), snapshot.job or job
        if complete_at is not None and snapshot.result.ok and (began.monotonic >= complete_at or following.heard_all(job)):
            yield from _give(context, following, _Snapshot(None, snapshot.result), now, hold=0.0)
            return
        if isinstance(snapshot.result, Err) and is_refused(snapshot.result, now, end):
            yield Emit(Err(wait_refused(read.job_id, job, snapshot.result.error, end - now.monotonic)))
            return
        interval = (
            DRAIN_SECONDS / DRAIN_POLLS if complete_at else POLL.interval(interval, job, now.utc, now.random, changed=bool(snapshot.lines))
        )
        wait = max(interval, following.spacing())
        if complete_at is not None and following.source is not None and context.client.memory.shows_logs is False:
            wait = max(0.0, complete_at - now.monotonic)
        now = yield from _until_next_poll(context, following, wait, snapshot, job, now=now, end=end)
    yield from _give(context, following, _Snapshot(None, snapshot.result), now, hold=0.0)
    if complete_at is None or not snapshot.result.ok:
        yield Emit(Err(wait_timeout(read.job_id, job, waiting.timeout, snapshot.result, now)))


def _no_more_comes(context: CallContext, following: _Following, complete_at: float | None, job: Job | None, now: Instant) -> bool:
    """Whether another poll would not bring lines: all came over the WebSocket, or whatever comes does, as the server hides its log."""
    if complete_at is None or following.source is None:
        return False
    return following.heard_all(job) or (context.client.memory.shows_logs is False and now.monotonic >= complete_at)


def _give(
    context: CallContext,
    following: _Following,
    snapshot: _Snapshot,
    now: Instant,
    *,
    hold: float | None = None,
) -> Stream[Result[LogLine]]:
    """Emit the lines whose turn it is: with a WebSocket in the order of their numbers, else those that were read."""
    lines: list[tuple[LogLine, str | None]] = [(line, None) for line in snapshot.lines]
    if following.source is not None:
        following.shown_up_to = max([following.shown_up_to, *map(number_of, snapshot.lines)])
        following.order.add(snapshot.lines, now.monotonic)
        lines = following.order.take(now.monotonic, _hold(context, following) if hold is None else hold)
    for line, gap in lines:
        if gap is not None:
            context.client.memory.shows_logs = context.client.memory.shows_logs if following.shown else False
            warning = gap_line(gap, line)
            yield from _log(following.logger, warning)
            yield Emit(Ok(warning, with_note(snapshot.result.meta, gap)))
        if not line.message.startswith(RESULT_LINE) and not is_servers_own_line(line):
            yield from _log(following.logger, line)
            yield Emit(Ok(line, snapshot.result.meta))


def _hold(context: CallContext, following: _Following) -> float:
    """For how long lines are held back while earlier ones are missing: where the log is shown, until it shows later ones."""
    if context.client.memory.shows_logs is False:
        return HIDDEN_GAP_SECONDS
    late = following.shown and not following.order.is_behind(following.shown_up_to)
    return (LATE_GAP_SECONDS if late else GAP_SECONDS) + following.spacing()


def _until_next_poll(
    context: CallContext, following: _Following, interval: float, snapshot: _Snapshot, job: Job | None, *, now: Instant, end: float
) -> Generator[Step | Emit[Result[LogLine]], Any, Instant]:
    """Wait until the job and its log have to be read again, and emit the lines that come meanwhile."""
    source, began = following.source, now.monotonic
    while True:
        gap, hidden = following.order.has_gap, context.client.memory.shows_logs is False
        running = job is not None and not job.is_terminal and not following.ended
        live = following.listening and changes_come(source, job) and running and snapshot.result.ok and (hidden or not gap)
        sooner = min(interval, max(GAP_POLL, following.spacing())) if gap and not hidden else interval
        left = SAFETY_POLL if live else planned(sooner, snapshot.result) - (now.monotonic - began)
        if source is not None and left <= 0:
            return now
        held = left if not gap else following.order.held_for(now.monotonic, _hold(context, following)) if hidden else GAP_POLL
        received = yield from wait_for_events(source, min(left, held), now, end)
        now = received.at
        due = False
        for event in received.events:
            due = following.take(event, job, now.monotonic) or due
        yield from _give(context, following, _Snapshot(None, snapshot.result), now)
        ended = job is not None and job.is_terminal and following.heard_all(job)
        if due or ended or not (received.events or held < left) or now.monotonic >= end:
            return now


def _poll(context: CallContext, read: Operation[Job], cursor: _LogCursor, now: Instant, end: float) -> Plan[_Snapshot]:
    """Read the job first, then its log: so the log that is read after an ended job was read holds all that there was then."""
    found = yield from read_job(context.until(end, now.monotonic), read)
    if isinstance(found, Err):
        return _Snapshot(None, found)
    cursor.observe(found.data)
    now = yield from read_clock()
    lines = yield from exchange(context.until(end, now.monotonic), operations.logs(read.job_id, cursor.after))
    if found.meta.false_not_found and isinstance(lines, Err) and lines.error.message == DENIED:
        return _Snapshot(found.data, found)
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
