"""`admin.jobs`: everybody's jobs, read, cancelled, terminated, retried and resubmitted."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, NotAllowedInState, NotFound, ServerFailed

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job, page, recorded

QUEUE: Final = "/api/v1/admin/jobs/queue"
WORKER: Final = "d866a638-d3e9-47a5-a715-c76ffc7e0963"
DONE: Final = Answer(200, {"message": "done"})
BARE: Final = Answer(500, {"error": "Failed to do it", "request_id": "r-1"}, {"x-request-id": "r-1"})
MISSING: Final = Answer(404, {"error": "Job not found"})

change = pytest.mark.parametrize("verb", ["cancel", "terminate", "retry", "resubmit"])


def test_lists_with_every_filter(client: FluxbaseClient, server: LocalServer) -> None:
    """All filters are sent, the worker's id in its canonical form."""
    server.answer(Answer(200, page(job())))

    listed = client.admin.jobs.list_jobs(
        status="failed", namespace="media", job_name="resize", worker_id=WORKER.upper(), include_result=True, limit=5, offset=2
    ).unwrap()

    assert [entry.id for entry in listed] == [JOB_ID]
    assert server.asked == [f"GET {QUEUE}"]
    assert server.requests[0].query == {
        "status": "failed",
        "namespace": "media",
        "job_name": "resize",
        "worker_id": WORKER,
        "include_result": "true",
        "limit": "5",
        "offset": "2",
    }


def test_a_null_list_is_empty(client: FluxbaseClient, server: LocalServer) -> None:
    """The server says null for no jobs."""
    server.answer(Answer(200, page()))

    assert client.admin.jobs.list_jobs(worker_id=UUID(WORKER)).unwrap() == []
    assert server.requests[0].query == {"worker_id": WORKER, "limit": "50", "offset": "0"}


def test_the_default_namespace_is_picked_out_here(client: FluxbaseClient, server: LocalServer) -> None:
    """It is never sent, as April finds nothing in it; pages are read until there are enough, with the other filters kept."""
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
def test_refuses_filters(client: FluxbaseClient, server: LocalServer, filters: dict[str, Any], says: str) -> None:
    """A worker id that is none would be passed over by the server, and everything listed."""
    error = client.admin.jobs.list_jobs(**filters).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert server.requests == []


def test_reads_a_job(client: FluxbaseClient, server: LocalServer) -> None:
    """By its id, in any form that the server takes."""
    server.answer(Answer(200, job()))

    found = client.admin.jobs.get_job(UUID(JOB_ID).hex.upper()).unwrap()

    assert (found.id, found.status) == (JOB_ID, "completed")
    assert server.asked == [f"GET {QUEUE}/{JOB_ID}"]


@pytest.mark.parametrize("verb", ["get_job", "cancel", "terminate", "retry", "resubmit"])
def test_refuses_what_is_no_id(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """Nothing is sent."""
    error = getattr(client.admin.jobs, verb)("../stats").error

    assert isinstance(error, InvalidInput)
    assert server.requests == []


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
def test_ends_a_job(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """One keyed POST, and nothing as data."""
    server.answer(DONE)

    assert getattr(client.admin.jobs, verb)(JOB_ID).unwrap() is None
    assert server.asked == [f"POST {QUEUE}/{JOB_ID}/{verb}"]
    assert len(server.requests[0].headers["idempotency-key"]) >= 20


def test_retries_a_job_and_reads_it(client: FluxbaseClient, server: LocalServer) -> None:
    """The POST's answer does not hold the job."""
    server.answer(DONE, Answer(200, job(status="pending", retry_count=1)))

    retried = client.admin.jobs.retry(JOB_ID)

    assert retried.unwrap().retry_count == 1
    assert retried.meta.attempts == 2
    assert server.asked == [f"POST {QUEUE}/{JOB_ID}/retry", f"GET {QUEUE}/{JOB_ID}"]


def test_says_that_a_retry_was_accepted_where_the_job_cannot_be_read(client: FluxbaseClient, server: LocalServer) -> None:
    """The error of the GET, but no invitation to repeat."""
    server.answer(DONE, Answer(503, {"error": "later"}))

    error = client.admin.jobs.retry(JOB_ID).error

    assert isinstance(error, ServerFailed)
    assert (error.message, error.retryable) == ("the retry was accepted, but the job could not be read back: later", False)


def test_resubmits_a_job(client: FluxbaseClient, server: LocalServer) -> None:
    """The answer is the new job."""
    copy = recorded("admin", "resubmit")
    server.answer(Answer(copy.status, copy.body))

    copied = client.admin.jobs.resubmit(JOB_ID).unwrap()

    assert (copied.id, copied.status) == (copy.json()["id"], "pending")
    assert server.asked == [f"POST {QUEUE}/{JOB_ID}/resubmit"]
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
def test_explains_a_bare_500(client: FluxbaseClient, server: LocalServer, verb: str, state: dict[str, Any], says: str) -> None:
    """One look at the job, on the admin route, shows why; the status and the server's words are kept."""
    server.answer(BARE, Answer(200, job(**state)))

    result = getattr(client.admin.jobs, verb)(JOB_ID)

    error = result.error
    assert isinstance(error, NotAllowedInState)
    assert (error.message, error.status, error.job_status) == (says, 500, state["status"])
    assert (error.details, error.request_id, error.attempts, error.job_id) == ("Failed to do it", "r-1", 2, JOB_ID)
    assert result.meta.attempts == 2
    assert server.asked == [f"POST {QUEUE}/{JOB_ID}/{verb}", f"GET {QUEUE}/{JOB_ID}"]


def test_resubmitting_an_unknown_id_is_not_found(client: FluxbaseClient, server: LocalServer) -> None:
    """The server's 500 is looked into, kept as status, and mentioned."""
    told = recorded("admin", "resubmit unknown")
    server.answer(Answer(told.status, told.body), MISSING)

    error = client.admin.jobs.resubmit(JOB_ID).error

    assert isinstance(error, NotFound)
    assert (error.status, error.details, error.attempts) == (500, "Failed to resubmit job", 2)
    assert error.message == "there is no job with this id to resubmit (the server answers that with 500)"
    assert server.asked == [f"POST {QUEUE}/{JOB_ID}/resubmit", f"GET {QUEUE}/{JOB_ID}"]


@pytest.mark.parametrize(
    ("verb", "state"), [("cancel", "running"), ("terminate", "running"), ("retry", "failed"), ("resubmit", "completed")]
)
@pytest.mark.parametrize("look", ["allows it", "fails"])
def test_a_500_that_nothing_explains_stays(client: FluxbaseClient, server: LocalServer, verb: str, state: str, look: str) -> None:
    """Where the job's state would allow the call, or cannot be read, the server just failed."""
    server.answer(BARE, Answer(200, job(status=state, max_retries=3)) if look == "allows it" else Answer(503))

    error = getattr(client.admin.jobs, verb)(JOB_ID).error

    assert isinstance(error, ServerFailed)
    assert (error.status, error.message, error.retryable) == (500, "Failed to do it", False)


@change
def test_only_a_500_is_looked_into(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """Any other refusal stands as it is, after one request."""
    server.answer(MISSING)

    error = getattr(client.admin.jobs, verb)(JOB_ID).error

    assert isinstance(error, NotFound)
    assert (error.status, error.message, len(server.requests)) == (404, "Job not found", 1)


@pytest.mark.parametrize(("verb", "label"), [("terminate", "terminate again"), ("retry", "retry a cancelled job")])
def test_says_in_which_state_a_job_is(client: FluxbaseClient, server: LocalServer, verb: str, label: str) -> None:
    """The server's own refusal names it."""
    told = recorded("admin", label)
    server.answer(Answer(told.status, told.body))

    error = getattr(client.admin.jobs, verb)(JOB_ID).error

    assert isinstance(error, NotAllowedInState)
    assert (error.status, error.job_status, error.message) == (400, "cancelled", told.json()["error"])


def test_iterates_over_the_queue(client: FluxbaseClient, server: LocalServer) -> None:
    """Page by page, with the filters of the list, no job twice."""
    ids = [str(UUID(int=number)) for number in range(1, 4)]
    server.answer(Answer(200, page(*(job(id=each) for each in ids[:2]))), Answer(200, page(*(job(id=each) for each in ids[1:2]))))

    found = [result.unwrap().id for result in client.admin.jobs.iterate_jobs(worker_id=WORKER, page_size=2)]

    assert found == ids[:2]
    assert [(request.path, request.query["offset"], request.query["worker_id"]) for request in server.requests] == [
        (QUEUE, "0", WORKER),
        (QUEUE, "1", WORKER),
    ]
