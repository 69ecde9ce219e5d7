"""Waiting for one job, on a fake clock: the deadline, the intervals, and what is ridden out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fluxbase_jobs import (
    AuthenticationFailed,
    ConnectionFailed,
    Err,
    FluxbaseError,
    InvalidInput,
    InvalidResponse,
    Job,
    NotFound,
    Ok,
    PermissionDenied,
    PollPolicy,
    RequestTimeout,
    Result,
    ServerFailed,
    WaitTimeout,
)
from fluxbase_jobs._credentials import Credentials
from fluxbase_jobs._plans.exchange import refusing
from fluxbase_jobs._plans.steps import Plan, Reply
from fluxbase_jobs._plans.waiting import wait
from fluxbase_jobs._plans.watching import Patience
from fluxbase_jobs._session import Session

from tests.answers import JOB_ID, job
from tests.fake_driver import Asked, Clock, FakeDriver, at, replies, reply, session
from tests.fake_jobs import FOREVER, PENDING, RUNNING, Life, down, life, one_job, progress

HOUR = 3600.0
UNAVAILABLE = reply(503, {"error": "service_unavailable", "message": "Unable to verify token status"})


def waiting(
    timeout: float = 900.0, *, of: Session | None = None, poll: Any = None, on_progress: Any = None, cancels: object = False
) -> Plan[Result[Job]]:
    """The plan of a wait."""
    return wait(of or session(), JOB_ID, Patience(timeout=timeout, poll=poll or PollPolicy()), on_progress, cancels)


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "interrupted"])
def test_any_final_state_ends_the_wait(end: str) -> None:
    """The job is the data whatever became of it, and nothing is asked after that."""
    driver = FakeDriver(one_job(life(3, 60, end)))

    result = driver.run(waiting())

    assert isinstance(result, Ok)
    assert result.data.status == end
    assert 63 <= driver.asked[-1].at <= 63 + 5 * 1.1


def test_an_unknown_status_is_not_final() -> None:
    """A newer server's word is taken for a state on the way."""
    driver = FakeDriver(one_job([(0, {**RUNNING, "status": "paused"}), (100, {"status": "completed"})]))

    assert driver.run(waiting()).unwrap().status == "completed"


def test_the_deadline_is_a_total_one() -> None:
    """After it comes WaitTimeout, with the job as it was last seen, and a hint how to go on."""
    shown: Life = [*FOREVER, (20, progress(30)), (35, {"estimated_seconds_left": 70}), (41, {"estimated_seconds_left": 60})]
    driver = FakeDriver(one_job(shown))

    _, error = driver.run(waiting(43.0))

    assert isinstance(error, WaitTimeout)
    assert driver.clock.seconds == pytest.approx(43.0, abs=0.01)
    assert (error.job_id, "running" in error.message, "43 s" in error.message) == (JOB_ID, True, True)
    assert error.hint is not None
    assert JOB_ID in error.hint
    assert error.job is not None
    last = max(at for at in driver.times())
    assert error.job.estimated_seconds_left == (60 if last >= 41 else 70)
    assert error.job.progress_percent == 30


def test_the_deadline_bounds_the_request_in_flight() -> None:
    """No request gets more time than is left, so a server that never answers does not stretch the wait."""

    def hangs(asked: Asked, clock: Clock) -> Reply | FluxbaseError:
        clock.pass_(asked.timeout)
        return RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(hangs)

    _, error = driver.run(waiting(100.0))

    assert isinstance(error, WaitTimeout)
    assert error.job is None
    assert "could not be read" in error.message
    assert driver.clock.seconds == pytest.approx(100.0, abs=0.1)


@pytest.mark.parametrize("takes", [8.0, 60.0])
def test_the_deadline_bounds_a_refresh_in_flight(takes: float) -> None:
    """The time that it takes to buy new tokens is the wait's too."""

    def slow(asked: Asked, clock: Clock) -> Reply | FluxbaseError:
        clock.pass_(min(asked.timeout, takes))
        return RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(slow)

    _, error = driver.run(waiting(10.0, of=session(credentials=Credentials(None, "a-refresh-token", None))))

    assert isinstance(error, WaitTimeout | AuthenticationFailed)
    assert "auth/refresh" in driver.asked[0].path
    assert driver.clock.seconds == pytest.approx(10.0, abs=0.1)


def test_the_deadline_bounds_a_refresh_after_a_401() -> None:
    """The same for tokens that the server no longer takes."""

    def slow(asked: Asked, clock: Clock) -> Reply | FluxbaseError:
        if asked.method == "GET":
            clock.pass_(4.0)
            return reply(401, {"error": "Invalid or expired Bearer token"})
        clock.pass_(asked.timeout)
        return RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(slow)

    assert isinstance(
        driver.run(waiting(10.0, of=session(credentials=Credentials("eyJ.a-token", "refresh", None)))).error, AuthenticationFailed
    )
    assert driver.clock.seconds == pytest.approx(10.0, abs=0.1)


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
def test_transient_faults_are_ridden_out(fault: Reply | FluxbaseError) -> None:
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
    """`retry=None` is about one look."""
    faults = [UNAVAILABLE] * times
    driver = FakeDriver(replies(*faults, reply(200, job())))

    assert driver.run(waiting(of=session(retry=None))).ok
    assert len(driver.asked) == times + 1


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (reply(401, {"error": "Invalid or expired Bearer token"}), AuthenticationFailed),
        (reply(403, {"error": "User client keys are disabled"}), PermissionDenied),
        (reply(404, {"error": "Job not found"}), NotFound),
        (reply(500, {"error": "Failed"}), ServerFailed),
        (reply(200, "no job"), InvalidResponse),
    ],
)
def test_a_refusal_ends_the_wait_at_once(refusal: Reply, kind: type[FluxbaseError]) -> None:
    """What will not pass is told at once, and names the job."""
    driver = FakeDriver(replies(reply(200, job(**RUNNING)), refusal))

    _, error = driver.run(waiting())

    assert error is not None
    assert type(error) is kind
    assert error.job_id == JOB_ID
    assert len(driver.asked) == 2


def test_a_wait_for_an_unknown_job_ends_at_once() -> None:
    """The grace for a 404 is for jobs submitted just now."""
    driver = FakeDriver(replies(reply(404, {"error": "Job not found"})))

    assert isinstance(driver.run(waiting()).error, NotFound)
    assert len(driver.asked) == 1


def test_a_401_is_refreshed_once_a_look() -> None:
    """Tokens may expire again and again in a long wait; two 401 in one look end it."""
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

    _, error = driver.run(waiting(of=session(credentials=credentials)))

    assert isinstance(error, AuthenticationFailed)
    assert [asked.method for asked in driver.asked] == ["GET", "POST", "GET", "GET", "GET", "POST", "GET", "GET", "POST", "GET"]
    assert driver.asked[6].headers["authorization"] == "Bearer eyJ.1"


def test_a_servers_retry_after_is_kept() -> None:
    """After `Retry-After: 60` nothing is asked for a minute; after it the wait goes on."""
    limited = reply(429, {"error": "Rate limit exceeded"}, retry_after="60")
    driver = FakeDriver(down(one_job(life(3, 100)), 5, 30, limited))

    assert driver.run(waiting()).ok

    told = next(time for time in driver.times() if time >= 5)
    following = next(time for time in driver.times() if time > told)
    assert 60 <= following - told <= 61


def test_a_retry_after_beyond_the_deadline_ends_there() -> None:
    """No pause goes beyond the deadline, and nothing is asked before the time that the server named."""
    driver = FakeDriver(replies(reply(429, {"error": "Rate limit exceeded"}, retry_after="60")))

    _, error = driver.run(waiting(20.0))

    assert isinstance(error, WaitTimeout)
    assert len(driver.asked) == 1
    assert driver.clock.seconds == pytest.approx(20.0, abs=0.01)


def test_a_retry_after_is_kept_also_without_retries() -> None:
    """With `retry=None` the pause between two looks is the one that the server asked for."""
    limited = reply(429, {"error": "Rate limit exceeded"}, retry_after="60")
    driver = FakeDriver(replies(limited, reply(200, job())))

    assert driver.run(waiting(of=session(retry=None))).ok
    assert driver.times()[1] >= 60


def test_progress_is_told_on_change_only() -> None:
    """Each state once, its end included, whatever happens between two looks."""
    shown: Life = [*life(3)[:2], (10, progress(20)), (40, progress(70)), (60, {"status": "completed"})]
    told: list[tuple[str, int | None]] = []

    def note(seen: Job) -> None:
        told.append((seen.status, seen.progress_percent))

    driver = FakeDriver(down(one_job(shown), 45, 50, UNAVAILABLE))

    driver.run(waiting(on_progress=note)).unwrap()

    assert told == [("pending", None), ("running", None), ("running", 20), ("running", 70), ("completed", 70)]


def test_an_exception_of_on_progress_is_the_callers() -> None:
    """It goes up as it is, and names the job that goes on."""

    class Enough(Exception):
        pass

    def stop(_: Job) -> None:
        raise Enough

    plan = waiting(on_progress=stop)
    driver = FakeDriver(one_job(FOREVER))

    with pytest.raises(Enough):
        driver.run(plan)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_an_interruption_gets_a_note_that_names_the_job(kind: type[BaseException]) -> None:
    """The plan lets it pass, asks nothing any more, and says how to wait again."""
    plan = waiting()
    next(plan)

    with pytest.raises(kind) as caught:
        plan.throw(kind())

    (note,) = caught.value.__notes__
    assert f"jobs.wait('{JOB_ID}')" in note


def test_a_timeout_leaves_the_job_alone() -> None:
    """Nothing but reads is sent."""
    driver = FakeDriver(one_job(FOREVER))

    driver.run(waiting(30.0))

    assert {asked.method for asked in driver.asked} == {"GET"}


def test_a_timeout_cancels_the_job_if_told_so() -> None:
    """The result is the timeout all the same, and says that it was cancelled."""
    driver = FakeDriver(one_job(FOREVER))

    _, error = driver.run(waiting(30.0, cancels=True))

    assert isinstance(error, WaitTimeout)
    assert error.hint == "it was cancelled"
    assert driver.asked[-1].what == f"POST /jobs/{JOB_ID}/cancel"


def cancelling(*answers: Reply | FluxbaseError) -> FakeDriver:
    """A driver whose server shows a running job until the deadline; then come these answers."""
    later = replies(*answers)
    return FakeDriver(lambda asked, clock: later(asked, clock) if clock.seconds >= 30 else reply(200, job(**RUNNING)))


def test_a_job_that_ends_while_it_is_cancelled_is_the_result() -> None:
    """The cancel came too late; the final state is worth more than the timeout."""
    too_late = reply(400, {"error": "Job cannot be cancelled", "status": "completed"})

    result = cancelling(too_late, reply(200, job())).run(waiting(30.0, cancels=True))

    assert result.unwrap().status == "completed"


@pytest.mark.parametrize(
    "answers",
    [
        [reply(403, {"error": "no"})],
        [ConnectionFailed("refused", retryable=False)],
        [reply(400, {"error": "Job cannot be cancelled", "status": "completed"}), reply(404, {"error": "Job not found"})],
    ],
)
def test_a_failing_cancel_does_not_hide_the_timeout(answers: list[Reply | FluxbaseError]) -> None:
    """The result is still the timeout, with the job; the hint says what went wrong."""
    _, error = cancelling(*answers).run(waiting(30.0, cancels=True))

    assert isinstance(error, WaitTimeout)
    assert error.job is not None
    assert error.hint is not None
    assert "could not be" in error.hint


def test_a_hanging_cancel_ends_after_a_while() -> None:
    """What is left to do after the deadline has a deadline of its own: 10 s."""

    def server(asked: Asked, clock: Clock) -> Reply | FluxbaseError:
        if asked.method == "GET":
            return reply(200, job(**RUNNING))
        clock.pass_(asked.timeout)
        return RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(server)

    assert isinstance(driver.run(waiting(30.0, cancels=True)).error, WaitTimeout)
    assert driver.clock.seconds <= 40.1


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (partial(waiting, timeout=0), "timeout"),
        (partial(waiting, timeout=float("inf")), "timeout"),
        (partial(waiting, poll=1.0), "poll"),
        (partial(waiting, cancels=1), "cancel_on_timeout"),
        (partial(waiting, of=session().override(retry=3)), "retry"),
        (lambda: wait(session(), "{x}", Patience(timeout=1, poll=PollPolicy()), None, False), "job_id"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(plan: Callable[[], Plan[Result[Job]]], says: str) -> None:
    """As an error value that names the argument."""
    driver = FakeDriver(one_job(FOREVER))

    error = driver.run(refusing(plan())).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert driver.asked == []


def minute_of(shown: Life, start: float, dice: float = 0.5) -> int:
    """How many requests a wait sends in the minute from `start`."""
    driver = FakeDriver(one_job(shown), dice=dice)
    driver.run(waiting(200.0))
    return len([time for time in driver.times() if start <= time < start + 60])


RESTLESS: Life = [*FOREVER, *((second / 4, progress(second)) for second in range(4 * 200))]


@pytest.mark.parametrize(
    ("shown", "first", "later"),
    [([(0, PENDING)], 12, 6), (FOREVER, 16, 12), (RESTLESS, 61, 59)],
    ids=["pending", "running", "changing at every look"],
)
def test_a_wait_leaves_room_below_the_servers_100_requests_a_minute(shown: Life, first: int, later: int) -> None:
    """The figures that the policy's docstring promises, whatever the dice say."""
    assert minute_of(shown, 0) == first
    assert minute_of(shown, 120) == later
    for dice in (0.0, 1.0):
        assert minute_of(shown, 0, dice) <= 70
        assert minute_of(shown, 120, dice) <= 70


def test_a_scheduled_job_is_left_alone_until_it_is_due() -> None:
    """One look a minute while it sleeps, as it may be cancelled; quick looks once it is due."""
    due = 600.0
    driver = FakeDriver(one_job([(0, {**PENDING, "scheduled_at": at(due)}), (due + 1.5, RUNNING), (due + 3, {"status": "completed"})]))

    result = driver.run(waiting(HOUR))

    assert result.unwrap().status == "completed"
    assert len([time for time in driver.times() if time < due]) <= 11
    assert driver.clock.seconds <= due + 5
    assert isinstance(result, Ok)


def test_a_scheduled_job_may_be_cancelled_in_its_sleep() -> None:
    """The wait does not sleep through it."""
    shown: Life = [(0, {**PENDING, "scheduled_at": at(HOUR)}), (100, {"status": "cancelled"})]
    driver = FakeDriver(one_job(shown))

    assert driver.run(waiting(2 * HOUR)).unwrap().status == "cancelled"
    assert driver.clock.seconds <= 161


def test_jitter_keeps_waiting_programs_out_of_step() -> None:
    """Two throws of the dice give two rhythms, each within a tenth of the plan."""
    rhythms = [FakeDriver(one_job(FOREVER), dice=dice) for dice in (0.0, 0.5, 1.0)]
    for driver in rhythms:
        driver.run(waiting(60.0))

    early, planned, late = (driver.pauses[0] for driver in rhythms)
    assert [early, planned, late] == pytest.approx([0.45, 0.5, 0.55])


def test_an_error_value_is_what_a_wait_returns() -> None:
    """`Err` unpacks like every result."""
    data, error = FakeDriver(one_job(FOREVER)).run(waiting(1.0))

    assert data is None
    assert isinstance(FakeDriver(one_job(FOREVER)).run(waiting(1.0)), Err)
    assert error
