"""Following a log on a fake clock: each line once, in order, up to the last one that the server writes after the end."""

from __future__ import annotations

import logging
import queue
from itertools import pairwise
from logging.handlers import QueueHandler
from typing import Any
from uuid import UUID

import pytest
from fluxbase_jobs import InvalidInput, LogLine, NotFound, PollPolicy, Result, WaitTimeout
from fluxbase_jobs._plans.exchange.call import stream
from fluxbase_jobs._plans.exchange.steps import Stream
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.tail import tail
from fluxbase_jobs._plans.tail_many import tail_many

from tests.support.fake_driver import Clock, FakeDriver, Server, at, replies, reply, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import FOREVER, PENDING, RUNNING, FakeJobs, Life, Line, down, life, one_job

HOUR = 3600.0
DOWN = reply(503, {"error": "down"})
STEPS = [Line(number, f"step {number}", 2.0 + number) for number in range(1, 31)]
"""A line a second from 3 s to 32 s."""


def tailing(after_line: Any = 0, timeout: Any = 900.0, to_logger: Any = None, job_id: object = JOB_ID) -> Stream[Result[LogLine]]:
    """The stream of a tail."""
    return stream(tail, settings(), {}, job_id, after_line, WaitOptions(timeout=timeout, poll=PollPolicy()), to_logger)


def lines_of(driver: FakeDriver, after_line: int = 0) -> list[str]:
    """What a tail gives, all of it lines."""
    return [result.unwrap().message for _, result in driver.stream(tailing(after_line))]


def messages(lines: list[Line]) -> list[str]:
    """What stands in these lines."""
    return [line.message for line in lines]


def test_each_line_comes_once_and_in_order() -> None:
    """While the job runs, soon after the server has it; nothing is lost and nothing comes twice."""
    driver = FakeDriver(one_job(life(2, 31), *STEPS))

    records = list(driver.stream(tailing()))

    assert [result.unwrap().message for _, result in records] == messages(STEPS)
    late = [time - line.written for (time, _), line in zip(records, STEPS, strict=True)]
    assert max(late) <= 1 + 2 * 1.5


@pytest.mark.parametrize("end", [600 + half / 2 for half in range(12)])
def test_it_ends_with_the_log_not_with_the_job(end: float) -> None:
    """The server writes its log each second; lines that come after the end, also after a long silence, are waited for."""
    driver = FakeDriver(one_job(life(2, end - 2), Line(1, "start", 3), Line(2, "done at last", end, lag=2.0)))

    assert lines_of(driver) == ["start", "done at last"]
    first, *_, last = (time for time in driver.times("GET") if time >= end)
    assert last - first <= 2.7


@pytest.mark.parametrize("skew", [-300.0, -5.0, 5.0, 30.0, 300.0])
def test_a_clients_clock_may_be_wrong(skew: float) -> None:
    """Whether more lines may come is not decided by comparing the client's clock with the server's."""
    for end in (30, 31, 32, 33, 34, 35):
        driver = FakeDriver(one_job(life(2, end - 2), Line(1, "last line", end, lag=2.0)), clock=Clock(skew=skew))

        assert lines_of(driver) == ["last line"]


@pytest.mark.parametrize("skew", [0.0, 5.0, 30.0])
def test_a_job_that_ended_just_now_may_still_have_lines(skew: float) -> None:
    """Also if the tail begins after its end."""
    driver = FakeDriver(one_job(life(0, 0), Line(1, "last line", 0, lag=1.8)), clock=Clock(skew=skew))

    assert lines_of(driver) == ["last line"]


def test_the_log_of_a_job_that_ended_long_ago_is_not_waited_for() -> None:
    """One poll, then the stream ends."""
    driver = FakeDriver(one_job(life(0, 5), *STEPS[:3]), clock=Clock(seconds=HOUR))

    assert lines_of(driver) == messages(STEPS[:3])
    assert len(driver.requests) == 2
    assert driver.clock.seconds <= HOUR + 0.1


@pytest.mark.parametrize(("ago", "requests"), [(61.0, 2), (59.0, 8)])
def test_a_log_is_complete_a_minute_after_the_end(ago: float, requests: int) -> None:
    """However wrong the clock is; until then lines may still come."""
    driver = FakeDriver(one_job(life(0, 5), *STEPS[:3]), clock=Clock(seconds=5 + ago))

    assert lines_of(driver) == messages(STEPS[:3])
    assert len(driver.requests) == requests


def test_faults_cost_no_lines() -> None:
    """Neither while the job runs nor after its end."""
    for start, end in ((10, 20), (32.5, 50), (34, 36)):
        driver = FakeDriver(down(one_job(life(2, 31), *STEPS), start, end, DOWN))

        assert lines_of(driver) == messages(STEPS)


def test_a_fault_of_the_log_alone_costs_no_lines() -> None:
    """The job can be read, its log can't, for a while after the end."""
    server = one_job(life(2, 31), *STEPS)
    driver = FakeDriver(
        lambda request, clock: DOWN if request.path.endswith("/logs") and 30 < clock.seconds < 45 else server(request, clock)
    )

    assert lines_of(driver) == messages(STEPS)


RETRIED: Life = [
    *life(2, 10, "failed", error_message="exit status 1"),
    (12.3, {**PENDING, "retry_count": 1}),
    (14, {**RUNNING, "started_at": at(14)}),
    (40, {"status": "completed", "completed_at": at(40)}),
]
FIRST_TRY = [Line(number, f"first {number}", 2.0 + number) for number in range(1, 10)]


def test_a_retried_job_goes_on_with_its_numbers() -> None:
    """Lines of both tries come once each."""
    second = [Line(number, f"second {number}", 5.0 + number) for number in range(10, 31)]

    assert lines_of(FakeDriver(one_job(RETRIED, *FIRST_TRY, *second))) == messages([*FIRST_TRY, *second])


def test_a_restarted_server_counts_from_one_again() -> None:
    """The new try's lines have the numbers of old ones, and come all the same; the old ones do not come again."""
    restarted: Life = [
        *life(2)[:2],
        (12, PENDING),
        (14, {**RUNNING, "started_at": at(14)}),
        (40, {"status": "completed", "completed_at": at(40)}),
    ]
    second = [Line(number, f"second {number}", 14.0 + number) for number in range(1, 26)]

    for start in (0.0, 30.0, 60.0):
        driver = FakeDriver(one_job(restarted, *FIRST_TRY, *second), clock=Clock(seconds=start))
        assert lines_of(driver) == messages([*FIRST_TRY, *second])


def test_a_tail_that_begins_between_two_tries_follows_the_next() -> None:
    """The job is pending and the old try's lines are there; the new one's numbers start at 1 again."""
    between: Life = [
        (0, {**PENDING, "retry_count": 1}),
        (14, {**RUNNING, "started_at": at(14)}),
        (40, {"status": "completed", "completed_at": at(40)}),
    ]
    first = [Line(number, f"first {number}", number - 60.0) for number in range(1, 10)]
    second = [Line(number, f"second {number}", 14.0 + number) for number in range(1, 5)]

    assert lines_of(FakeDriver(one_job(between, *first, *second))) == messages([*first, *second])
    assert lines_of(FakeDriver(one_job(between, *first, *second)), after_line=9) == messages(second)


def test_lines_before_the_named_one_stay_away() -> None:
    """Also after a restart of the server, when old lines are read again."""
    restarted: Life = [
        *life(2)[:2],
        (12, PENDING),
        (14, {**RUNNING, "started_at": at(14)}),
        (40, {"status": "completed", "completed_at": at(40)}),
    ]
    second = [Line(number, f"second {number}", 14.0 + number) for number in range(1, 5)]
    driver = FakeDriver(one_job(restarted, *FIRST_TRY, *second), clock=Clock(seconds=6.0))

    assert lines_of(driver, after_line=7) == ["first 8", "first 9", *messages(second)]
    assert next(request.query for request in driver.requests if request.path.endswith("/logs")) == {"after_line": "7"}


def test_lines_can_be_left_out_before_they_are_there() -> None:
    """Of a job that waits for its first try, too, only lines behind the named one come."""
    assert lines_of(FakeDriver(one_job(life(2, 31), *STEPS)), after_line=3) == messages(STEPS[3:])


def test_the_protocols_own_line_is_hidden() -> None:
    """The result goes through the log on the server; it is no line of the job's."""
    lines = [Line(1, "hello", 3), Line(2, '__RESULT__::{"success":true}', 4), Line(3, "a __RESULT__:: of mine", 4)]

    assert lines_of(FakeDriver(one_job(life(2, 3), *lines))) == ["hello", "a __RESULT__:: of mine"]


def test_lines_go_to_a_logger_at_their_level() -> None:
    """Each once, as text that is not formatted again; an unknown level is an info."""
    levels = {
        "trace": 5,
        "debug": logging.DEBUG,
        "info": logging.INFO,
        "warn": logging.WARNING,
        "error": logging.ERROR,
        "fatal": logging.CRITICAL,
        "panic": logging.CRITICAL,
        "notice": logging.INFO,
    }
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logger = logging.Logger("job")  # noqa: LOG001  # one that no other test sees
    logger.addHandler(QueueHandler(records))
    lines = [Line(number, f"100 %s {level}", 3, level) for number, level in enumerate(levels, 1)]

    emitted = list(FakeDriver(one_job(life(2, 3), *lines)).stream(tailing(to_logger=logger)))

    assert len(emitted) == len(levels)
    logged = [records.get_nowait() for _ in lines]
    assert records.empty()
    assert [(record.levelno, record.getMessage()) for record in logged] == [(levels[line.level], line.message) for line in lines]


def test_the_deadline_is_the_last_item() -> None:
    """An Err with the job, after the lines that came in time."""
    *lines, (time, last) = FakeDriver(one_job(FOREVER, *STEPS[:5])).stream(tailing(timeout=60.0))

    assert len(lines) == 5
    assert isinstance(last.error, WaitTimeout)
    assert last.error.job is not None
    assert time == pytest.approx(60.0, abs=0.01)


def test_the_deadline_bounds_both_requests_of_a_poll() -> None:
    """The log gets what the job has left of the time."""
    server = one_job(FOREVER)

    def slow(request: Any, clock: Clock) -> Any:
        clock.pass_(min(request.timeout, 7.0))
        return server(request, clock)

    driver = FakeDriver(slow)
    list(driver.stream(tailing(timeout=10.0)))

    assert driver.clock.seconds <= 10.1


@pytest.mark.parametrize("answers", [[reply(404, {"error": "Job not found"})], [reply(200, {}), reply(404, {"error": "Job not found"})]])
def test_a_refusal_is_the_last_item(answers: list[Any]) -> None:
    """Of the job, or, for somebody else's job, of its log only."""
    server = FakeJobs({}) if len(answers) == 1 else one_job(FOREVER)
    driver = FakeDriver(lambda request, clock: answers[-1] if request.path.endswith("/logs") else server(request, clock))

    (only,) = driver.stream(tailing())

    assert isinstance(only[1].error, NotFound)
    assert len(driver.requests) == len(answers)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"timeout": 0}, "timeout"), ({"after_line": -1}, "after_line"), ({"to_logger": "root"}, "to_logger"), ({"job_id": "x"}, "job_id")],
)
def test_a_bad_argument_is_the_only_item(options: dict[str, Any], says: str) -> None:
    """As an Err; nothing is sent."""
    driver = FakeDriver(replies(DOWN))

    (only,) = driver.stream(tailing(**options))

    assert isinstance(only[1].error, InvalidInput)
    assert only[1].error.message.startswith(says)
    assert driver.requests == []


def test_a_tail_leaves_room_below_the_servers_100_requests_a_minute() -> None:
    """Two requests for each poll: 80 a minute with new lines at every poll, 24 without."""
    noisy = [Line(number, "tick", number / 2, lag=0) for number in range(1, 400)]
    for lines, first, later in ((noisy, 82, 80), ((), 30, 24)):
        driver = FakeDriver(one_job(FOREVER, *lines))
        list(driver.stream(tailing(timeout=190.0)))
        assert len([time for time in driver.times() if time < 60]) <= first
        assert len([time for time in driver.times() if 120 <= time < 180]) <= later


def test_closing_the_iterator_stops_polling() -> None:
    """After the caller closes the iterator, no request is sent."""
    driver = FakeDriver(one_job(FOREVER, *STEPS))
    tailed = driver.stream(tailing())

    next(tailed)
    sent = len(driver.requests)
    tailed.close()

    assert next(tailed, None) is None
    assert len(driver.requests) == sent


def test_a_retry_after_beyond_the_deadline_ends_it_at_once() -> None:
    """The last item says why."""
    driver = FakeDriver(replies(reply(429, {"error": "Rate limit exceeded"}, retry_after="60")))

    [(_, result)] = driver.stream(tailing(timeout=20.0))

    assert isinstance(result.error, WaitTimeout)
    assert "more than the 20 s left" in result.error.message
    assert driver.pauses == []


def tailed_many(server: Server, *job_ids: str) -> tuple[list[tuple[float, str, str]], FakeDriver]:
    """What `tail_many` gives of these jobs, and when; an error as its kind."""
    driver = FakeDriver(server)
    emitted = driver.stream(tail_many(settings(), {}, job_ids, WaitOptions(timeout=60.0, poll=PollPolicy())))
    return [(when, of, result.data.message if result.ok else type(result.error).__name__) for when, (of, result) in emitted], driver


JOB_IDS = [str(UUID(int=number)) for number in range(3)]


def test_the_logs_of_many_jobs_are_read_in_turn() -> None:
    """Each at most once in two seconds for each job: a poll takes two requests, and the server allows 100 a minute."""
    lines = [Line(number, f"line {number}", number, lag=0) for number in range(1, 30)]

    given, driver = tailed_many(FakeJobs(dict.fromkeys(JOB_IDS, life(0, 30)), lines), *JOB_IDS)

    for job_id in JOB_IDS:
        assert [text for _, of, text in given if of == job_id] == messages(lines)
        polls = driver.times(f"GET /jobs/{job_id}/logs")
        assert min(later - earlier for earlier, later in pairwise(polls)) >= 5.9
    assert [request.what for request in driver.requests[:6]] == [
        what for job_id in JOB_IDS for what in (f"GET /jobs/{job_id}", f"GET /jobs/{job_id}/logs")
    ]


def test_one_of_many_jobs_is_read_as_if_it_was_alone() -> None:
    """Also where it was given twice, beside an id that is none."""
    lines = [Line(number, f"line {number}", number, lag=0) for number in range(1, 30)]
    server = FakeJobs({JOB_IDS[0]: life(0, 30)}, lines)
    alone = FakeDriver(server)
    list(alone.stream(tailing(job_id=JOB_IDS[0])))

    given, driver = tailed_many(server, JOB_IDS[0], "{x}", JOB_IDS[0])

    assert given[0] == (0.0, "{x}", "InvalidInput")
    assert [text for _, of, text in given if of == JOB_IDS[0]] == messages(lines)
    assert driver.times() == pytest.approx(alone.times())


def test_an_error_ends_the_log_of_its_job_only() -> None:
    """The others go on, and the last one ends the whole."""
    server = FakeJobs({JOB_IDS[0]: life(0, 10), JOB_IDS[1]: FOREVER}, [Line(1, "one", 0, lag=0)])

    given, driver = tailed_many(server, *JOB_IDS)

    assert [(of, text) for _, of, text in given] == [
        (JOB_IDS[0], "one"),
        (JOB_IDS[1], "one"),
        (JOB_IDS[2], "NotFound"),
        (JOB_IDS[1], "WaitTimeout"),
    ]
    assert given[-1][0] == pytest.approx(60.0, abs=0.01)
    assert driver.times(f"GET /jobs/{JOB_IDS[2]}") == [pytest.approx(0.016)]


def test_a_pause_before_another_attempt_is_everybodys() -> None:
    """A server that is overloaded is left alone by all."""
    server = down(FakeJobs(dict.fromkeys(JOB_IDS, life(0, 10))), 0.0, 0.001, reply(429, {"error": "slow down"}, retry_after="7"))

    _, driver = tailed_many(server, *JOB_IDS)

    assert [when for when in driver.times() if 0.001 < when < 7] == []
    assert driver.requests[1].what == f"GET /jobs/{JOB_IDS[0]}"
