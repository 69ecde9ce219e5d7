"""`jobs.run`: over real servers, in both styles. What it does over time is in plans/test_running.py."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any, Final

import pytest
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, InvalidInput, JobCancelled, JobFailed, NotFound, PollPolicy, WaitTimeout

from tests.support.emulator_process import Address
from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job
from tests.support.styles import Connect

QUICK: Final = PollPolicy(initial=0.01, maximum=0.05)
CREATED: Final = Answer(201, job(status="pending", result=None))
NO_LOG: Final = Answer(200, {"logs": None, "count": 0})


@pytest.fixture
def live(connect: Connect, march: Address) -> FluxbaseClient:
    """A client of the emulator."""
    return connect(march.url, march.service_key)


def test_gives_the_completed_job(live: FluxbaseClient) -> None:
    """With its payload and its result, after each change was told."""
    told: list[str] = []

    finished, error = live.jobs.run("echo", {"n": 1}, priority=3, poll=QUICK, on_progress=lambda seen: told.append(seen.status))

    assert error is None
    assert (finished.status, finished.priority, finished.result) == ("completed", 3, {"echo": {"n": 1}})
    assert told[-1] == "completed"


def test_a_failure_says_what_was_thrown(live: FluxbaseClient) -> None:
    """From the log, which a second request reads; the error survives a pickle with all that it carries."""
    error = live.jobs.run("boom", poll=QUICK).error

    assert isinstance(error, JobFailed)
    assert (error.message, error.hint) == ("the reactor is on fire", None)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    for told in (error, again):
        assert told.job is not None
        assert (told.job.status, told.job.error, told.job_id) == ("failed", "exit status 1", told.job.id)
        assert "Job execution error: the reactor is on fire" in [str(line) for line in told.log_tail]
        assert not any(line.message.startswith("__RESULT__::") for line in told.log_tail)


def test_a_failure_by_return_value_needs_no_log(live: FluxbaseClient) -> None:
    """The server's own message is the reason."""
    error = live.jobs.run("softfail", poll=QUICK).error

    assert isinstance(error, JobFailed)
    assert (error.message, error.hint) == ("validation failed: no rows", None)


def test_where_no_log_is_shown_the_hint_says_where_the_text_is(client: FluxbaseClient, server: LocalServer) -> None:
    """As on the server of April, or for another user's job, whose log is not found."""
    for refused in (Answer(404, {"error": "Job not found"}), Answer(500, {"error": "Failed"})):
        server.answer(CREATED, Answer(200, job(status="failed", error_message="exit status 1")), refused)

        error = client.jobs.run("boom", poll=QUICK).error

        assert isinstance(error, JobFailed)
        assert error.message == "exit status 1"
        assert error.hint is not None
        assert "log" in error.hint


def test_a_job_that_takes_too_long_is_cancelled_if_told_so(live: FluxbaseClient) -> None:
    """The error carries the job, which is cancelled on the server."""
    error = live.jobs.run("slow", timeout=0.5, poll=QUICK, cancel_on_timeout=True).error

    assert isinstance(error, WaitTimeout)
    assert error.job is not None
    assert live.jobs.wait(error.job.id, poll=QUICK).unwrap().status == "cancelled"


def test_a_job_that_others_cancel_is_no_success(client: FluxbaseClient, server: LocalServer) -> None:
    """It comes as an error that carries the job."""
    server.answer(CREATED, Answer(200, job(status="cancelled", result=None)))

    error = client.jobs.run("slow", poll=QUICK).error

    assert isinstance(error, JobCancelled)
    assert error.job is not None
    assert (error.job.status, error.job_id) == ("cancelled", JOB_ID)


def test_sends_what_submit_sends(client: FluxbaseClient, server: LocalServer) -> None:
    """Every option of the submit, under the caller's key."""
    server.answer(CREATED, Answer(200, job()))
    options: dict[str, Any] = {"namespace": "media", "priority": 1, "scheduled": "2030-01-02T03:04:05Z", "on_behalf_of": JOB_ID}

    client.jobs.run("resize", {"n": 1}, idempotency_key="order-7", timeout=timedelta(minutes=1), **options).unwrap()

    sent = server.requests[0]
    assert sent.headers["idempotency-key"] == "order-7"
    assert sent.json() == {
        "job_name": "resize",
        "payload": {"n": 1},
        "namespace": "media",
        "priority": 1,
        "scheduled_at": "2030-01-02T03:04:05Z",
        "on_behalf_of": {"user_id": JOB_ID},
    }


def test_forgives_one_404_directly_after_the_submit(client: FluxbaseClient, server: LocalServer) -> None:
    """The server answers so when its database stumbles."""
    missing = Answer(404, {"error": "Job not found"})
    server.answer(CREATED, missing, Answer(200, job()), CREATED, missing, missing)

    assert client.jobs.run("echo", poll=QUICK).ok
    error = client.jobs.run("echo", poll=QUICK).error
    assert isinstance(error, NotFound)
    assert error.job_id == JOB_ID


def test_a_submit_that_fails_is_the_result(connect: Connect, server: LocalServer) -> None:
    """Nothing is waited for; a bad argument of the wait keeps the job from being sent at all."""
    client = connect(server.url, "eyJ.a-token", retry=None)
    server.answer(Answer(fault="drop after reading"))

    assert isinstance(client.jobs.run("echo").error, ConnectionFailed)
    assert isinstance(client.jobs.run("echo", timeout=-1).error, InvalidInput)
    assert len(server.requests) == 1
