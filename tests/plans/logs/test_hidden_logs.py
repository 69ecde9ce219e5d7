"""Logs that a server hides, or that it denies together with their jobs."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs import LogLine, PermissionDenied, PollPolicy, ServerFailed
from fluxbase_jobs._plans import jobs
from fluxbase_jobs._plans.exchange.call import call, stream
from fluxbase_jobs._plans.logs import DENIED_ATTEMPTS, logs
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.tail import tail
from msgspec import convert

from tests.support.denying_jobs import UNSURE, Spoiled, knowing
from tests.support.fake_driver import FakeDriver, at, reply, settings
from tests.support.sample_responses import JOB_ID, job
from tests.support.scheduled_events import ScheduledHub
from tests.support.simulated_jobs import RUNNING, Line, life, one_job


def test_the_log_of_an_unknown_job_has_a_hint() -> None:
    """It is read once, as nothing is known of the job."""
    driver = FakeDriver(Spoiled(one_job(life(1, 2)), logs_too=True))

    result = driver.run(call(logs, settings(), {}, JOB_ID, 0))

    assert isinstance(result.error, ServerFailed)
    assert result.error.hint == UNSURE
    assert result.meta.status == 500
    assert len(driver.requests) == 1


def test_a_log_that_is_denied_is_read_again() -> None:
    """The same connections fail with 500 there."""
    simulated = one_job(life(0, 1), Line(1, "hello", 0.5))
    driver, client = FakeDriver(simulated), settings()
    knowing(driver, client)
    driver.clock.pass_(60)
    driver.server = Spoiled(simulated, 2, logs_too=True)

    result = driver.run(call(logs, client, {}, JOB_ID, 0))

    assert [line.message for line in result.unwrap()] == ["hello"]
    assert (result.meta.false_not_found, result.meta.attempts) == (2, len(driver.requests))
    assert driver.pauses[:2] == [0.25, 0.25]


def test_a_log_that_is_always_denied_is_read_so_often() -> None:
    """Then the denial is told, with what was spent on it."""
    simulated = one_job(life(0, 1), Line(1, "hello", 0.5))
    driver, client = FakeDriver(simulated), settings(retry=None)
    knowing(driver, client)
    driver.clock.pass_(60)
    driver.server = Spoiled(simulated, logs_too=True)

    result = driver.run(call(logs, client, {}, JOB_ID, 0))

    assert isinstance(result.error, ServerFailed)
    assert len(driver.times(f"GET /jobs/{JOB_ID}/logs")) == DENIED_ATTEMPTS
    assert (result.meta.attempts, result.meta.false_not_found) == (DENIED_ATTEMPTS, DENIED_ATTEMPTS - 1)


DAY = 86400.0


@pytest.mark.parametrize(
    ("age", "state", "said"),
    [
        (60.0, {"status": "completed"}, True),
        (28 * DAY, {"status": "completed"}, True),
        (30 * DAY, {"status": "completed"}, False),
        (60.0, {"status": "completed", "completed_at": None}, True),
        (60.0, {"status": "failed", "error_message": "exit status 1"}, True),
        (60.0, {"status": "failed", "error_message": "execution timeout after 3s"}, False),
        (60.0, {"status": "cancelled"}, False),
    ],
    ids=str,
)
def test_an_empty_log_is_hidden_where_there_must_be_one(age: float, state: dict[str, Any], *, said: bool) -> None:
    """A job that returned or threw has written that, and the server keeps its log for 30 days."""
    driver = FakeDriver(one_job([(0.0, {"started_at": at(-age), "completed_at": at(-age), **state})]))

    result = driver.run(call(logs, settings(), {}, JOB_ID, 0))

    assert (result.unwrap(), result.meta.logs_hidden) == ([], said)


@pytest.mark.parametrize(("age", "hides"), [(60.0, False), (70.0, True)])
def test_an_old_log_says_nothing_of_newer_ones(age: float, *, hides: bool) -> None:
    """April 2026 servers show those that were written before their last start.

    One that was written in the last seconds shows that all are; the client's clock may be wrong by a minute.
    """
    client = settings()
    known = FakeDriver(one_job(life(-age - 10, 10), Line(1, "one", -age)))
    assert len(known.run(call(logs, client, {}, JOB_ID, 0)).unwrap()) == 1

    result = FakeDriver(one_job([(0.0, {"status": "completed", "completed_at": at(-60)})])).run(call(logs, client, {}, JOB_ID, 0))

    assert (result.unwrap(), result.meta.logs_hidden) == ([], hides)


def test_lines_behind_the_one_that_was_named_are_given() -> None:
    """One request: the caller has the others, and may ask again."""
    driver = FakeDriver(one_job(life(0, 10), *(Line(number, f"line {number}", number) for number in range(1, 5))))
    driver.clock.pass_(10)

    result = driver.run(call(logs, settings(), {}, JOB_ID, 2))

    assert [line.message for line in result.unwrap()] == ["line 3", "line 4"]
    assert [request.query for request in driver.requests] == [{"after_line": "2"}]


def test_a_log_that_is_denied_with_its_job_is_followed_all_the_same() -> None:
    """The job is found in the list meanwhile; its lines come when the server denies it no more."""
    simulated = one_job(life(0, 20), *(Line(number, f"line {number}", number) for number in range(1, 5)))
    driver, client = FakeDriver(simulated), settings()
    knowing(driver, client)
    driver.server = Spoiled(simulated, 9, logs_too=True)

    emitted = [*driver.stream(stream(tail, client, {}, JOB_ID, 0, WaitOptions(timeout=60, poll=PollPolicy()), None))]

    assert [result.unwrap().message for _, result in emitted] == ["line 1", "line 2", "line 3", "line 4"]
    assert driver.clock.seconds < 28


@pytest.mark.parametrize("heard", [True, False])
def test_lines_that_were_heard_are_given_where_the_log_cannot_be_read(*, heard: bool) -> None:
    """With the reason why there are no others; without any, the reason is the result."""
    client = settings()
    client.memory.hub = ScheduledHub()
    if heard:
        client.memory.hub.heard.add(JOB_ID, convert(Line(3, "line 3", 1).body(), LogLine))
    driver = FakeDriver(lambda request, _: reply(403, {"error": "no"}) if request.path.endswith("/logs") else reply(200, job(**RUNNING)))

    read = driver.run(call(logs, client, {}, JOB_ID, 0))
    with_log = driver.run(call(jobs.get, client, {}, JOB_ID, include_logs=True))

    assert [line.message for line in with_log.unwrap().logs or ()] == (["line 3"] if heard else [])
    assert isinstance(with_log.meta.logs_error, PermissionDenied)
    assert read.ok is heard
    assert isinstance(read.meta.logs_error if heard else read.error, PermissionDenied)
