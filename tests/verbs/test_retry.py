"""`jobs.retry`: a POST, the GET of the job after it, and why a job can't be retried."""

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

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job, recorded
from tests.support.styles import Connect

ACCEPTED = Answer(200, {"message": "Job requeued for retry"}, {"x-request-id": "of the post"})
FAILED = Answer(500, {"error": "Failed to retry job", "request_id": "r-7"}, {"x-request-id": "r-7"})
POST, GET = f"POST /api/v1/jobs/{JOB_ID}/retry", f"GET /api/v1/jobs/{JOB_ID}"


def test_puts_the_job_back_and_reads_it(client: FluxbaseClient, server: LocalServer) -> None:
    """The server confirms in words only, so the job is read: same id, pending, one retry used."""
    told = recorded("failures", "get right after retry 1").json()
    server.answer(ACCEPTED, Answer(200, {**told, "id": JOB_ID}, {"x-request-id": "of the get"}))

    result = client.jobs.retry(JOB_ID.replace("-", ""))

    retried = result.unwrap()
    assert (retried.id, retried.status, retried.retry_count) == (JOB_ID, told["status"], told["retry_count"])
    assert server.request_lines == [POST, GET]
    assert (result.meta.attempts, result.meta.status, result.meta.request_id) == (2, 200, "of the get")


def test_carries_a_key_of_its_own(client: FluxbaseClient, server: LocalServer) -> None:
    """The POST alone; a resend after a dropped connection gets the first answer and no second retry."""
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
def test_only_failed_jobs_can_be_retried(client: FluxbaseClient, server: LocalServer, scenario: str, label: str, status: str) -> None:
    """The server's 400 names the state, and so does the error; there is no GET."""
    server.answer(Answer(400, recorded(scenario, label).body))

    _, error = client.jobs.retry(JOB_ID)

    assert isinstance(error, NotAllowedInState)
    assert (error.message, error.job_status, error.status) == ("Only failed jobs can be retried", status, 400)
    assert (error.job_id, error.retryable, len(server.requests)) == (JOB_ID, False, 1)


def test_a_job_that_is_not_there(client: FluxbaseClient, server: LocalServer) -> None:
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
    """The server answers a bare 500; the job's counts tell why, in words with both numbers."""
    told = recorded(recording, label).json()
    server.answer(FAILED, Answer(200, told))

    result = client.jobs.retry(JOB_ID)

    error = result.error
    assert isinstance(error, NotAllowedInState)
    assert f"{told['retry_count']} of {told['max_retries']}" in error.message
    assert "no retries left" in error.message
    assert (error.job_status, error.status, error.request_id, error.job_id) == ("failed", 500, "r-7", JOB_ID)
    assert not error.retryable
    assert server.request_lines == [POST, GET]
    assert (error.attempts, result.meta.attempts, result.meta.status) == (2, 2, 500)


@pytest.mark.parametrize("status", ["completed", "cancelled", "pending", "running", "interrupted"])
def test_a_lost_race_is_explained(client: FluxbaseClient, server: LocalServer, status: str) -> None:
    """Somebody else retried the job in between: it is not failed any more."""
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
def test_a_500_that_the_state_does_not_explain_stays_one(client: FluxbaseClient, server: LocalServer, second: Answer) -> None:
    """Retries are left, or the job can't be read: the server's own words, and no second POST."""
    server.answer(FAILED, second)

    result = client.jobs.retry(JOB_ID)

    error = result.error
    assert type(error) is ServerFailed
    assert (error.message, error.status, error.request_id, error.job_id) == ("Failed to retry job", 500, "r-7", JOB_ID)
    assert not error.retryable
    assert server.request_lines == [POST, GET]


def test_an_unexplained_500_counts_both_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """`attempts` is how many requests were sent, that for the explanation included."""
    server.answer(FAILED, Answer(404))

    result = client.jobs.retry(JOB_ID)

    assert result.error is not None
    assert (result.meta.attempts, result.error.attempts) == (2, 2)


@pytest.mark.parametrize("status", [501, 502, 503, 504, 520])
def test_another_failure_is_not_looked_into(client: FluxbaseClient, server: LocalServer, status: int) -> None:
    """Only a bare 500 may be a lost race or the end of the retries."""
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
def test_says_that_the_retry_was_accepted(
    client: FluxbaseClient, server: LocalServer, second: Answer, kind: type[FluxbaseError], status: int | None
) -> None:
    """After the confirmed POST a failing GET is no reason to retry once more: not retryable, and the message says so."""
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
def test_says_so_too_where_the_key_for_the_second_request_is_bad(connect: Connect, server: LocalServer, second: Any) -> None:
    """The caller's function has no good key for the GET: the job is in the queue all the same."""
    keys = iter(["eyJ.good", second])
    client = connect(server.url, lambda: next(keys))
    server.answer(ACCEPTED)

    _, error = client.jobs.retry(JOB_ID)

    assert isinstance(error, InvalidInput)
    assert "the retry was accepted" in str(error)
    assert server.request_lines == [POST]


@pytest.mark.parametrize("job_id", ["nope", "", None, f"{{{JOB_ID}}}"])
def test_refuses_what_is_no_id(client: FluxbaseClient, server: LocalServer, job_id: str) -> None:
    """Nothing is sent."""
    _, error = client.jobs.retry(job_id)

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("job_id")
    assert server.requests == []
