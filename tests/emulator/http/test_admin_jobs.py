"""The admin routes for the job queue: what admins can do with a job, and which roles may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.support.servers.emulator_in_process import ADMIN

if TYPE_CHECKING:
    from tests.emulator.conftest import Sign
    from tests.support.servers.emulator_in_process import Client, Running

QUEUE = f"{ADMIN}/queue"


def running(admin: Client) -> str:
    """Submit a job, wait until it runs, and give its id."""
    job_id = admin.queue("slow")
    admin.until(job_id, lambda job: job["status"] == "running")
    return job_id


def test_get_and_list_answer_as_on_the_user_routes(admin: Client) -> None:
    """The responses are the same."""
    job_id = admin.run("echo", {"a": 1})["id"]

    listed = admin.get(QUEUE, params={"limit": 5, "include_result": "true"}).json()

    assert admin.get(f"{QUEUE}/{job_id}").text == admin.get(f"/api/v1/jobs/{job_id}").text
    assert listed == admin.get("/api/v1/jobs", params={"limit": 5, "include_result": "true"}).json()
    assert listed["jobs"][0]["id"] == job_id


def test_jobs_are_filtered_by_worker(admin: Client) -> None:
    """The id may have any form of a UUID; a text that is not a UUID is ignored."""
    worker: str = admin.run("echo")["worker_id"]

    def found(worker_id: str) -> list[str]:
        jobs: list[dict[str, str]] = admin.get(QUEUE, params={"worker_id": worker_id, "limit": 200}).json()["jobs"] or []
        return [job.get("worker_id", "none") for job in jobs]

    assert set(found(worker)) == set(found(worker.upper())) == {worker}
    assert found(str(uuid4())) == []
    assert len(found("zz")) == len(found("")) >= len(found(worker))


def test_terminating_ends_a_run(admin: Client) -> None:
    """Terminating cancels a running job; a job that does not run is refused."""
    job_id = running(admin)

    assert admin.post(f"{QUEUE}/{job_id}/terminate").text == '{"message":"Job terminated"}'
    assert admin.job(job_id)["status"] == "cancelled"
    again = admin.post(f"{QUEUE}/{job_id}/terminate")
    assert (again.status_code, again.text) == (400, '{"error":"Only running jobs can be terminated","status":"cancelled"}')


def test_a_pending_job_can_be_cancelled_but_not_terminated(admin: Client) -> None:
    """A pending job has no run to terminate."""
    job_id = admin.queue("echo", scheduled_at="2099-01-01T00:00:00Z")

    refused = admin.post(f"{QUEUE}/{job_id}/terminate")

    assert (refused.status_code, refused.json()["status"]) == (400, "pending")
    assert admin.post(f"{QUEUE}/{job_id}/cancel").json() == {"message": "Job cancelled"}


def test_a_failed_job_is_retried(admin: Client) -> None:
    """The retried job keeps its id."""
    job_id = admin.run("flaky")["id"]

    assert admin.post(f"{QUEUE}/{job_id}/retry").json() == {"message": "Job requeued for retry"}
    assert admin.ended(job_id)["retry_count"] == 1


def test_a_job_in_any_state_can_be_resubmitted(admin: Client, emulator: Running) -> None:
    """The new job has a new id, the same owner, no schedule, and the payload as stored."""
    with emulator.client() as user:
        original = user.job(user.queue("echo", {"bb": 1, "a": "<b>"}, priority=3, scheduled_at="2099-01-01T00:00:00Z"))

    response = admin.post(f"{QUEUE}/{original['id']}/resubmit")
    again: dict[str, Any] = response.json()

    assert response.status_code == 201
    assert again["payload"] == original["payload"] == '{"a": "<b>", "bb": 1}'
    assert again["id"] != original["id"]
    assert again.keys() == original.keys() - {"scheduled_at", "user_name"}
    kept = again.keys() - {"id", "created_at"}
    assert {key: again[key] for key in kept} == {key: original[key] for key in kept}
    assert admin.ended(again["id"])["status"] == "completed"


def test_a_resubmitted_job_has_nothing_of_the_run(admin: Client) -> None:
    """Progress, result and times of the first run are gone."""
    original = admin.run("flaky")

    again = admin.post(f"{QUEUE}/{original['id']}/resubmit").json()

    ended = {"error_message", "worker_id", "started_at", "last_progress_at", "completed_at"}
    assert original.keys() - again.keys() == {"progress", "progress_percent", "progress_message", *ended}
    assert (again["status"], again["retry_count"]) == ("pending", 0)


@pytest.mark.parametrize(
    ("method", "path", "unknown"),
    [
        ("GET", "", (404, "Job not found")),
        ("POST", "/cancel", (404, "Job not found")),
        ("POST", "/terminate", (404, "Job not found")),
        ("POST", "/retry", (404, "Job not found")),
        ("POST", "/resubmit", (500, "Failed to resubmit job")),
    ],
)
def test_unknown_and_invalid_ids(admin: Client, method: str, path: str, unknown: tuple[int, str]) -> None:
    """An unknown id and a text that is not an id get different errors."""
    missing = admin.request(method, f"{QUEUE}/{uuid4()}{path}")
    wrong = admin.request(method, f"{QUEUE}/zz{path}")

    assert (missing.status_code, missing.json()["error"]) == unknown
    assert (wrong.status_code, wrong.text) == (400, '{"error":"Invalid job ID"}')


def test_april_has_the_queue_at_two_places(april_admin: Client, march_admin: Client) -> None:
    """March servers have only one."""
    job_id = running(april_admin)
    short = f"{ADMIN}/{job_id}"

    assert april_admin.get(ADMIN, params={"limit": 1}).json()["jobs"][0]["id"] == job_id
    assert april_admin.get(short).json()["id"] == job_id
    assert april_admin.post(f"{short}/terminate").json() == {"message": "Job terminated"}
    again: str = april_admin.post(f"{short}/resubmit").json()["id"]
    assert april_admin.post(f"{ADMIN}/{again}/cancel").json() == {"message": "Job cancelled"}
    assert april_admin.post(f"{short}/retry").status_code == april_admin.post(f"{short}/cancel").status_code == 400
    assert april_admin.get(f"{ADMIN}/sync").json() == {"error": "Invalid job ID"}  # read as an id
    for path in (ADMIN, short, f"{ADMIN}/sync"):
        assert march_admin.get(path).json() == {"error": "Not Found", "path": path}


def test_routes_that_admins_do_not_have(admin: Client) -> None:
    """Neither server version has routes to read logs or change functions."""
    job_id = admin.run("echo")["id"]

    for method, path in (("GET", f"{QUEUE}/{job_id}/logs"), ("PUT", f"{ADMIN}/functions/default/echo"), ("POST", f"{ADMIN}/functions")):
        assert admin.request(method, path).json() == {"error": "Not Found", "path": path}


ADMINS = {
    "march": ({"admin", "dashboard_admin", "service_role"}, {"admin", "dashboard_admin", "service_role"}),
    "april": ({"admin", "instance_admin", "service_role"}, {"admin", "instance_admin", "service_role", "tenant_admin", "tenant_service"}),
}
ROLES = ["admin", "instance_admin", "dashboard_admin", "tenant_admin", "tenant_service", "service_role", "authenticated", "anon"]


@pytest.mark.parametrize("name", ADMINS)
def test_roles(request: pytest.FixtureRequest, sign: Sign, name: str) -> None:
    """On April servers a tenant's admins may use the queue, but no other admin route."""
    emulator: Running = request.getfixturevalue(name)
    for role in ROLES:
        with emulator.client(sign(role=role)) as client:
            queue = client.get(QUEUE, params={"limit": 1})
            others = [client.get(f"{ADMIN}/{path}") for path in ("functions", "namespaces", "stats", "workers")]
            sync = client.post(f"{ADMIN}/sync", json={"options": 1})
        allowed, allowed_queue = ADMINS[name]
        assert queue.status_code == (200 if role in allowed_queue else 403)
        assert {other.status_code for other in others} == {200 if role in allowed else 403}
        assert sync.status_code == (400 if role in allowed else 403)
