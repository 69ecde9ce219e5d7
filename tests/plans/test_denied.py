"""Jobs that the server denies although they exist, as it does on a spoiled database connection."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs import NotAllowedInState, NotFound, Ok, PermissionDenied, PollPolicy, RetryPolicy, ServerFailed, Submission
from fluxbase_jobs._operations.jobs import Filters
from fluxbase_jobs._plans import jobs as plans
from fluxbase_jobs._plans.exchange.call import call, stream
from fluxbase_jobs._plans.exchange.denied import MAX_PAGES, PAGE_SIZE, RETRY_DELAYS
from fluxbase_jobs._plans.list_jobs import list_jobs
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.run import run
from fluxbase_jobs._plans.wait_many import wait_many
from fluxbase_jobs._plans.watch import watch
from fluxbase_jobs._transports.messages import RawResponse
from fluxbase_jobs.errors import FluxbaseError

from tests.support.denying_jobs import UNSURE, Spoiled, knowing
from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, at, reply, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import FakeJobs, Life, life, one_job, waiting


def test_a_run_ends_well_though_every_read_is_denied() -> None:
    """The job is followed in the list, to its end, and the result says how often it was denied."""
    driver = FakeDriver(Spoiled(one_job(life(2, 8))))
    options = WaitOptions(timeout=60, poll=PollPolicy())

    result = driver.run(call(run, settings(), {}, Submission("resize"), options))

    assert isinstance(result, Ok)
    assert result.data.status == "completed"
    assert result.meta.false_not_found == len(driver.times(f"GET /jobs/{JOB_ID}"))
    assert result.meta.false_not_found > 1
    assert {request.query["job_name"] for request in driver.requests if request.what == "GET /jobs"} == {"resize"}


def test_a_known_job_is_read_from_the_list() -> None:
    """In one further request, with its result, but without its payload."""
    driver, client = FakeDriver(Spoiled(one_job(life(1, 2, result='{"done": true}')))), settings()
    knowing(driver, client)
    driver.clock.pass_(60)

    result = driver.run(call(plans.get, client, {}, JOB_ID, include_logs=False))

    assert result.unwrap().id == JOB_ID
    assert result.unwrap().result == {"done": True}
    assert result.unwrap().payload is None
    assert (result.meta.false_not_found, result.meta.attempts) == (1, 2)
    assert [request.what for request in driver.requests] == [f"GET /jobs/{JOB_ID}", "GET /jobs"]


def test_an_unknown_job_is_not_found_at_once_with_a_hint() -> None:
    """Nothing is looked for, as nothing is known of it."""
    driver = FakeDriver(Spoiled(one_job(life(1, 2))))

    error = driver.run(call(plans.get, settings(), {}, JOB_ID, include_logs=False)).error

    assert isinstance(error, NotFound)
    assert error.hint == UNSURE
    assert len(driver.requests) == 1


def test_a_search_ends_at_jobs_that_are_older() -> None:
    """The list is the newest first, so the job cannot be on a later page."""
    older = {"created_at": at(-60), "status": "completed"}
    lives: dict[str, Life] = {f"00000000-0000-4000-8000-{number:012}": [(0.0, older)] for number in range(3 * PAGE_SIZE)}
    driver, client = FakeDriver(FakeJobs({JOB_ID: [(0.0, {"created_at": at(0)})]})), settings()
    knowing(driver, client)
    driver.server = Spoiled(FakeJobs(lives))

    result = driver.run(call(plans.get, client, {}, JOB_ID, include_logs=False))

    assert isinstance(result.error, NotFound)
    assert len(driver.times("GET /jobs")) == 2


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_list_that_cannot_be_read_says_nothing_about_the_job(status: int) -> None:
    """The denial of a change is its result: the job's own answer says more."""
    jobs = one_job(life(1, 2))
    driver, client = FakeDriver(jobs), settings(retry=None)
    knowing(driver, client)
    spoiled = Spoiled(jobs)
    driver.server = lambda request, clock: reply(status, {"error": "no"}) if request.what == "GET /jobs" else spoiled(request, clock)

    result = driver.run(call(plans.cancel, client, {}, JOB_ID))

    assert isinstance(result.error, NotFound)
    assert (result.error.job_id, result.error.attempts, result.meta.attempts, result.meta.status) == (JOB_ID, 2, 2, status)


@pytest.mark.parametrize(("others", "pages"), [(0, 1), (PAGE_SIZE - 1, 1), (3 * PAGE_SIZE, 4), (MAX_PAGES * PAGE_SIZE, MAX_PAGES)])
def test_the_list_is_searched_so_far(others: int, pages: int) -> None:
    """Page after page, five at most; a job that is not found there is not found."""
    lives: dict[str, Life] = {**{f"00000000-0000-4000-8000-{number:012}": life(0, 1) for number in range(others)}, JOB_ID: life(1, 2)}
    driver, client = FakeDriver(FakeJobs({JOB_ID: life(1, 2)})), settings()
    knowing(driver, client)
    driver.server = Spoiled(FakeJobs(lives))

    result = driver.run(call(plans.get, client, {}, JOB_ID, include_logs=False))

    assert len(driver.times("GET /jobs")) - 1 == pages
    assert result.ok is (others < MAX_PAGES * PAGE_SIZE)
    assert result.ok or isinstance(result.error, NotFound)
    assert result.meta.attempts == pages + 1
    assert result.error is None or result.error.attempts == pages + 1


def test_a_search_that_fails_says_nothing_about_the_job() -> None:
    """The failure of the list, which may pass, is the result."""
    jobs = one_job(life(1, 2))
    driver, client = FakeDriver(jobs), settings(retry=None)
    knowing(driver, client)
    spoiled = Spoiled(jobs)
    driver.server = lambda request, clock: reply(503, {"error": "down"}) if request.what == "GET /jobs" else spoiled(request, clock)

    result = driver.run(call(plans.get, client, {}, JOB_ID, include_logs=False))

    assert isinstance(result.error, ServerFailed)
    assert (result.error.retryable, result.error.job_id, result.error.attempts) == (True, JOB_ID, 2)
    assert (result.meta.status, result.meta.attempts) == (503, 2)


@pytest.mark.parametrize(("change", "status"), [(plans.cancel, "running"), (plans.retry, "failed")])
@pytest.mark.parametrize("times", [1, 3])
def test_a_change_of_a_known_job_is_tried_again(change: Any, status: str, times: int) -> None:
    """Under another key each time, as the server repeats a 404 for a day."""
    jobs = one_job([(0.0, {"status": status, "max_retries": 2})])
    driver, client = FakeDriver(jobs), settings()
    knowing(driver, client)
    spoiled = Spoiled(jobs, times)
    driver.server = lambda request, clock: (
        reply(200, {"message": "done"}) if request.method == "POST" and spoiled.times <= 0 else spoiled(request, clock)
    )

    result = driver.run(call(change, client, {}, JOB_ID))

    keys = [request.headers["idempotency-key"] for request in driver.requests if request.method == "POST"]
    assert result.ok
    assert result.meta.false_not_found == times
    assert len(keys) == len(set(keys)) == times + 1
    assert result.meta.attempts == len(driver.requests)


def test_a_change_that_is_always_denied_says_why() -> None:
    """The job exists: the error says so, and that another attempt may help."""
    driver, client = FakeDriver(Spoiled(one_job(life(1, 60)))), settings()
    knowing(driver, client)

    error = driver.run(call(plans.cancel, client, {}, JOB_ID)).error

    assert isinstance(error, NotFound)
    assert error.retryable
    assert error.hint == (
        "the job exists, as the list shows: the server denies it on a database connection that a request of a signed-in user has spoiled "
        "(April 2026 servers do). Try again; a restart of the server cures it"
    )
    assert len(driver.times("POST")) == len(RETRY_DELAYS) + 1
    assert error.attempts == len(driver.requests)
    assert driver.pauses == [*RETRY_DELAYS]


def test_a_change_is_not_tried_again_after_the_time_of_the_call() -> None:
    """Two and a half seconds are over after the fifth attempt."""
    driver, client = FakeDriver(Spoiled(one_job(life(1, 60)))), settings(retry=RetryPolicy(total=2.5))
    knowing(driver, client)

    result = driver.run(call(plans.cancel, client, {}, JOB_ID))

    assert isinstance(result.error, NotFound)
    assert len(driver.times("POST")) == 5
    assert driver.clock.seconds == pytest.approx(2.7, abs=0.05)
    assert result.error.attempts == result.meta.attempts == len(driver.requests)


@pytest.mark.parametrize("verb", ["cancel", "resubmit"])
def test_another_failure_ends_the_attempts(verb: str) -> None:
    """It is the result, with what was spent before it."""
    jobs = one_job(life(1, 60) if verb == "cancel" else life(0, 0))
    driver, client = FakeDriver(jobs), settings(retry=None)
    knowing(driver, client)
    spoiled = Spoiled(jobs, 2)
    driver.server = lambda request, clock: (
        reply(403, {"error": "no"}) if spoiled.times == 0 and request.what != "GET /jobs" else spoiled(request, clock)
    )

    plan = call(plans.cancel, client, {}, JOB_ID) if verb == "cancel" else call(plans.resubmit, client, {}, JOB_ID, None)
    result = driver.run(plan)

    assert isinstance(result.error, PermissionDenied)
    assert result.error.attempts == result.meta.attempts == len(driver.requests) == 4
    assert (result.meta.false_not_found, result.meta.status) == (2, 403)


@pytest.mark.parametrize(
    ("change", "state", "said"),
    [
        (plans.cancel, {"status": "cancelled"}, "it is cancelled already"),
        (plans.retry, {"status": "cancelled"}, "it is cancelled, and only failed jobs can"),
        (plans.retry, {"status": "failed", "retry_count": 2, "max_retries": 2}, "no retries left, 2 of 2 used"),
    ],
    ids=["cancel an ended one", "retry a cancelled one", "retry without retries"],
)
def test_a_change_that_the_state_does_not_allow_is_refused_at_once(change: Any, state: dict[str, Any], said: str) -> None:
    """As the list shows the state, no other attempt would help."""
    driver, client = FakeDriver(Spoiled(one_job([(0.0, state)]))), settings()
    knowing(driver, client)

    error = driver.run(call(change, client, {}, JOB_ID)).error

    assert isinstance(error, NotAllowedInState)
    assert (said in error.message, error.job_status) == (True, state["status"])
    assert len(driver.times("POST")) == 1


def test_a_retry_without_retries_is_explained_though_the_read_is_denied() -> None:
    """The bare 500 comes over a connection that is whole, the read of the job over one that is not."""
    jobs = one_job([(0.0, {"status": "failed", "retry_count": 2, "max_retries": 2})])
    driver, client = FakeDriver(jobs), settings()
    knowing(driver, client)
    spoiled = Spoiled(jobs)
    driver.server = lambda request, clock: (
        reply(500, {"error": "Failed to retry job"}) if request.method == "POST" else spoiled(request, clock)
    )

    error = driver.run(call(plans.retry, client, {}, JOB_ID)).error

    assert isinstance(error, NotAllowedInState)
    assert "no retries left" in error.message


@pytest.mark.parametrize(("times", "denied"), [(3, False), (float("inf"), True)])
def test_a_job_that_is_resubmitted_is_read_again(times: float, denied: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """The list lacks its payload; where every attempt is denied, the error says why."""
    jobs = one_job(life(0, 0))
    driver, client = FakeDriver(jobs), settings()
    knowing(driver, client)
    jobs.lives = {"00000000-0000-4000-8000-000000000000": life(0, 0), **jobs.lives}
    driver.server = Spoiled(jobs, times)

    result = driver.run(call(plans.resubmit, client, {}, JOB_ID, None))

    assert result.ok is not denied
    assert not denied or "exists" in str(result.error and result.error.hint)
    assert result.meta.false_not_found == (len(RETRY_DELAYS) + 1 if denied else 3)


def test_a_job_that_goes_on_is_not_resubmitted_though_it_is_denied() -> None:
    """The list shows that it goes on."""
    driver, client = FakeDriver(Spoiled(one_job(life(1, 60)))), settings()
    knowing(driver, client)

    result = driver.run(call(plans.resubmit, client, {}, JOB_ID, None))

    assert isinstance(result.error, NotAllowedInState)
    assert result.meta.false_not_found == 1
    assert len(driver.requests) == 2


def test_a_job_that_ends_as_its_wait_is_over_is_its_result_though_it_is_denied() -> None:
    """The cancel comes too late, and is told so; the job that has ended is read from the list."""
    jobs = one_job(life(0, 60.5))
    driver, client = FakeDriver(jobs), settings()
    knowing(driver, client)
    spoiled = Spoiled(jobs)

    def late(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        if request.method != "POST":
            return spoiled(request, clock)
        clock.pass_(5)
        return reply(400, {"error": "Job cannot be cancelled", "status": "completed"})

    driver.server = late

    assert driver.run(waiting(60, of=client, cancels=True)).unwrap().status == "completed"


def test_a_change_of_an_unknown_job_is_not_repeated() -> None:
    """One request, and the hint."""
    driver = FakeDriver(Spoiled(one_job(life(1, 60))))

    error = driver.run(call(plans.cancel, settings(), {}, JOB_ID)).error

    assert isinstance(error, NotFound)
    assert error.hint == UNSURE
    assert len(driver.requests) == 1


def test_wait_many_reads_denied_jobs_from_the_list() -> None:
    """Jobs that were seen before, each with its end."""
    driver, client = FakeDriver(Spoiled(one_job(life(1, 4)))), settings()
    knowing(driver, client)
    options = WaitOptions(timeout=60, poll=PollPolicy())

    pairs = [pair for _, pair in driver.stream(wait_many(client, {}, [JOB_ID], options))]

    assert [(job_id, result.data.status) for job_id, result in pairs] == [(JOB_ID, "completed")]


def test_a_watch_that_ends_with_an_error_tells_the_denials_before_it() -> None:
    """Two reads were denied, and the third one is refused."""
    jobs = one_job(life(1, 60))
    driver, client = FakeDriver(jobs), settings()
    knowing(driver, client)
    spoiled = Spoiled(jobs, 2)
    driver.server = lambda request, clock: spoiled(request, clock) if spoiled.times or request.what == "GET /jobs" else reply(403, {})

    results = [result for _, result in driver.stream(stream(watch, client, {}, JOB_ID, WaitOptions(timeout=60, poll=PollPolicy())))]

    assert isinstance(results[-1].error, PermissionDenied)
    assert results[-1].meta.false_not_found == 2


def test_the_memory_is_bounded() -> None:
    """The jobs that were seen last are remembered."""
    driver, client = FakeDriver(FakeJobs({f"00000000-0000-4000-8000-{number:012}": life(0, 1) for number in range(5000)})), settings()

    listed = driver.run(call(list_jobs, client, {}, Filters(), 5000, 0))

    assert len(listed.unwrap()) == 5000
    assert client.memory.seen("00000000-0000-4000-8000-000000004999") is not None
    assert client.memory.seen("00000000-0000-4000-8000-000000000000") is None


def test_a_wait_for_a_known_job_goes_on() -> None:
    """To the job's end."""
    driver, client = FakeDriver(one_job(life(1, 3))), settings()
    knowing(driver, client)
    driver.server = Spoiled(one_job(life(1, 3)))

    assert driver.run(waiting(of=client)).unwrap().status == "completed"
