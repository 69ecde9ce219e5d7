"""`jobs.retry`: a POST, the GET of the job after it, and why a job cannot be retried."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs import (
    ConnectionFailed,
    FluxbaseClient,
    FluxbaseError,
    InvalidInput,
    InvalidResponse,
    NotAllowedInState,
    NotFound,
    ServerFailed,
)

from tests.support.sample_responses import JOB_ID, job, page, recorded
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

ACCEPTED = Answer(200, {"message": "Job requeued for retry"}, {"x-request-id": "of the post"})
FAILED = Answer(500, {"error": "Failed to retry job", "request_id": "r-7"}, {"x-request-id": "r-7"})
POST, GET = f"POST /api/v1/jobs/{JOB_ID}/retry", f"GET /api/v1/jobs/{JOB_ID}"


def test_retry_returns_the_pending_job(client: FluxbaseClient, server: LocalServer) -> None:
    """The server only sends a message, so the job is read: the same id, pending, with one retry used."""
    wire = recorded("failures", "get right after retry 1").json()
    server.answer(ACCEPTED, Answer(200, {**wire, "id": JOB_ID}, {"x-request-id": "of the get"}))

    result = client.jobs.retry(JOB_ID.replace("-", ""))

    retried = result.unwrap()
    assert (retried.id, retried.status, retried.retry_count) == (JOB_ID, wire["status"], wire["retry_count"])
    assert server.request_lines == [POST, GET]
    assert (result.meta.attempts, result.meta.status, result.meta.request_id) == (2, 200, "of the get")


def test_retry_sends_a_new_idempotency_key(client: FluxbaseClient, server: LocalServer) -> None:
    """With the POST only; after a dropped connection, a resend does not retry the job twice."""
    server.answer(ACCEPTED, Answer(200, job()), ACCEPTED, Answer(200, job()))

    client.jobs.retry(JOB_ID).unwrap()
    client.jobs.retry(JOB_ID).unwrap()

    keys = [request.headers.get("idempotency-key", "") for request in server.requests]
    assert [len(key) >= 20 for key in keys] == [True, False, True, False]
    assert keys[0] != keys[2]
    assert [request.body for request in server.requests] == [b""] * 4


@pytest.mark.parametrize(
    ("scenario", "label", "status"),
    [
        ("lifecycle", "retry a completed job", "completed"),
        ("logs_while_running", "retry a cancelled job", "cancelled"),
        ("schedule", "retry a pending job", "pending"),
    ],
)
def test_retry_of_a_job_that_has_not_failed_is_not_allowed(
    client: FluxbaseClient, server: LocalServer, scenario: str, label: str, status: str
) -> None:
    """The server's 400 and the error name the status; there is no GET."""
    server.answer(Answer(400, recorded(scenario, label).body))

    _, error = client.jobs.retry(JOB_ID)

    assert isinstance(error, NotAllowedInState)
    assert (error.message, error.job_status, error.status) == ("Only failed jobs can be retried", status, 400)
    assert (error.job_id, error.retryable, len(server.requests)) == (JOB_ID, False, 1)
    assert error.hint == (
        f"jobs.wait('{JOB_ID}') waits for its end"
        if status in {"pending", "running"}
        else f"jobs.resubmit('{JOB_ID}') queues a new job like it"
    )


def test_retry_of_unknown_job_is_not_found(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded 404."""
    server.answer(Answer(404, recorded("ids", "retry unknown").body))

    _, error = client.jobs.retry(JOB_ID)

    assert isinstance(error, NotFound)
    assert (error.message, error.job_id, len(server.requests)) == ("Job not found", JOB_ID, 1)


@pytest.mark.parametrize(
    ("recording", "label"),
    [("failures", "boom: failed"), ("failures", "get right after retry 3")],
)
def test_exhausted_retries_are_explained(client: FluxbaseClient, server: LocalServer, recording: str, label: str) -> None:
    """The server responds with a 500; the job shows that no retries are left, and the message has both numbers."""
    wire = {**recorded(recording, label).json(), "id": JOB_ID}
    server.answer(FAILED, Answer(200, wire))

    result = client.jobs.retry(JOB_ID)

    error = result.error
    assert isinstance(error, NotAllowedInState)
    assert f"{wire['retry_count']} of {wire['max_retries']}" in error.message
    assert "no retries left" in error.message
    assert (error.job_status, error.status, error.request_id, error.job_id) == ("failed", 500, "r-7", JOB_ID)
    assert error.hint == f"jobs.resubmit('{JOB_ID}') queues a new job like it"
    assert not error.retryable
    assert server.request_lines == [POST, GET]
    assert (error.attempts, result.meta.attempts, result.meta.status) == (2, 2, 500)


@pytest.mark.parametrize("status", ["completed", "cancelled", "pending", "running", "interrupted"])
def test_job_that_was_retried_meanwhile_is_explained(client: FluxbaseClient, server: LocalServer, status: str) -> None:
    """The job is no longer failed."""
    server.answer(FAILED, Answer(200, job(status=status, max_retries=3, retry_count=1)))

    _, error = client.jobs.retry(JOB_ID)

    assert isinstance(error, NotAllowedInState)
    assert status in error.message
    assert (error.job_status, error.status) == (status, 500)


@pytest.mark.parametrize(
    "second",
    [
        Answer(200, job(status="failed", max_retries=3, retry_count=2)),
        Answer(404, {"error": "Job not found"}),
        Answer(503),
        Answer(200, "[]"),
        Answer(fault="drop after reading"),
    ],
)
def test_500_without_explanation_is_server_failed(client: FluxbaseClient, server: LocalServer, second: Answer) -> None:
    """If retries are left or the job cannot be read, the error has the server's message, and there is no second POST."""
    server.answer(FAILED, second)

    result = client.jobs.retry(JOB_ID)

    error = result.error
    assert type(error) is ServerFailed
    assert (error.message, error.status, error.request_id, error.job_id) == ("Failed to retry job", 500, "r-7", JOB_ID)
    assert not error.retryable
    assert server.request_lines == [POST, GET]


def test_500_without_explanation_counts_both_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """`attempts` includes the GET."""
    server.answer(FAILED, Answer(404))

    result = client.jobs.retry(JOB_ID)

    assert result.error is not None
    assert (result.meta.attempts, result.error.attempts) == (2, 2)


@pytest.mark.parametrize("status", [501, 502, 503, 504, 520])
def test_other_errors_are_not_explained(client: FluxbaseClient, server: LocalServer, status: int) -> None:
    """Only a 500 leads to a GET."""
    server.answer(Answer(status))

    _, error = client.jobs.retry(JOB_ID)

    assert isinstance(error, ServerFailed)
    assert (error.status, server.request_lines) == (status, [POST])


@pytest.mark.parametrize(
    ("second", "kind", "status"),
    [
        (Answer(503, {"error": "service_unavailable", "message": "Unable to verify token status"}), ServerFailed, 503),
        (Answer(404, {"error": "Job not found"}), NotFound, 404),
        (Answer(200, b"<html>"), InvalidResponse, 200),
        (Answer(fault="drop after reading"), ConnectionFailed, None),
    ],
)
def test_failed_get_after_an_accepted_retry(
    client: FluxbaseClient, server: LocalServer, second: Answer, kind: type[FluxbaseError], status: int | None
) -> None:
    """The error is not retryable, and its message says that the retry was accepted."""
    server.answer(ACCEPTED, second)

    result = client.jobs.retry(JOB_ID)

    error = result.error
    assert type(error) is kind
    assert error is not None
    assert "the retry was accepted" in str(error)
    assert (error.retryable, error.status, error.job_id) == (False, status, JOB_ID)
    assert (error.attempts, result.meta.attempts, result.meta.status) == (2, 2, status)
    assert server.request_lines == [POST, GET]


@pytest.mark.parametrize("second", ["", None])
def test_invalid_key_for_the_get_after_an_accepted_retry(connect: Connect, server: LocalServer, second: Any) -> None:
    """The message says that the retry was accepted."""
    keys = iter(["eyJ.good", second])
    client = connect(server.url, lambda: next(keys))
    server.answer(ACCEPTED)

    _, error = client.jobs.retry(JOB_ID)

    assert isinstance(error, InvalidInput)
    assert "the retry was accepted" in str(error)
    assert server.request_lines == [POST]


@pytest.mark.parametrize("job_id", ["nope", "", None, f"{{{JOB_ID}}}"])
def test_invalid_id_is_refused(client: FluxbaseClient, server: LocalServer, job_id: str) -> None:
    """Nothing is sent."""
    _, error = client.jobs.retry(job_id)

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("job_id")
    assert server.requests == []


def test_a_job_that_the_server_denies_is_refused_by_its_state(client: FluxbaseClient, server: LocalServer) -> None:
    """April 2026 servers deny jobs that exist: the list shows that no retries are left, so the retry is not tried again."""
    failed = job(status="failed", retry_count=2, max_retries=2)
    server.answer(Answer(200, failed), Answer(404, {"error": "Job not found"}), Answer(200, page(failed)))
    client.jobs.get(JOB_ID).unwrap()

    error = client.jobs.retry(JOB_ID).error

    assert isinstance(error, NotAllowedInState)
    assert "no retries left, 2 of 2 used" in error.message
    assert (error.job_status, "resubmit" in str(error.hint), len(server.requests)) == ("failed", True, 3)
