"""`admin.jobs`: reading, cancelling, terminating, retrying and resubmitting all users' jobs."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, NotAllowedInState, NotFound, ServerFailed

from tests.support.sample_responses import JOB_ID, job, page, recorded
from tests.support.servers.local_server import Answer, LocalServer

QUEUE: Final = "/api/v1/admin/jobs/queue"
WORKER: Final = "d866a638-d3e9-47a5-a715-c76ffc7e0963"
DONE: Final = Answer(200, {"message": "done"})
BARE: Final = Answer(500, {"error": "Failed to do it", "request_id": "r-1"}, {"x-request-id": "r-1"})
MISSING: Final = Answer(404, {"error": "Job not found"})

change = pytest.mark.parametrize("verb", ["cancel", "terminate", "retry", "resubmit"])


def test_list_sends_every_filter(client: FluxbaseClient, server: LocalServer) -> None:
    """The worker's id in its canonical form."""
    server.answer(Answer(200, page(job())))

    listed = client.admin.jobs.list_jobs(
        status="failed", namespace="media", job_name="resize", worker_id=WORKER.upper(), include_result=True, limit=5, offset=2
    ).unwrap()

    assert [entry.id for entry in listed] == [JOB_ID]
    assert server.request_lines == [f"GET {QUEUE}"]
    assert server.requests[0].query == {
        "status": "failed",
        "namespace": "media",
        "job_name": "resize",
        "worker_id": WORKER,
        "include_result": "true",
        "limit": "5",
        "offset": "2",
    }


def test_null_list_is_empty(client: FluxbaseClient, server: LocalServer) -> None:
    """The server sends null if there are no jobs."""
    server.answer(Answer(200, page()))

    assert client.admin.jobs.list_jobs(worker_id=UUID(WORKER)).unwrap() == []
    assert server.requests[0].query == {"worker_id": WORKER, "limit": "50", "offset": "0"}


def test_default_namespace_is_filtered_by_the_client(client: FluxbaseClient, server: LocalServer) -> None:
    """It is not sent, because version 2026-04 would find nothing; pages are read until the limit is reached."""
    ids = [JOB_ID[:-3] + f"{number:03}" for number in range(150)]
    jobs = [job(id=each, namespace="default" if index % 50 == 0 else "media") for index, each in enumerate(ids)]
    server.answer(Answer(200, page(*jobs[:100])), Answer(200, page(*jobs[99:])))

    listed = client.admin.jobs.list_jobs(namespace="default", worker_id=WORKER, limit=2, offset=1).unwrap()

    assert [entry.id for entry in listed] == [ids[50], ids[100]]
    assert [request.query for request in server.requests] == [
        {"worker_id": WORKER, "limit": "100", "offset": "0"},
        {"worker_id": WORKER, "limit": "101", "offset": "99"},
    ]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"worker_id": "abc"}, "worker_id"),
        ({"worker_id": ""}, "worker_id"),
        ({"limit": 0}, "limit"),
        ({"offset": -1}, "offset"),
        ({"status": ""}, "status"),
        ({"include_result": 1}, "include_result"),
        ({"namespace": "default", "limit": True}, "limit"),
        ({"namespace": "default", "worker_id": "abc"}, "worker_id"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_invalid_filters_are_refused(client: FluxbaseClient, server: LocalServer, filters: dict[str, Any], says: str) -> None:
    """The server would ignore an invalid worker id and return all jobs."""
    error = client.admin.jobs.list_jobs(**filters).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert server.requests == []


def test_get_job(client: FluxbaseClient, server: LocalServer) -> None:
    """By its id, in any form that the server accepts."""
    server.answer(Answer(200, job()))

    found = client.admin.jobs.get_job(UUID(JOB_ID).hex.upper()).unwrap()

    assert (found.id, found.status) == (JOB_ID, "completed")
    assert server.request_lines == [f"GET {QUEUE}/{JOB_ID}"]


@pytest.mark.parametrize("verb", ["get_job", "cancel", "terminate", "retry", "resubmit"])
def test_invalid_id_is_refused(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """Nothing is sent."""
    error = getattr(client.admin.jobs, verb)("../stats").error

    assert isinstance(error, InvalidInput)
    assert server.requests == []


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
def test_cancel_and_terminate(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """One POST with an idempotency key, and no data."""
    server.answer(DONE)

    assert getattr(client.admin.jobs, verb)(JOB_ID).unwrap() is None
    assert server.request_lines == [f"POST {QUEUE}/{JOB_ID}/{verb}"]
    assert len(server.requests[0].headers["idempotency-key"]) >= 20


def test_retry_returns_the_job(client: FluxbaseClient, server: LocalServer) -> None:
    """In a GET, because the response of the POST does not contain it."""
    server.answer(DONE, Answer(200, job(status="pending", retry_count=1)))

    retried = client.admin.jobs.retry(JOB_ID)

    assert retried.unwrap().retry_count == 1
    assert retried.meta.attempts == 2
    assert server.request_lines == [f"POST {QUEUE}/{JOB_ID}/retry", f"GET {QUEUE}/{JOB_ID}"]


def test_failed_get_after_an_accepted_retry(client: FluxbaseClient, server: LocalServer) -> None:
    """The error is that of the GET, but not retryable."""
    server.answer(DONE, Answer(503, {"error": "later"}))

    error = client.admin.jobs.retry(JOB_ID).error

    assert isinstance(error, ServerFailed)
    assert (error.message, error.retryable) == ("the retry was accepted, but the job could not be read back: later", False)


def test_resubmit_returns_the_new_job(client: FluxbaseClient, server: LocalServer) -> None:
    """The response contains it."""
    copy = recorded("admin", "resubmit")
    server.answer(Answer(copy.status, copy.body))

    copied = client.admin.jobs.resubmit(JOB_ID).unwrap()

    assert (copied.id, copied.status) == (copy.json()["id"], "pending")
    assert server.request_lines == [f"POST {QUEUE}/{JOB_ID}/resubmit"]
    assert "idempotency-key" in server.requests[0].headers


@pytest.mark.parametrize(
    ("verb", "state", "says"),
    [
        ("cancel", {"status": "completed"}, "the job cannot be cancelled: it is completed already"),
        ("terminate", {"status": "failed"}, "the job cannot be terminated: it is failed, and only running jobs can"),
        ("terminate", {"status": "pending"}, "the job cannot be terminated: it is pending, and only running jobs can"),
        ("retry", {"status": "running"}, "the job cannot be retried: it is running, and only failed jobs can"),
        ("retry", {"status": "failed", "retry_count": 2, "max_retries": 2}, "the job cannot be retried: no retries left, 2 of 2 used"),
    ],
)
def test_500_is_explained(client: FluxbaseClient, server: LocalServer, verb: str, state: dict[str, Any], says: str) -> None:
    """A GET of the job on the admin route shows why; the error keeps the status and the server's message."""
    server.answer(BARE, Answer(200, job(**state)))

    result = getattr(client.admin.jobs, verb)(JOB_ID)

    error = result.error
    assert isinstance(error, NotAllowedInState)
    assert (error.message, error.status, error.job_status) == (says, 500, state["status"])
    assert (error.details, error.request_id, error.attempts, error.job_id) == ("Failed to do it", "r-1", 2, JOB_ID)
    assert result.meta.attempts == 2
    assert server.request_lines == [f"POST {QUEUE}/{JOB_ID}/{verb}", f"GET {QUEUE}/{JOB_ID}"]


def test_resubmit_of_unknown_job_is_not_found(client: FluxbaseClient, server: LocalServer) -> None:
    """A GET explains the server's 500, which the error keeps as status and mentions."""
    response = recorded("admin", "resubmit unknown")
    server.answer(Answer(response.status, response.body), MISSING)

    error = client.admin.jobs.resubmit(JOB_ID).error

    assert isinstance(error, NotFound)
    assert (error.status, error.details, error.attempts) == (500, "Failed to resubmit job", 2)
    assert error.message == "there is no job with this id to resubmit (the server answers that with 500)"
    assert server.request_lines == [f"POST {QUEUE}/{JOB_ID}/resubmit", f"GET {QUEUE}/{JOB_ID}"]


@pytest.mark.parametrize(
    ("verb", "state"), [("cancel", "running"), ("terminate", "running"), ("retry", "failed"), ("resubmit", "completed")]
)
@pytest.mark.parametrize("read_back", ["allows it", "fails"])
def test_500_without_explanation_is_server_failed(
    client: FluxbaseClient, server: LocalServer, verb: str, state: str, read_back: str
) -> None:
    """If the job's status would allow the call, or cannot be read."""
    server.answer(BARE, Answer(200, job(status=state, max_retries=3)) if read_back == "allows it" else Answer(503))

    error = getattr(client.admin.jobs, verb)(JOB_ID).error

    assert isinstance(error, ServerFailed)
    assert (error.status, error.message, error.retryable) == (500, "Failed to do it", False)


@change
def test_other_errors_are_not_explained(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """There is only one request."""
    server.answer(MISSING)

    error = getattr(client.admin.jobs, verb)(JOB_ID).error

    assert isinstance(error, NotFound)
    assert (error.status, error.message, len(server.requests)) == (404, "Job not found", 1)


@pytest.mark.parametrize(("verb", "label"), [("terminate", "terminate again"), ("retry", "retry a cancelled job")])
def test_not_allowed_has_the_job_status(client: FluxbaseClient, server: LocalServer, verb: str, label: str) -> None:
    """From the server's message."""
    response = recorded("admin", label)
    server.answer(Answer(response.status, response.body))

    error = getattr(client.admin.jobs, verb)(JOB_ID).error

    assert isinstance(error, NotAllowedInState)
    assert (error.status, error.job_status, error.message) == (400, "cancelled", response.json()["error"])


def test_iterate_yields_each_job_once(client: FluxbaseClient, server: LocalServer) -> None:
    """Page by page, with the filters of the list."""
    ids = [str(UUID(int=number)) for number in range(1, 4)]
    server.answer(Answer(200, page(*(job(id=each) for each in ids[:2]))), Answer(200, page(*(job(id=each) for each in ids[1:2]))))

    found = [result.unwrap().id for result in client.admin.jobs.iterate_jobs(worker_id=WORKER, page_size=2)]

    assert found == ids[:2]
    assert [(request.path, request.query["offset"], request.query["worker_id"]) for request in server.requests] == [
        (QUEUE, "0", WORKER),
        (QUEUE, "1", WORKER),
    ]


def test_a_job_that_the_server_denies_is_read_and_terminated(client: FluxbaseClient, server: LocalServer) -> None:
    """April 2026 servers deny jobs that exist to admins too: this one is looked for in the list, and the change is tried again."""
    running = job(status="running")
    server.answer(Answer(200, running), MISSING, Answer(200, page(running)), MISSING, Answer(200, page(running)), DONE)
    client.admin.jobs.get_job(JOB_ID).unwrap()

    denied, terminated = client.admin.jobs.get_job(JOB_ID), client.admin.jobs.terminate(JOB_ID)

    assert (denied.unwrap().id, denied.meta.false_not_found) == (JOB_ID, 1)
    assert (terminated.ok, terminated.meta.false_not_found) == (True, 1)


def test_a_denied_job_is_not_said_to_be_missing_where_it_is_resubmitted(client: FluxbaseClient, server: LocalServer) -> None:
    """The server answers 500, and then denies the job: it is in the list."""
    server.answer(Answer(200, job()), BARE, MISSING, Answer(200, page(job())))
    client.admin.jobs.get_job(JOB_ID).unwrap()

    error = client.admin.jobs.resubmit(JOB_ID).error

    assert isinstance(error, ServerFailed)
    assert "the job exists" in str(error.hint)
