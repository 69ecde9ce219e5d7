"""Waiting for one job, on a fake clock: its end, its progress, the deadline, and what comes after that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from fluxbase_jobs import ConnectionFailed, FluxbaseError, InvalidInput, Job, Ok, PollPolicy, RequestTimeout, Result, WaitTimeout
from fluxbase_jobs._drivers.driver import interrupt
from fluxbase_jobs._plans.exchange.call import call
from fluxbase_jobs._plans.exchange.steps import Pause, Plan, Send
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.wait import wait
from fluxbase_jobs._transports.messages import RawResponse

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, replies, reply, settings
from tests.support.sample_responses import JOB_ID, job
from tests.support.simulated_jobs import FOREVER, RUNNING, Life, down, life, one_job, progress, waiting

UNAVAILABLE = reply(503, {"error": "service_unavailable", "message": "Unable to verify token status"})


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "interrupted"])
def test_any_final_state_ends_the_wait(end: str) -> None:
    """The job is the data whatever its final state, and no request follows."""
    driver = FakeDriver(one_job(life(3, 60, end)))

    result = driver.run(waiting())

    assert isinstance(result, Ok)
    assert result.data.status == end
    assert 63 <= driver.requests[-1].at <= 63 + 5 * 1.1


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


def test_progress_is_told_on_change_only() -> None:
    """Each state once, its end included, whatever happens between two polls."""
    shown: Life = [*life(3)[:2], (10, progress(20)), (40, progress(70)), (60, {"status": "completed"})]
    reported: list[tuple[str, int | None]] = []

    def note(seen: Job) -> None:
        reported.append((seen.status, seen.progress_percent))

    driver = FakeDriver(down(one_job(shown), 45, 50, UNAVAILABLE))

    driver.run(waiting(on_progress=note)).unwrap()

    assert reported == [("pending", None), ("running", None), ("running", 20), ("running", 70), ("completed", 70)]


def test_an_exception_of_on_progress_is_the_callers() -> None:
    """It propagates unchanged, with a note that names the running job."""

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
    plan, driver = waiting(), FakeDriver(one_job(FOREVER))
    step = next(plan)
    while not isinstance(step, Send):
        step = plan.send(driver.perform(step))

    with pytest.raises(kind) as caught:
        plan.throw(kind())

    (note,) = caught.value.__notes__
    assert note == f"job {JOB_ID} may still run on the server; call jobs.wait('{JOB_ID}') to wait for it again"


def test_a_timeout_leaves_the_job_alone() -> None:
    """Nothing but reads is sent."""
    driver = FakeDriver(one_job(FOREVER))

    driver.run(waiting(30.0))

    assert {request.method for request in driver.requests} == {"GET"}


def test_a_timeout_cancels_the_job_if_told_so() -> None:
    """The result is the timeout all the same, and says that it was cancelled."""
    driver = FakeDriver(one_job(FOREVER))

    _, error = driver.run(waiting(30.0, cancels=True))

    assert isinstance(error, WaitTimeout)
    assert error.hint == "it was cancelled"
    assert driver.requests[-1].what == f"POST /jobs/{JOB_ID}/cancel"


def cancelling(*answers: RawResponse | FluxbaseError) -> FakeDriver:
    """A driver whose server shows a running job until the deadline; then come these answers."""
    later = replies(*answers)
    return FakeDriver(lambda request, clock: later(request, clock) if clock.seconds >= 30 else reply(200, job(**RUNNING)))


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
def test_a_failing_cancel_does_not_hide_the_timeout(answers: list[RawResponse | FluxbaseError]) -> None:
    """The result is still the timeout, with the job; the hint says what went wrong."""
    _, error = cancelling(*answers).run(waiting(30.0, cancels=True))

    assert isinstance(error, WaitTimeout)
    assert error.job is not None
    assert error.hint is not None
    assert "could not be" in error.hint


def test_a_hanging_cancel_ends_after_a_while() -> None:
    """The cleanup after the deadline has its own deadline: 10 s."""

    def server(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        if request.method == "GET":
            return reply(200, job(**RUNNING))
        clock.pass_(request.timeout)
        return RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(server)

    assert isinstance(driver.run(waiting(30.0, cancels=True)).error, WaitTimeout)
    assert driver.clock.seconds <= 40.1


def test_a_hanging_cancel_after_an_interruption_ends_after_a_while() -> None:
    """So does the one of `cancel_on_exit`, and the note says that it failed."""

    def server(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        if request.method == "GET":
            return reply(200, job(**RUNNING))
        clock.pass_(request.timeout)
        return RequestTimeout("no complete answer", retryable=True)

    driver, plan, ctrl_c = FakeDriver(server), waiting(cancels_on_exit=True), KeyboardInterrupt()
    step = next(plan)
    while not isinstance(step, Pause):
        step = plan.send(driver.perform(step))
    cleanup = interrupt(plan, ctrl_c)
    assert cleanup is not None
    driver.run(cleanup)

    assert 5 < driver.clock.seconds <= 10.1
    assert "could not be cancelled: no complete answer" in ctrl_c.__notes__[0]


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (partial(waiting, timeout=0), "timeout"),
        (partial(waiting, timeout=float("inf")), "timeout"),
        (partial(waiting, poll=1.0), "poll"),
        (partial(waiting, cancels=1), "cancel_on_timeout"),
        (partial(waiting, retry={"retry": 3}), "retry"),
        (lambda: call(wait, settings(), {}, "{x}", WaitOptions(timeout=1, poll=PollPolicy())), "job_id"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(plan: Callable[[], Plan[Result[Job]]], says: str) -> None:
    """As an error value that names the argument."""
    driver = FakeDriver(one_job(FOREVER))

    error = driver.run(plan()).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert driver.requests == []
