"""Logs that lag behind their jobs or are hidden, on a fake clock. Results that the server lost are in test_lost_results.py."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from fluxbase_jobs import PollPolicy, ServerFailed, Submission
from fluxbase_jobs._plans import jobs as plans
from fluxbase_jobs._plans.exchange.call import call
from fluxbase_jobs._plans.exchange.causes import NO_CAUSE, OUTPUT_LOST
from fluxbase_jobs._plans.logs import logs
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.run import run
from fluxbase_jobs._realtime.subscriptions import MAX_HEARD, HeardLines
from fluxbase_jobs.models.jobs import LogLine
from msgspec import convert

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, Server, at, reply, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import FOREVER, Life, Line, hearing, life, one_job, read_at, waiting

RESULT = '__RESULT__::{"success":true,"result":{}}'
EMPTY: dict[str, Any] = {"result": "{}"}
SUBSCRIBED = Line(1, "Created execution log subscription", 0)
OPTIONS = WaitOptions(timeout=60, poll=PollPolicy())


def messages(result: Any) -> list[str]:
    """What the lines of a result say."""
    return [line.message for line in result.unwrap()]


def test_a_log_that_was_written_is_one_request() -> None:
    """The server's own line is left out."""
    result, driver = read_at(20, life(0, 10), Line(1, "Created execution log subscription", 1), Line(2, "hello", 2), Line(3, RESULT, 10))

    assert messages(result) == ["hello", RESULT]
    assert result.meta.logs_hidden is False
    assert len(driver.requests) == 1


def test_a_log_is_waited_for_right_after_the_end() -> None:
    """The server writes it up to two seconds later."""
    result, driver = read_at(1.01, life(0, 1), Line(1, "hello", 0.5, lag=2), Line(2, RESULT, 1, lag=2))

    assert messages(result)[0] == "hello"
    assert driver.clock.seconds < 3.5
    assert result.meta.logs_hidden is False
    assert result.meta.attempts == len(driver.requests) > 3


def test_the_rest_of_a_log_is_waited_for_right_after_the_end() -> None:
    """Some lines are there already: the one with the result, which comes last, is not."""
    lines = (Line(1, "hello", 0.1), Line(2, "good-bye", 3.9, lag=1.5), Line(3, RESULT, 4, lag=1.5))
    client = settings()
    driver = FakeDriver(one_job(life(0, 4), *lines))
    driver.clock.pass_(4.01)

    unseen = driver.run(call(logs, client, {}, JOB_ID, 0))
    driver.run(call(plans.get, client, {}, JOB_ID, include_logs=False))
    seen = driver.run(call(logs, client, {}, JOB_ID, 0))
    again = FakeDriver(one_job(life(0, 4), *lines))
    again.clock.pass_(4.01)
    with_log = again.run(call(plans.get, client, {}, JOB_ID, include_logs=True))

    assert messages(unseen) == ["hello"]  # the job may be running
    assert messages(seen) == ["hello", "good-bye", RESULT]
    assert [line.message for line in with_log.unwrap().logs or ()] == messages(seen)


def with_log_read_once(life: Life, *lines: Line) -> Server:
    """A server whose log can be read a single time."""
    server, reads = one_job(life, *lines), list[str]()

    def answer(request: ReceivedRequest, clock: Clock) -> Any:
        if request.path.endswith("/logs"):
            reads.append(request.path)
        return reply(503, {"error": "down"}) if len(reads) > 1 and request.path.endswith("/logs") else server(request, clock)

    return answer


@pytest.mark.parametrize("heard", [(), (Line(3, "three", 1),)])
def test_lines_that_were_read_are_kept_where_the_next_read_fails(heard: tuple[Line, ...]) -> None:
    """The log is read again right after the end, as its last lines may not be written yet. `logs_error` says that it could not be."""
    client = hearing(*heard)
    driver = FakeDriver(with_log_read_once(life(0, 1), Line(1, "one", 0), Line(2, "two", 0)))
    driver.clock.pass_(1.01)
    driver.run(call(plans.get, client, {}, JOB_ID, include_logs=False))

    read = driver.run(call(logs, client, {}, JOB_ID, 0))

    assert messages(read) == ["one", "two", *(line.message for line in heard)]
    assert isinstance(read.meta.logs_error, ServerFailed)
    assert read.meta.attempts == len(driver.requests) - 1  # the first one was that of `get`


def test_a_job_keeps_the_lines_that_were_read_where_the_next_read_fails() -> None:
    """`include_logs` reads as `logs` does."""
    driver = FakeDriver(with_log_read_once(life(0, 1), Line(1, "one", 0), Line(2, "two", 0)))
    driver.clock.pass_(1.01)

    result = driver.run(call(plans.get, settings(), {}, JOB_ID, include_logs=True))

    assert [line.message for line in result.unwrap().logs or ()] == ["one", "two"]
    assert isinstance(result.meta.logs_error, ServerFailed)


def test_a_log_that_was_read_in_part_shows_no_lost_result() -> None:
    """The line with the result may be in the part that could not be read."""
    driver = FakeDriver(with_log_read_once(life(0, 10, **EMPTY), Line(1, "working", 9)))

    assert driver.run(waiting(60)).meta.result_lost is None


@pytest.mark.parametrize(("started", "lines"), [(at(0), (Line(1, "one", 0, lag=0),)), (None, ())])
def test_the_log_of_a_cancelled_job_is_not_waited_for(started: str | None, lines: tuple[Line, ...]) -> None:
    """It never has a line with a result."""
    cancelled: Life = [(0.0, {"status": "cancelled", "started_at": started, "completed_at": at(1)})]
    client = settings()
    driver = FakeDriver(one_job(cancelled, *lines))
    driver.clock.pass_(1.01)
    driver.run(call(plans.get, client, {}, JOB_ID, include_logs=False))

    read = driver.run(call(logs, client, {}, JOB_ID, 0))

    assert messages(read) == [line.message for line in lines]
    assert driver.clock.seconds < 1.1


def test_a_hidden_log_is_said_to_be_hidden() -> None:
    """A completed job has written its result at least. The next log of that server is not waited for."""
    client = settings()

    first, driver = read_at(1.01, life(0, 1), client=client)
    second, again = read_at(1.01, life(0, 1), client=client)

    assert (first.unwrap(), first.meta.logs_hidden) == ([], True)
    assert driver.clock.seconds > 2.5
    assert (second.unwrap(), second.meta.logs_hidden) == ([], True)
    assert again.clock.seconds < 1.1


@pytest.mark.parametrize("state", [FOREVER, [(0.0, {"status": "pending"})], [(0.0, {"status": "cancelled"})]])
def test_a_job_may_have_an_empty_log(state: Life) -> None:
    """It has not printed anything, or was cancelled before it did."""
    result, _ = read_at(60, state)

    assert (result.unwrap(), result.meta.logs_hidden) == ([], False)


def test_lines_that_were_heard_are_given() -> None:
    """Together with those that HTTP shows, each once, by number, with the id that HTTP shows; or alone where HTTP shows none."""
    heard = (Line(1, "one", 1), Line(2, "two", 2), Line(3, RESULT, 3))

    both, _ = read_at(20, life(0, 10), Line(2, "two", 2.5), Line(4, "four", 4), client=hearing(*heard))
    alone, _ = read_at(20, life(0, 10), client=hearing(*heard))

    assert messages(both) == ["one", "two", RESULT, "four"]
    assert [line.id for line in both.unwrap()][:2] == ["1@1", "2@2.5"]
    assert both.meta.logs_hidden is False
    assert messages(alone) == ["one", "two", RESULT]
    assert alone.meta.logs_hidden is True


@pytest.mark.parametrize(
    ("numbers", "after", "note"),
    [
        ((1, 2, 3), 0, None),
        ((1, 2, 4), 0, "line 3 of the log"),
        ((4, 5), 0, "lines 1 to 3 of the log"),
        ((2, 5), 1, "lines 3 to 4 of the log"),
        ((1, 3, 4, 6), 0, "2 of the lines 2 to 5 of the log"),
    ],
)
def test_lines_that_were_not_heard_are_told(numbers: tuple[int, ...], after: int, note: str | None) -> None:
    """The server hides them, so nobody can read them."""
    client = hearing(*(Line(number, f"line {number}", number) for number in numbers))

    result = FakeDriver(one_job(life(0, 10))).run(call(logs, client, {}, JOB_ID, after))

    assert messages(result) == [f"line {number}" for number in numbers]
    assert [told.partition(" did not come")[0] for told in result.meta.notes] == ([note] if note else [])


def test_numbers_that_are_far_apart_take_no_memory() -> None:
    """A server that names a wrong number costs nothing for each number in between."""
    last = 3_000_000
    client = hearing(SUBSCRIBED, Line(last, "line", 2))
    driver = FakeDriver(one_job(life(0, 10)))
    tracemalloc.start()

    result = driver.run(call(logs, client, {}, JOB_ID, 0))
    complete = client.memory.heard_all(JOB_ID)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert messages(result) == ["line"]
    assert [note.partition(" did not come")[0] for note in result.meta.notes] == ["lines 2 to 2999999 of the log"]
    assert complete is False
    assert peak < last


def test_a_job_with_its_log_has_the_heard_lines() -> None:
    """`include_logs` reads as `logs` does."""
    driver = FakeDriver(one_job(life(0, 10)))
    driver.clock.pass_(20)

    result = driver.run(call(plans.get, hearing(Line(1, "one", 1)), {}, JOB_ID, include_logs=True))

    assert [line.message for line in result.unwrap().logs or ()] == ["one"]
    assert result.meta.logs_hidden is True


def test_lines_that_came_and_were_not_kept_are_not_said_to_have_been_dropped() -> None:
    """The note names the bound."""
    heard = (Line(number, f"line {number}", 5) for number in range(1, MAX_HEARD + 101))

    result, _ = read_at(20, life(0, 10), client=hearing(*heard))

    assert len(result.unwrap()) == MAX_HEARD
    assert result.meta.notes == (
        "lines 1 to 100 of the log are not kept, or did not come: the client keeps the last 20,000 of those that came over its WebSocket",
    )


def test_the_heard_lines_are_bounded() -> None:
    """The jobs that were heard of last are kept."""
    heard = HeardLines()
    for job in range(30):
        for number in range(1, 1001):
            heard.add(f"job {job}", convert(Line(number, "text", 1).body(), LogLine))

    assert heard.of("job 0") == []
    assert len(heard.of("job 29")) == 1000


def test_a_cause_that_was_lost_is_not_said_to_be_hidden() -> None:
    """Where the server hides its log, but all that is left of it came over the WebSocket."""
    failed = life(0, 10, "failed", error_message="exit status 1", result=None)

    lost = FakeDriver(one_job(failed)).run(call(run, hearing(SUBSCRIBED, Line(2, "working", 9)), {}, Submission("resize"), OPTIONS)).error
    hidden = FakeDriver(one_job(failed)).run(call(run, hearing(), {}, Submission("resize"), OPTIONS)).error

    assert (lost and lost.hint, hidden and hidden.hint) == (OUTPUT_LOST, NO_CAUSE)
