"""Waiting for one job over faults, on a fake clock: what is retried, what ends the wait, and how long requests may take."""

from __future__ import annotations

import pytest
from fluxbase_jobs import (
    AuthenticationFailed,
    ConnectionFailed,
    FluxbaseError,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    RequestTimeout,
    ServerFailed,
    WaitTimeout,
)
from fluxbase_jobs._context.credentials import Credentials
from fluxbase_jobs._transports.messages import RawResponse

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, replies, reply, settings
from tests.support.sample_responses import JOB_ID, job
from tests.support.simulated_jobs import FOREVER, RUNNING, down, life, one_job, progress, waiting

HOUR = 3600.0
UNAVAILABLE = reply(503, {"error": "service_unavailable", "message": "Unable to verify token status"})


def test_the_deadline_bounds_the_request_in_flight() -> None:
    """No request gets more time than is left, so a server that never answers does not stretch the wait."""

    def hangs(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        clock.pass_(request.timeout)
        return RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(hangs)

    _, error = driver.run(waiting(100.0))

    assert isinstance(error, WaitTimeout)
    assert error.job is None
    assert error.message.endswith(" could not be read within 100 s: no complete answer")
    assert (error.hint or "").startswith("the job may still run on the server; ")
    assert driver.clock.seconds == pytest.approx(100.0, abs=0.1)


@pytest.mark.parametrize("key", [None, "eyJ.a-token"])
def test_a_refresh_in_flight_has_a_time_of_its_own(key: str | None) -> None:
    """It is not cut at the wait's deadline, as the server has spent the refresh token; the wait ends with it."""

    def slow(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        if request.method == "GET":
            clock.pass_(4.0)
            return reply(401, {"error": "Invalid or expired Bearer token"})
        clock.pass_(request.timeout)
        return RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(slow)

    assert isinstance(driver.run(waiting(10.0, of=settings(credentials=Credentials(key, "refresh", None)))).error, WaitTimeout)
    assert driver.requests[-1].timeout == pytest.approx(30.0)
    assert driver.clock.seconds == pytest.approx(30.0 if key is None else 34.0, abs=0.1)


@pytest.mark.parametrize(
    "fault",
    [
        UNAVAILABLE,
        reply(502, "<html>"),
        reply(429, {"error": "Rate limit exceeded"}, retry_after="60"),
        ConnectionFailed("refused", retryable=True),
        RequestTimeout("no complete answer", retryable=True),
    ],
)
def test_transient_faults_are_ridden_out(fault: RawResponse | FluxbaseError) -> None:
    """Ten minutes of them, far beyond what one call would try, cost nothing but time."""
    driver = FakeDriver(down(one_job(life(3, 30)), 1, 600, fault))

    result = driver.run(waiting())

    assert result.unwrap().status == "completed"
    assert driver.clock.seconds < 700


def test_a_fault_that_lasts_ends_at_the_deadline_with_the_job_as_last_seen() -> None:
    """What was seen before the server went away is not lost."""
    driver = FakeDriver(down(one_job([*FOREVER, (2, progress(10))]), 10, HOUR, UNAVAILABLE))

    _, error = driver.run(waiting(60.0))

    assert isinstance(error, WaitTimeout)
    assert error.job is not None
    assert error.job.progress_percent == 10


@pytest.mark.parametrize("times", [1, 3])
def test_without_retries_each_look_is_one_request_but_the_wait_goes_on(times: int) -> None:
    """`retry=None` applies to a single poll."""
    faults = [UNAVAILABLE] * times
    driver = FakeDriver(replies(*faults, reply(200, job())))

    assert driver.run(waiting(of=settings(retry=None))).ok
    assert len(driver.requests) == times + 1


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (reply(401, {"error": "Invalid or expired Bearer token"}), AuthenticationFailed),
        (reply(403, {"error": "User client keys are disabled"}), PermissionDenied),
        (reply(500, {"error": "Failed"}), ServerFailed),
        (reply(200, "no job"), InvalidResponse),
    ],
)
def test_a_refusal_ends_the_wait_at_once(refusal: RawResponse, kind: type[FluxbaseError]) -> None:
    """A permanent failure is returned at once, and names the job."""
    driver = FakeDriver(replies(reply(200, job(**RUNNING)), refusal))

    _, error = driver.run(waiting())

    assert error is not None
    assert type(error) is kind
    assert error.job_id == JOB_ID
    assert len(driver.requests) == 2


def test_a_job_that_is_in_no_list_either_ends_the_wait() -> None:
    """It was there a moment ago, and was deleted since."""
    gone = reply(404, {"error": "Job not found"})
    driver = FakeDriver(replies(reply(200, job(**RUNNING)), gone, reply(200, {"jobs": None})))

    _, error = driver.run(waiting())

    assert isinstance(error, NotFound)
    assert error.job_id == JOB_ID
    assert [request.what for request in driver.requests] == [f"GET /jobs/{JOB_ID}", f"GET /jobs/{JOB_ID}", "GET /jobs"]


def test_a_wait_for_an_unknown_job_ends_at_once() -> None:
    """The grace for a 404 is for jobs submitted just now."""
    driver = FakeDriver(replies(reply(404, {"error": "Job not found"})))

    assert isinstance(driver.run(waiting()).error, NotFound)
    assert len(driver.requests) == 1


def test_a_401_is_refreshed_once_a_look() -> None:
    """Tokens may expire again and again in a long wait; two 401 responses in one poll end it."""
    tokens = [{"access_token": f"eyJ.{number}", "refresh_token": f"refresh-{number}", "expires_in": 60} for number in range(3)]
    expired = reply(401, {"error": "Invalid or expired Bearer token"})
    running = reply(200, job(**RUNNING))
    credentials = Credentials("eyJ.a-token", "refresh", None)
    driver = FakeDriver(
        replies(
            expired,
            reply(200, tokens[0]),
            running,
            running,
            expired,
            reply(200, tokens[1]),
            running,
            expired,
            reply(200, tokens[2]),
            expired,
        )
    )

    _, error = driver.run(waiting(of=settings(credentials=credentials)))

    assert isinstance(error, AuthenticationFailed)
    assert [request.method for request in driver.requests] == ["GET", "POST", "GET", "GET", "GET", "POST", "GET", "GET", "POST", "GET"]
    assert driver.requests[6].headers["authorization"] == "Bearer eyJ.1"


def test_a_servers_retry_after_is_kept() -> None:
    """After `Retry-After: 60` no request is sent for a minute; then the wait continues."""
    limited = reply(429, {"error": "Rate limit exceeded"}, retry_after="60")
    driver = FakeDriver(down(one_job(life(3, 100)), 5, 30, limited))

    assert driver.run(waiting()).ok

    limited_at = next(time for time in driver.times() if time >= 5)
    following = next(time for time in driver.times() if time > limited_at)
    assert 60 <= following - limited_at <= 61


def test_a_retry_after_beyond_the_deadline_ends_the_wait_at_once() -> None:
    """Waiting longer would not change the result; the error says why."""
    driver = FakeDriver(replies(reply(429, {"error": "Rate limit exceeded"}, retry_after="60")))

    _, error = driver.run(waiting(20.0))

    assert isinstance(error, WaitTimeout)
    assert "the server asks to wait 60 s, more than the 20 s left" in error.message
    assert driver.pauses == []
    assert len(driver.requests) == 1


def test_a_retry_after_is_kept_also_without_retries() -> None:
    """With `retry=None` the pause between two polls is the server's Retry-After."""
    limited = reply(429, {"error": "Rate limit exceeded"}, retry_after="60")
    driver = FakeDriver(replies(limited, reply(200, job())))

    assert driver.run(waiting(of=settings(retry=None))).ok
    assert driver.times()[1] >= 60
