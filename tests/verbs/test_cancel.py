"""`jobs.cancel`: what is sent, and why a job cannot be cancelled."""

from __future__ import annotations

import pytest
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, InvalidInput, InvalidResponse, NotAllowedInState, NotFound, ServerFailed

from tests.support.sample_responses import JOB_ID, job, page, recorded
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

DONE = Answer(200, {"message": "Job cancelled"})
FAILED = Answer(500, {"error": "Failed to cancel job", "request_id": "r-7"}, {"x-request-id": "r-7"})
POST, GET = f"POST /api/v1/jobs/{JOB_ID}/cancel", f"GET /api/v1/jobs/{JOB_ID}"


def test_cancel_sends_one_post_with_a_new_idempotency_key(client: FluxbaseClient, server: LocalServer) -> None:
    """After a dropped connection, a retry gets the first response."""
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
def test_cancel_of_finished_job_is_not_allowed(client: FluxbaseClient, server: LocalServer, scenario: str, label: str, status: str) -> None:
    """The server's 400 and the error name the job's status."""
    server.answer(Answer(400, recorded(scenario, label).body))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, NotAllowedInState)
    assert (error.message, error.job_status, error.status, error.job_id) == ("Job cannot be cancelled", status, 400, JOB_ID)
    assert (error.retryable, len(server.requests)) == (False, 1)


def test_cancel_of_unknown_job_is_not_found(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded 404."""
    server.answer(Answer(404, recorded("ids", "cancel unknown").body))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, NotFound)
    assert (error.message, error.job_id, len(server.requests)) == ("Job not found", JOB_ID, 1)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "interrupted"])
def test_job_that_ended_meanwhile_is_explained(client: FluxbaseClient, server: LocalServer, status: str) -> None:
    """If the job ends during the call, the server responds with a 500; a GET of the job shows why."""
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
def test_500_without_explanation_is_server_failed(client: FluxbaseClient, server: LocalServer, second: Answer) -> None:
    """If the job still runs or cannot be read, the error has the server's message, and there is no second POST."""
    server.answer(FAILED, second)

    result = client.jobs.cancel(JOB_ID)

    error = result.error
    assert type(error) is ServerFailed
    assert (error.message, error.status, error.request_id, error.job_id) == ("Failed to cancel job", 500, "r-7", JOB_ID)
    assert not error.retryable
    assert server.request_lines == [POST, GET]


def test_500_without_explanation_counts_both_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """`attempts` includes the GET."""
    server.answer(FAILED, Answer(200, job(status="running")))

    result = client.jobs.cancel(JOB_ID)

    assert result.error is not None
    assert (result.meta.attempts, result.error.attempts) == (2, 2)


def test_500_is_kept_if_the_key_for_the_get_is_invalid(connect: Connect, server: LocalServer) -> None:
    """A failure of the GET does not hide the server's error."""
    keys = iter(["eyJ.good", ""])
    server.answer(FAILED)

    _, error = connect(server.url, lambda: next(keys)).jobs.cancel(JOB_ID)

    assert type(error) is ServerFailed
    assert (error.message, error.status, server.request_lines) == ("Failed to cancel job", 500, [POST])


@pytest.mark.parametrize("status", [501, 502, 503, 504, 520])
def test_other_errors_are_not_explained(client: FluxbaseClient, server: LocalServer, status: int) -> None:
    """Only a 500 leads to a GET."""
    server.answer(Answer(status))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, ServerFailed)
    assert (error.status, server.request_lines) == (status, [POST])


def test_broken_connection_is_an_error_value(client: FluxbaseClient, server: LocalServer) -> None:
    """The job may have been cancelled."""
    server.answer(Answer(fault="drop after reading"))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, ConnectionFailed)
    assert (error.job_id, error.attempts) == (JOB_ID, 1)


def test_200_with_another_body_is_an_invalid_response(client: FluxbaseClient, server: LocalServer) -> None:
    """It does not mean that the job was cancelled."""
    server.answer(Answer(200, {"status": "ok"}))

    _, error = client.jobs.cancel(JOB_ID)

    assert isinstance(error, InvalidResponse)
    assert error.job_id == JOB_ID


@pytest.mark.parametrize("job_id", ["nope", "", None, f"{{{JOB_ID}}}", f"../{JOB_ID}"])
def test_invalid_id_is_refused(client: FluxbaseClient, server: LocalServer, job_id: str) -> None:
    """Nothing is sent."""
    _, error = client.jobs.cancel(job_id)

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("job_id")
    assert server.requests == []


def test_an_ended_job_that_the_server_denies_cannot_be_cancelled(client: FluxbaseClient, server: LocalServer) -> None:
    """April 2026 servers deny jobs that exist: the list shows that this one has ended, so the cancel is not tried again."""
    ended = job(status="cancelled")
    server.answer(Answer(200, ended), Answer(404, {"error": "Job not found"}), Answer(200, page(ended)))
    client.jobs.get(JOB_ID).unwrap()

    error = client.jobs.cancel(JOB_ID).error

    assert isinstance(error, NotAllowedInState)
    assert (error.job_status, len(server.requests)) == ("cancelled", 3)
