"""Submitting, reading, listing, cancelling and retrying jobs."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from fluxbase_jobs.emulator import Context, function

from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.conftest import Sign

FUTURE = "2100-01-02T03:04:05Z"


@pytest.fixture
def anyone(emulator: Running) -> Iterator[Client]:
    """A client of each server version."""
    with emulator.client() as client:
        yield client


def test_job_runs(anyone: Client) -> None:
    """A submitted job is pending, then runs, then has its handler's result."""
    submitted = anyone.submit("echo", {"n": 1}).json()
    job = anyone.ended(submitted["id"])

    assert submitted["status"] == "pending"
    assert submitted["payload"] == '{"n":1}'
    assert (job["status"], job["payload"], job["result"]) == ("completed", '{"n": 1}', '{"echo": {"n": 1}}')
    created, started, completed = (datetime.fromisoformat(job[name]) for name in ("created_at", "started_at", "completed_at"))
    assert created <= started <= completed
    assert job["user_name"] == "Developer"


def test_result_of_none(client: Client) -> None:
    """The job of a handler that returns None completes with an empty object."""
    assert client.run("null_result")["result"] == "{}"


def test_id_forms(client: Client) -> None:
    """An id may have upper case, no hyphens or a URN prefix; other forms are refused."""
    job_id = client.queue("echo")
    good = [job_id.upper(), UUID(job_id).hex, f"urn:uuid:{job_id}"]
    bad = [f"%7B{job_id}%7D", f"{job_id}%20", "nope", "..%2F..%2Fhealth"]

    assert {client.get(f"/api/v1/jobs/{form}").json().get("id") for form in good} == {job_id}
    assert {client.get(f"/api/v1/jobs/{form}").json().get("error") for form in bad} == {"Invalid job ID"}


@pytest.mark.parametrize(("action", "status"), [("", 404), ("/cancel", 404), ("/retry", 404), ("/logs", 500)])
def test_unknown_job(client: Client, action: str, status: int) -> None:
    """An unknown job is a 404, but its log a 500."""
    method = "POST" if action in {"/cancel", "/retry"} else "GET"

    assert client.request(method, f"/api/v1/jobs/{uuid4()}{action}").status_code == status


def test_all_callers_can_use_all_jobs(march: Running, sign: Sign) -> None:
    """Every caller may read, list, cancel and retry every job; only the log is limited to its owner."""
    with march.client() as owner, march.client(sign(role="anon")) as stranger:
        job_id = owner.queue("echo", scheduled_at=FUTURE)

        assert stranger.job(job_id)["status"] == "pending"
        assert job_id in {job["id"] for job in stranger.listed(limit=0)}
        assert stranger.logs(job_id).status_code == 404
        assert stranger.cancel(job_id).json() == {"message": "Job cancelled"}
        assert owner.job(job_id)["status"] == "cancelled"


def test_cancel_pending_job(client: Client) -> None:
    """A pending job can be cancelled once."""
    job_id = client.queue("echo", scheduled_at=FUTURE)

    assert client.cancel(job_id).json() == {"message": "Job cancelled"}
    assert client.cancel(job_id).json() == {"error": "Job cannot be cancelled", "status": "cancelled"}
    assert client.retry(job_id).json() == {"error": "Only failed jobs can be retried", "status": "cancelled"}
    assert "started_at" not in client.job(job_id)


def test_retry(client: Client) -> None:
    """A failed job keeps its id when it is retried; once its retries are used up, a retry is a 500."""
    job_id = client.queue("flaky")
    first = client.ended(job_id)

    assert client.retry(job_id).json() == {"message": "Job requeued for retry"}
    second = client.ended(job_id)
    assert client.retry(job_id).status_code == 200
    client.ended(job_id)
    refused = client.retry(job_id)
    assert [first["retry_count"], second["retry_count"], client.job(job_id)["retry_count"]] == [0, 1, 2]
    assert (refused.status_code, refused.json()["error"]) == (500, "Failed to retry job")
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


def test_retried_job_keeps_progress() -> None:
    """A retried job that is pending keeps the progress of the run before, but not its error."""
    gate = threading.Event()

    @function("blocker")
    def blocker(_payload: dict[str, Any], _context: Context) -> None:
        gate.wait(10)

    @function("flaky", max_retries=1)
    def flaky(_payload: dict[str, Any], context: Context) -> None:
        context.progress(30, "about to fail")
        raise RuntimeError

    with serving(blocker, flaky, workers=1, jobs_per_worker=1) as running, running.client() as client:
        job_id = client.run("flaky")["id"]
        client.until(client.queue("blocker"), lambda job: job["status"] == "running")
        client.retry(job_id)
        job = client.job(job_id)
        gate.set()

    assert (job["status"], job["progress_percent"]) == ("pending", 30)
    assert not {"error_message", "started_at", "worker_id", "completed_at"} & set(job)


def test_scheduled_job_waits() -> None:
    """A scheduled job is pending until it is due."""
    clock = AdjustableClock()
    with serving(clock=clock) as running, running.client() as client:
        job_id = client.queue("echo", scheduled_at=FUTURE)
        client.run("echo")
        waiting = client.job(job_id)["status"]
        clock.ahead_seconds = 100 * 366 * 24 * 3600
        client.headers["authorization"] = f"Bearer {client.sign_up()}"
        job = client.ended(job_id)

    assert (waiting, job["status"]) == ("pending", "completed")


def test_claim_order() -> None:
    """Jobs run in the order of their priority, then of their age."""
    gate, order = threading.Event(), list[int]()

    @function("blocker")
    def blocker(_payload: dict[str, Any], _context: Context) -> None:
        gate.wait(10)

    @function("note")
    def note(payload: dict[str, Any], _context: Context) -> None:
        order.append(payload["n"])

    with serving(blocker, note, workers=1, jobs_per_worker=1) as running, running.client() as client:
        client.until(client.queue("blocker"), lambda job: job["status"] == "running")
        jobs = [client.queue("note", {"n": n}, priority=priority) for n, priority in enumerate([0, 5, -1, 5, 0])]
        gate.set()
        for job_id in jobs:
            client.ended(job_id)

    assert order == [1, 3, 0, 4, 2]
