"""Followed logs whose lines come over the WebSocket with gaps: how long later lines wait, what is read, and what is said of the gap."""

from __future__ import annotations

import logging
import queue
from logging.handlers import QueueHandler
from typing import Any

import pytest
from fluxbase_jobs import Job, LogLine, PollPolicy
from fluxbase_jobs._context.call_context import ClientSettings
from fluxbase_jobs._plans.exchange.call import stream
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.tail import tail
from fluxbase_jobs._realtime.protocol import JobChanged, LineLogged
from fluxbase_jobs._realtime.subscriptions import Event, Linked
from msgspec import convert

from tests.support.fake_driver import FakeDriver, at, settings
from tests.support.sample_responses import JOB_ID, job
from tests.support.scheduled_events import ScheduledHub
from tests.support.simulated_jobs import FOREVER, RUNNING, Life, Line, life, one_job

LIVE = (0.01, Linked(changes=True, logs=True))
RESULT = '__RESULT__::{"success":true}'


def logged(seconds: float, number: int, message: str = "") -> tuple[float, Event]:
    """The event of a line."""
    line = Line(number, message or f"line {number}", seconds)
    return seconds, LineLogged(JOB_ID, convert(line.body(), LogLine))


def changed(seconds: float, **changes: Any) -> tuple[float, Event]:
    """The event of a change of the job."""
    row = {**job(), **RUNNING, "payload": None, "created_at": at(0), "started_at": at(0), **changes}
    return seconds, JobChanged(convert({key: value for key, value in row.items() if value is not None}, Job))


def ended(seconds: float) -> tuple[float, Event]:
    """The event of the job's end."""
    return changed(seconds, status="completed", completed_at=at(seconds))


def shown(*numbers: int, lag: float = 1.0, since: float = 0.0) -> list[Line]:
    """Lines of a log that HTTP shows; each is written in the second of its number."""
    return [Line(number, f"line {number}", since + number, lag=lag) for number in numbers]


def tailed(
    state: Life,
    lines: list[Line],
    *schedule: tuple[float, Event],
    of: ClientSettings | None = None,
    logger: Any = None,
    timeout: float = 100,
) -> tuple[list[tuple[float, str]], FakeDriver]:
    """What `tail` gives, and when, to the tenth of a second; an error as its kind."""
    client, driver = of or settings(), FakeDriver(one_job(state, *lines))
    client.memory.hub = ScheduledHub(*schedule)
    emitted = driver.stream(stream(tail, client, {}, JOB_ID, 0, WaitOptions(timeout=timeout, poll=PollPolicy()), logger))
    return [(round(when, 1), result.data.message if result.ok else type(result.error).__name__) for when, result in emitted], driver


def hidden() -> ClientSettings:
    """A client that knows that the server hides its logs."""
    client = settings()
    client.memory.shows_logs = False
    return client


def missing(which: str) -> str:
    """What is said of lines that did not come."""
    return f"{which} of the log did not come: the server dropped them, or wrote them before this client listened"


def lines(*numbers: int) -> list[tuple[float, str]]:
    """Lines that are given in the second of their number."""
    return [(float(number), f"line {number}") for number in numbers]


def heard(first: int, last: int, *dropped: int) -> list[tuple[float, Event]]:
    """The events of these lines, a second apart, but for those that the server drops."""
    return [logged(float(number), number) for number in range(first, last + 1) if number not in dropped]


def reads(driver: FakeDriver) -> list[float]:
    """When the log was read."""
    return [round(when, 1) for when in driver.times(f"GET /jobs/{JOB_ID}/logs")]


def test_lines_that_come_by_themselves_are_not_asked_for() -> None:
    """The log is read at first and at the end, and nothing between."""
    given, driver = tailed(life(0, 40), shown(*range(1, 31)), LIVE, *heard(1, 30), logged(40, 31, RESULT), ended(40))

    assert given == lines(*range(1, 31))
    assert reads(driver) == [0.0, 40.0]
    assert len(driver.requests) == 4


def test_dropped_lines_are_read_as_soon_as_a_later_one_comes() -> None:
    """Once, and the later ones do not wait for more."""
    given, driver = tailed(life(0, 40), shown(*range(1, 31), lag=0.5), LIVE, *heard(1, 30, 5, 6), logged(40, 31, RESULT), ended(40))

    assert given == [*lines(1, 2, 3, 4), (7.0, "line 5"), (7.0, "line 6"), *lines(*range(7, 31))]
    assert reads(driver) == [0.0, 7.0, 40.0]


def test_a_log_that_is_written_late_is_waited_for() -> None:
    """A busy server shows a line ten seconds after it came: it is read each second meanwhile, and nothing is said to be missing."""
    late = [*shown(1), *shown(*range(2, 31), lag=10)]

    given, driver = tailed(life(0, 40), late, LIVE, *heard(1, 30, 5, 6), logged(40, 31, RESULT), ended(40))

    assert [text for _, text in given] == [f"line {number}" for number in range(1, 31)]
    assert given[4] == (15.1, "line 5")
    assert reads(driver) == [0.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.1, 14.1, 15.1, 16.1, 40.0]


def test_a_log_that_is_not_shown_is_read_for_three_seconds() -> None:
    """Then the client knows that the server hides its logs: the next gap is told after half a second, and causes no request."""
    given, driver = tailed(life(0, 40), [], LIVE, *heard(1, 20, 5, 6, 15), logged(40, 21, RESULT), ended(40))

    assert given == [
        *lines(1, 2, 3, 4),
        (10.0, missing("lines 5 to 6")),
        *((10.0, f"line {number}") for number in (7, 8, 9, 10)),
        *lines(11, 12, 13, 14),
        (16.5, missing("line 15")),
        (16.5, "line 16"),
        *lines(17, 18, 19, 20),
    ]
    assert reads(driver) == [0.0, 7.0, 8.0, 9.0, 40.0]


def test_a_client_that_knows_of_hidden_logs_does_not_read_them() -> None:
    """From another job of this server."""
    given, driver = tailed(life(0, 40), [], LIVE, *heard(1, 7, 5, 6), logged(40, 8, RESULT), ended(40), of=hidden())

    assert given == [*lines(1, 2, 3, 4), (7.5, missing("lines 5 to 6")), (7.5, "line 7")]
    assert reads(driver) == [0.0, 40.0]


def test_a_line_that_comes_after_all_is_given_late() -> None:
    """In its place, where it comes within half a second; else behind those that did not wait for it."""
    events = [logged(1, 1), logged(2, 3), logged(2.2, 2), logged(3, 4), logged(10, 6), logged(20, 5)]

    given, _ = tailed(life(0, 40), [], LIVE, *events, logged(40, 7, RESULT), ended(40), of=hidden())

    assert given == [
        (1.0, "line 1"),
        (2.2, "line 2"),
        (2.2, "line 3"),
        (3.0, "line 4"),
        (10.5, missing("line 5")),
        (10.5, "line 6"),
        (20.0, "line 5"),
    ]


@pytest.mark.parametrize("known", [True, False])
def test_a_log_without_a_result_is_followed_a_while_after_the_end(*, known: bool) -> None:
    """The last lines may still come. Where the server is known to hide them, only over the WebSocket: nothing is read."""
    given, driver = tailed(life(0, 40), [], LIVE, *heard(1, 4), ended(40), logged(41, 5), of=hidden() if known else settings())

    assert given == [*lines(1, 2, 3, 4), (41.0, "line 5")]
    assert driver.clock.seconds == pytest.approx(42.5, abs=0.1)
    assert len(reads(driver)) == (2 if known else 5)


def test_a_gap_at_the_end_is_told() -> None:
    """The lines behind it are not lost, though nothing more can come."""
    given, _ = tailed(life(0, 10), [], LIVE, logged(1, 1), logged(9.9, 3), logged(10, 4, RESULT), ended(10))

    assert given == [(1.0, "line 1"), (12.5, missing("line 2")), (12.5, "line 3")]


def test_a_gap_is_told_before_the_time_is_over() -> None:
    """The lines that were held back come all the same."""
    given, _ = tailed(FOREVER, [], LIVE, logged(1, 1), logged(29.5, 3), timeout=30)

    assert given == [(1.0, "line 1"), (30.0, missing("line 2")), (30.0, "line 3"), (30.0, "WaitTimeout")]


def test_a_gap_goes_to_the_logger() -> None:
    """As a warning, in its place among the lines."""
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logger = logging.Logger("job")  # noqa: LOG001  # one that no other test sees
    logger.addHandler(QueueHandler(records))

    given, _ = tailed(life(0, 9), [], LIVE, logged(1, 1), logged(2, 3), logged(9, 4, RESULT), ended(9), of=hidden(), logger=logger)

    logged_lines = [(record.levelno, record.getMessage()) for record in (records.get_nowait() for _ in given)]
    assert logged_lines == [(logging.INFO, "line 1"), (logging.WARNING, missing("line 2")), (logging.INFO, "line 3")]


def test_the_note_of_a_gap_has_no_number_and_the_time_of_the_next_line() -> None:
    """It stands for lines that are not there."""
    client, driver = hidden(), FakeDriver(one_job(life(0, 9)))
    client.memory.hub = ScheduledHub(LIVE, logged(1, 1), logged(2, 3), logged(9, 4, RESULT), ended(9))
    options = WaitOptions(timeout=100, poll=PollPolicy())

    _, note, line = (result.unwrap() for _, result in driver.stream(stream(tail, client, {}, JOB_ID, 0, options, None)))

    assert (note.level, note.line_number, note.timestamp) == ("warn", None, line.timestamp)
    assert note.id == f"{line.id}:gap"


def test_a_jobs_next_attempt_is_read_at_once() -> None:
    """Its lines may count from 1 again: an event that tells of a retry is worth a poll, one of progress is not."""
    state: Life = [
        (0.0, {**RUNNING, "created_at": at(0), "started_at": at(0)}),
        (10.0, {**RUNNING, "retry_count": 1, "started_at": at(10)}),
        (20.0, {"status": "completed", "completed_at": at(20)}),
    ]
    progress = [changed(float(second), progress=f'{{"percent":{second}}}', last_progress_at=at(second)) for second in (3, 4, 5)]
    retried = changed(10.0, retry_count=1, started_at=at(10))
    last = changed(20.0, retry_count=1, started_at=at(10), status="completed", completed_at=at(20))

    given, driver = tailed(state, [], LIVE, *progress, logged(6, 1), retried, logged(11, 1, "again"), logged(20, 2, RESULT), last)

    assert given == [(6.0, "line 1"), (11.0, "again")]
    assert reads(driver) == [0.0, 10.0, 20.0]


def test_lines_that_waited_belong_to_the_attempt_before() -> None:
    """The job begins another one: they are given without a note, as nobody can say any more what is missing between them."""
    state: Life = [
        (0.0, {**RUNNING, "created_at": at(0), "started_at": at(0)}),
        (10.0, {**RUNNING, "retry_count": 1, "started_at": at(10)}),
        (20.0, {"status": "completed", "completed_at": at(20)}),
    ]
    retried = changed(10.0, retry_count=1, started_at=at(10))
    last = changed(20.0, retry_count=1, started_at=at(10), status="completed", completed_at=at(20))

    given, _ = tailed(state, [], LIVE, logged(6, 1), logged(9.8, 3), retried, logged(11, 4), logged(20, 5, RESULT), last, of=hidden())

    assert given == [(6.0, "line 1"), (10.0, "line 3"), (11.0, "line 4")]
