"""`jobs.run` over real servers, sync and async. Timing is in plans/test_run.py."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any, Final

import pytest
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, InvalidInput, JobCancelled, JobFailed, NotFound, PollPolicy, Result, WaitTimeout

from tests.support.sample_responses import JOB_ID, job, page
from tests.support.servers.emulator_process import Address
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

QUICK: Final = PollPolicy(initial=0.01, maximum=0.05)
CREATED: Final = Answer(201, job(status="pending", result=None))
NO_LOG: Final = Answer(200, {"logs": None, "count": 0})
EMPTY: Final = job(result="{}")
DENIED: Final = Answer(500, {"error": "Failed to get job"})


@pytest.fixture
def emulator_client(connect: Connect, march: Address) -> FluxbaseClient:
    """A client of the emulator."""
    return connect(march.url, march.service_key)


def test_run_returns_the_completed_job(emulator_client: FluxbaseClient) -> None:
    """With its payload and its result; the callback got each change."""
    statuses: list[str] = []

    finished, error = emulator_client.jobs.run(
        "echo", {"n": 1}, priority=3, poll=QUICK, on_progress=lambda job: statuses.append(job.status)
    )

    assert error is None
    assert (finished.status, finished.priority, finished.result) == ("completed", 3, {"echo": {"n": 1}})
    assert statuses[-1] == "completed"


def test_failure_has_the_exception_text(emulator_client: FluxbaseClient) -> None:
    """From the log, in a second request; the error can be pickled with all its fields."""
    error = emulator_client.jobs.run("boom", poll=QUICK).error

    assert isinstance(error, JobFailed)
    assert (error.message, error.hint) == ("the reactor is on fire", None)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    for failed in (error, again):
        assert failed.job is not None
        assert (failed.job.status, failed.job.error, failed.job_id) == ("failed", "exit status 1", failed.job.id)
        assert "Job execution error: the reactor is on fire" in [str(line) for line in failed.log_tail]
        assert not any(line.message.startswith("__RESULT__::") for line in failed.log_tail)


def test_unsuccessful_result_has_the_servers_message(emulator_client: FluxbaseClient) -> None:
    """The log is not needed."""
    error = emulator_client.jobs.run("softfail", poll=QUICK).error

    assert isinstance(error, JobFailed)
    assert (error.message, error.hint) == ("validation failed: no rows", None)


def test_hint_if_the_log_is_not_visible(client: FluxbaseClient, server: LocalServer) -> None:
    """On version 2026-04, or for another user's job."""
    for refused in (Answer(404, {"error": "Job not found"}), Answer(500, {"error": "Failed"})):
        server.answer(CREATED, Answer(200, job(status="failed", error_message="exit status 1")), refused)

        error = client.jobs.run("boom", poll=QUICK).error

        assert isinstance(error, JobFailed)
        assert error.message == "exit status 1"
        assert error.hint is not None
        assert "log" in error.hint


def test_cancel_on_timeout(emulator_client: FluxbaseClient) -> None:
    """The error has the job, which is cancelled on the server."""
    error = emulator_client.jobs.run("slow", timeout=0.5, poll=QUICK, cancel_on_timeout=True).error

    assert isinstance(error, WaitTimeout)
    assert error.job is not None
    assert emulator_client.jobs.wait(error.job.id, poll=QUICK).unwrap().status == "cancelled"


def test_cancelled_job_is_an_error(client: FluxbaseClient, server: LocalServer) -> None:
    """The error has the job."""
    server.answer(CREATED, Answer(200, job(status="cancelled", result=None)))

    error = client.jobs.run("slow", poll=QUICK).error

    assert isinstance(error, JobCancelled)
    assert error.job is not None
    assert (error.job.status, error.job_id) == ("cancelled", JOB_ID)


def test_run_sends_the_options_of_submit(client: FluxbaseClient, server: LocalServer) -> None:
    """With the caller's idempotency key."""
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


def test_one_404_after_the_submit_is_ignored(client: FluxbaseClient, server: LocalServer) -> None:
    """The server sends it if its database has a transient failure. A job that is not in the list either is missing."""
    missing, unlisted = Answer(404, {"error": "Job not found"}), Answer(200, page())
    server.answer(CREATED, missing, unlisted, Answer(200, job()), CREATED, missing, unlisted, missing, unlisted)

    assert client.jobs.run("echo", poll=QUICK).ok
    error = client.jobs.run("echo", poll=QUICK).error
    assert isinstance(error, NotFound)
    assert error.job_id == JOB_ID


def test_failed_submit_is_the_result(connect: Connect, server: LocalServer) -> None:
    """There is no wait; an invalid argument of the wait prevents the submit."""
    client = connect(server.url, "eyJ.a-token", retry=None)
    server.answer(Answer(fault="drop after reading"))

    assert isinstance(client.jobs.run("echo").error, ConnectionFailed)
    assert isinstance(client.jobs.run("echo", timeout=-1).error, InvalidInput)
    assert len(server.requests) == 1


def told(result: Result[Any]) -> tuple[Any, bool | None, bool]:
    """The result, whether it is said to be lost, and whether a note says that it may be."""
    return result.unwrap().result, result.meta.result_lost, any("completed with {}" in note for note in result.meta.notes)


def test_that_a_result_may_be_lost_is_said_where_nobody_knows(client: FluxbaseClient, server: LocalServer) -> None:
    """On 2026-04, which hides logs, or denies them."""
    for log in (NO_LOG, DENIED):
        server.answer(CREATED, Answer(200, EMPTY), log)
        ran = client.jobs.run("echo", poll=QUICK)
        server.answer(Answer(200, EMPTY), log)
        waited = client.jobs.wait(JOB_ID, poll=QUICK)
        server.answer(CREATED, Answer(200, EMPTY), log)
        typed = client.jobs.define("echo", dict[str, Any], dict[str, Any]).run({}, poll=QUICK)

        assert [told(ran), told(waited), told(typed)] == [({}, None, True)] * 3


def test_that_a_result_may_be_lost_is_said_where_nobody_looks(client: FluxbaseClient, server: LocalServer) -> None:
    """`watch`, `watch_many` and `wait_many` read no logs."""
    server.answer(Answer(200, EMPTY))
    watched = list(client.jobs.watch(JOB_ID, poll=QUICK))
    both = [result for _, result in (*client.jobs.wait_many([JOB_ID], poll=QUICK), *client.jobs.watch_many([JOB_ID]))]

    assert [told(result) for result in (*watched, *both)] == [({}, None, True)] * 3
