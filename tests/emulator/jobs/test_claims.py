"""Which job is claimed next, and that no two workers claim the same."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.clock import SystemClock
from fluxbase_jobs.emulator.store import Database, Job, JobFilter, Jobs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.servers.emulator_in_process import AdjustableClock, serving

NOW = 1_000_000
PLAIN: dict[str, Any] = {
    "namespace": "default",
    "job_function_id": None,
    "job_name": "f",
    "max_duration_seconds": 1,
    "progress_timeout_seconds": 1,
    "max_retries": 0,
}

order: list[int] = []
gate = Event()


@function("hold")
def hold(_payload: dict[str, Any], _context: Context) -> None:
    """Keep the worker busy until the test opens the gate."""
    gate.wait(10)


@function("record")
def record(payload: dict[str, Any], _context: Context) -> None:
    """Record the order of runs."""
    order.append(payload["n"])


@contextmanager
def jobs_of(fields: Iterable[dict[str, Any]]) -> Generator[Jobs]:
    """A store with these jobs."""
    with closing(Database(None, SystemClock())) as database:
        jobs = Jobs(database)
        for values in fields:
            jobs.add(Job(**{**PLAIN, **values}))
        yield jobs


def claim_all(jobs: Jobs, worker: str = "w", now: int = NOW) -> list[str]:
    """Claim until no job is left; the ids in order."""
    return [job.id for job in iter(lambda: jobs.claim(worker, now), None)]


SMALL = st.integers(0, 3)
DUE = st.none() | st.integers(NOW - 1, NOW + 1)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-2, 2), SMALL, DUE), max_size=20))
def test_order(drawn: list[tuple[int, int, int | None]]) -> None:
    """Jobs are claimed by priority, then age, then order of submission; jobs that are not due wait."""
    due = [n for n, (_, _, scheduled_at) in enumerate(drawn) if scheduled_at is None or scheduled_at <= NOW]
    expected = sorted(due, key=lambda n: (-drawn[n][0], drawn[n][1], n))
    names = ("priority", "created_at", "scheduled_at")

    with jobs_of({"id": str(n), **dict(zip(names, values, strict=True))} for n, values in enumerate(drawn)) as jobs:
        assert claim_all(jobs) == [str(n) for n in expected]
        assert len(claim_all(jobs, now=NOW + 1)) == len(drawn) - len(due)


def test_many_workers() -> None:
    """When many workers claim at once, each job goes to exactly one."""
    count, claimed = 400, dict[str, list[str]]()

    def work(jobs: Jobs, worker: str) -> None:
        claimed[worker] = claim_all(jobs, worker)

    with jobs_of({"id": str(n), "created_at": n} for n in range(count)) as jobs:
        threads = [Thread(target=work, args=[jobs, str(n)]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        workers = {job.id: job.worker_id for job in jobs.find(JobFilter(limit=0))}

    assert sum(map(len, claimed.values())) == count
    assert {job_id: worker for worker, ids in claimed.items() for job_id in ids} == workers


def test_served_order() -> None:
    """Over HTTP too: a worker runs jobs by priority, then age, and a scheduled job once it is due."""
    clock, later = AdjustableClock(), datetime.now(UTC) + timedelta(hours=1)
    with serving(record, hold, workers=1, jobs_per_worker=1, clock=clock) as running, running.client() as client:
        client.until(client.queue("hold"), lambda job: job["status"] == "running")
        jobs = [client.queue("record", {"n": n}, priority=priority) for n, priority in enumerate([0, 5, 0, -1, 5], start=1)]
        scheduled = client.queue("record", {"n": 6}, priority=9, scheduled_at=later.isoformat())
        gate.set()
        for job_id in jobs:
            client.ended(job_id)
        waiting = client.job(scheduled)["status"]
        clock.ahead_seconds = 3601
        client.ended(scheduled)

    assert order == [2, 5, 1, 3, 4, 6]
    assert waiting == "pending"
