"""The admin routes for statistics and workers."""

from __future__ import annotations

import json
import os
import socket
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fluxbase_jobs.emulator.profiles import MARCH

from tests.support.servers.emulator_in_process import ADMIN, AdjustableClock, serving

if TYPE_CHECKING:
    from tests.emulator.conftest import Sign
    from tests.support.servers.emulator_in_process import Client

DAY_SECONDS = 24 * 3600
NOTHING = {
    "total_jobs": 0,
    "pending_jobs": 0,
    "running_jobs": 0,
    "completed_jobs": 0,
    "failed_jobs": 0,
    "cancelled_jobs": 0,
    "avg_duration_seconds": 0,
    "jobs_by_status": None,
    "jobs_by_day": None,
    "jobs_by_function": None,
}


def stats(admin: Client, **query: str) -> dict[str, Any]:
    """Get the statistics."""
    found: dict[str, Any] = admin.get(f"{ADMIN}/stats", params=query).raise_for_status().json()
    return found


def test_jobs_are_counted() -> None:
    """Statuses are sorted by count; the average duration is that of all jobs that have ended after a run."""
    with serving(profile=MARCH) as running, running.client(running.service_key) as admin:
        assert stats(admin) == NOTHING
        ended = [admin.run("echo"), admin.run("echo"), admin.run("boom")]
        admin.queue("echo", scheduled_at="2099-01-01T00:00:00Z")

        found = stats(admin)

    seconds = [datetime.fromisoformat(job["completed_at"]) - datetime.fromisoformat(job["started_at"]) for job in ended]
    assert abs(timedelta(seconds=found.pop("avg_duration_seconds")) - sum(seconds, timedelta()) / 3) < timedelta(milliseconds=1)
    assert found == {
        "total_jobs": 4,
        "pending_jobs": 1,
        "running_jobs": 0,
        "completed_jobs": 2,
        "failed_jobs": 1,
        "cancelled_jobs": 0,
        "jobs_by_status": [
            {"status": "completed", "count": 2},
            {"status": "failed", "count": 1},
            {"status": "pending", "count": 1},
        ],
        "jobs_by_day": [{"date": ended[0]["created_at"][:10], "count": 4}],
        "jobs_by_function": [{"name": "echo", "count": 3}, {"name": "boom", "count": 1}],
    }


def test_a_namespace_is_counted_separately(admin: Client) -> None:
    """A namespace without jobs has zeros and nulls."""
    namespace = str(uuid4())
    admin.run("echo")
    admin.sync(namespace, {"name": "f"})
    admin.run("f", namespace=namespace)

    assert stats(admin, namespace=namespace)["jobs_by_function"] == [{"name": "f", "count": 1}]
    assert stats(admin, namespace="nope") == NOTHING
    assert stats(admin, namespace="")["total_jobs"] > 1


def test_april_counts_nothing_in_the_default_namespace(march_admin: Client, april_admin: Client) -> None:
    """April servers list no jobs for it either."""
    for admin in (march_admin, april_admin):
        admin.run("echo")

    assert stats(march_admin, namespace="default")["total_jobs"] > 0
    assert stats(april_admin, namespace="default") == NOTHING


def test_the_last_seven_days_and_the_ten_busiest_functions(sign: Sign) -> None:
    """Days are sorted newest first and left out if they have no jobs; functions with equal counts are sorted by name."""
    clock = AdjustableClock()
    names = [f"f{number:02}" for number in range(12)]
    with serving(clock=clock) as running, running.client(sign(role="service_role", lifetime=30 * DAY_SECONDS)) as admin:
        admin.sync("many", *[{"name": name} for name in names])
        created: list[str] = []
        for clock.ahead_seconds in (0, 2 * DAY_SECONDS, 4 * DAY_SECONDS, 8 * DAY_SECONDS):
            created += [admin.job(admin.queue(name))["created_at"][:10] for name in (*names, "f11")]

        found = stats(admin)

    days = sorted(set(created), reverse=True)
    assert found["jobs_by_day"] == [{"date": day, "count": 13} for day in days[:3]]
    assert found["jobs_by_function"] == [{"name": "f11", "count": 8}, *({"name": name, "count": 4} for name in names[:9])]
    assert found["total_jobs"] == 4 * 13


def test_march_shows_its_workers() -> None:
    """Workers report their host and capacity, and send a heartbeat every ten seconds."""
    clock = AdjustableClock()
    with serving(profile=MARCH, clock=clock) as running, running.client(running.service_key) as admin:
        job_id = admin.queue("slow")
        busy = admin.until(job_id, lambda job: job["status"] == "running")["worker_id"]
        clock.ahead_seconds = 25
        workers: list[dict[str, Any]] = admin.get(f"{ADMIN}/workers").json()
        admin.cancel(job_id)

    assert [worker["id"] for worker in workers if worker["current_job_count"] == 1] == [busy]
    assert len(workers) == 4
    host = socket.gethostname()
    for worker in workers:
        beats = datetime.fromisoformat(worker["last_heartbeat_at"]) - datetime.fromisoformat(worker["started_at"])
        assert beats in {timedelta(seconds=20), timedelta(seconds=30)}
        assert (worker["status"], worker["max_concurrent_jobs"], worker["hostname"]) == ("active", 5, host)
        assert worker["name"] == f"worker-{worker['id'][:8]}@{host}"
        assert json.loads(worker["metadata"]) == {"pid": os.getpid(), "hostname": host}


def test_april_shows_no_workers(april_admin: Client) -> None:
    """The response is null, as for any tenant."""
    assert april_admin.get(f"{ADMIN}/workers").text == "null"
