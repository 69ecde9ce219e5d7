"""Logs of jobs that the server denies although they exist."""

from __future__ import annotations

from fluxbase_jobs import ServerFailed
from fluxbase_jobs._plans.exchange.call import call
from fluxbase_jobs._plans.logs import DENIED_ATTEMPTS, logs

from tests.support.denying_jobs import UNSURE, Spoiled, knowing
from tests.support.fake_driver import FakeDriver, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import Line, life, one_job


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
    jobs = one_job(life(0, 1), Line(1, "hello", 0.5))
    driver, client = FakeDriver(jobs), settings()
    knowing(driver, client)
    driver.clock.pass_(60)
    driver.server = Spoiled(jobs, 2, logs_too=True)

    result = driver.run(call(logs, client, {}, JOB_ID, 0))

    assert [line.message for line in result.unwrap()] == ["hello"]
    assert result.meta.false_not_found == 2


def test_a_log_that_is_always_denied_is_read_so_often() -> None:
    """Then the denial is told, with what was spent on it."""
    jobs = one_job(life(0, 1), Line(1, "hello", 0.5))
    driver, client = FakeDriver(jobs), settings(retry=None)
    knowing(driver, client)
    driver.clock.pass_(60)
    driver.server = Spoiled(jobs, logs_too=True)

    result = driver.run(call(logs, client, {}, JOB_ID, 0))

    assert isinstance(result.error, ServerFailed)
    assert len(driver.times(f"GET /jobs/{JOB_ID}/logs")) == DENIED_ATTEMPTS
    assert (result.meta.attempts, result.meta.false_not_found) == (DENIED_ATTEMPTS, DENIED_ATTEMPTS - 1)
