"""`jobs.cancel`: what is sent, and why a job can't be cancelled."""

from __future__ import annotations

import pytest
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, InvalidInput, InvalidResponse, NotAllowedInState, NotFound, ServerFailed

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job, recorded
from tests.support.styles import Connect

DONE = Answer(200, {"message": "Job cancelled"})
FAILED = Answer(500, {"error": "Failed to cancel job", "request_id": "r-7"}, {"x-request-id": "r-7"})
POST, GET = f"POST /api/v1/jobs/{JOB_ID}/cancel", f"GET /api/v1/jobs/{JOB_ID}"


def test_sends_one_post_with_a_key_of_its_own(client: FluxbaseClient, server: LocalServer) -> None:
    """The key lets a resend after a dropped connection get the first answer; each call has another one."""
    server.answer(DONE)

    result = client.jobs.cancel(JOB_ID.upper())
    client.jobs.cancel(JOB_ID)

    assert (result.ok, result.data, result.error) == (True, None, None)
    first, second = server.requests
    assert server.request_lines == [POST, POST]
    assert first.body == b""
    assert first.headers["authorization"] == "Bearer eyJ.a-token"
    assert len(first.headers["idempotency-key"]) >= 20
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


@pytest.mark.parametrize(
    ("scenario", "label", "status"),
    [("lifecycle", "cancel a completed job", "completed"), ("logs_while_running", "cancel again", "cancelled")],
)
def test_a_job_that_has_ended_cannot_be_cancelled(
    client: FluxbaseClient, server: LocalServer, scenario: str, label: str, status: str
) -> None:
    """The server's 400 names the state, and so does the error."""
    server.answer(Answer(400, recorded(scenario, label).body))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, NotAllowedInState)
    assert (error.message, error.job_status, error.status, error.job_id) == ("Job cannot be cancelled", status, 400, JOB_ID)
    assert (error.retryable, len(server.requests)) == (False, 1)


def test_a_job_that_is_not_there(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded 404."""
    server.answer(Answer(404, recorded("ids", "cancel unknown").body))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, NotFound)
    assert (error.message, error.job_id, len(server.requests)) == ("Job not found", JOB_ID, 1)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "interrupted"])
def test_a_lost_race_is_explained(client: FluxbaseClient, server: LocalServer, status: str) -> None:
    """The job ended between the server's look and its update, which answers 500: one GET tells so."""
    server.answer(FAILED, Answer(200, job(status=status), {"x-request-id": "r-8"}))

    result = client.jobs.cancel(JOB_ID)

    error = result.error
    assert isinstance(error, NotAllowedInState)
    assert status in error.message
    assert (error.job_status, error.status, error.request_id, error.job_id) == (status, 500, "r-7", JOB_ID)
    assert not error.retryable
    assert server.request_lines == [POST, GET]
    assert (error.attempts, result.meta.attempts) == (2, 2)
    assert (result.meta.status, result.meta.request_id) == (500, "r-7")


@pytest.mark.parametrize(
    "second",
    [
        Answer(200, job(status="running")),
        Answer(200, job(status="a status of tomorrow")),
        Answer(404, {"error": "Job not found"}),
        Answer(500, {"error": "again"}),
        Answer(200, b"<html>"),
        Answer(fault="drop after reading"),
    ],
)
def test_a_500_that_the_state_does_not_explain_stays_one(client: FluxbaseClient, server: LocalServer, second: Answer) -> None:
    """The job still runs, or can't be read: the server's own words, and no second POST."""
    server.answer(FAILED, second)

    result = client.jobs.cancel(JOB_ID)

    error = result.error
    assert type(error) is ServerFailed
    assert (error.message, error.status, error.request_id, error.job_id) == ("Failed to cancel job", 500, "r-7", JOB_ID)
    assert not error.retryable
    assert server.request_lines == [POST, GET]


def test_an_unexplained_500_counts_both_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """`attempts` is how many requests were sent, that for the explanation included."""
    server.answer(FAILED, Answer(200, job(status="running")))

    result = client.jobs.cancel(JOB_ID)

    assert result.error is not None
    assert (result.meta.attempts, result.error.attempts) == (2, 2)


def test_a_500_is_kept_where_the_key_for_the_second_request_is_bad(connect: Connect, server: LocalServer) -> None:
    """The look at the job is our own idea: what goes wrong with it does not hide what the server said."""
    keys = iter(["eyJ.good", ""])
    server.answer(FAILED)

    _, error = connect(server.url, lambda: next(keys)).jobs.cancel(JOB_ID)

    assert type(error) is ServerFailed
    assert (error.message, error.status, server.request_lines) == ("Failed to cancel job", 500, [POST])


@pytest.mark.parametrize("status", [501, 502, 503, 504, 520])
def test_another_failure_is_not_looked_into(client: FluxbaseClient, server: LocalServer, status: int) -> None:
    """Only a bare 500 may be a lost race."""
    server.answer(Answer(status))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, ServerFailed)
    assert (error.status, server.request_lines) == (status, [POST])


def test_a_broken_connection_is_a_value(client: FluxbaseClient, server: LocalServer) -> None:
    """The job may be cancelled all the same."""
    server.answer(Answer(fault="drop after reading"))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, ConnectionFailed)
    assert (error.job_id, error.attempts) == (JOB_ID, 1)


def test_a_confirmation_must_be_one(client: FluxbaseClient, server: LocalServer) -> None:
    """A 200 of something else is no cancelled job."""
    server.answer(Answer(200, {"status": "ok"}))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, InvalidResponse)
    assert error.job_id == JOB_ID


@pytest.mark.parametrize("job_id", ["nope", "", None, f"{{{JOB_ID}}}", f"../{JOB_ID}"])
def test_refuses_what_is_no_id(client: FluxbaseClient, server: LocalServer, job_id: str) -> None:
    """Nothing is sent."""
    _, error = client.jobs.cancel(job_id)

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("job_id")
    assert server.requests == []
