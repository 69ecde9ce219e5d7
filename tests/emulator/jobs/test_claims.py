"""Which job is run next, and that no two workers run the same."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.clock import SystemClock
from fluxbase_jobs.emulator.store import Database, Job, JobFilter, Jobs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.emulator_in_process import AdjustableClock, serving

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

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
    """Keeps its worker busy."""
    gate.wait(10)


@function("note")
def note(payload: dict[str, Any], _context: Context) -> None:
    """Notes that it runs."""
    order.append(payload["n"])


@contextmanager
def jobs_of(fields: Iterable[dict[str, Any]]) -> Generator[Jobs]:
    """Give a store with these jobs while the block runs."""
    with closing(Database(None, SystemClock())) as database:
        jobs = Jobs(database)
        for values in fields:
            jobs.add(Job(**{**PLAIN, **values}))
        yield jobs


def claim_all(jobs: Jobs, worker: str = "w", now: int = NOW) -> list[str]:
    """Claim until nothing is left."""
    return [job.id for job in iter(lambda: jobs.claim(worker, now), None)]


SMALL = st.integers(0, 3)
DUE = st.none() | st.integers(NOW - 1, NOW + 1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(-2, 2), SMALL, DUE), max_size=20))
def test_order(drawn: list[tuple[int, int, int | None]]) -> None:
    """The highest priority is first, then the oldest, then what was submitted first; what is not due waits."""
    due = [n for n, (_, _, scheduled_at) in enumerate(drawn) if scheduled_at is None or scheduled_at <= NOW]
    expected = sorted(due, key=lambda n: (-drawn[n][0], drawn[n][1], n))
    names = ("priority", "created_at", "scheduled_at")

    with jobs_of({"id": str(n), **dict(zip(names, values, strict=True))} for n, values in enumerate(drawn)) as jobs:
        assert claim_all(jobs) == [str(n) for n in expected]
        assert len(claim_all(jobs, now=NOW + 1)) == len(drawn) - len(due)


def test_many_workers() -> None:
    """However many claim at once, each job goes to one."""
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
    """Over HTTP too: one worker runs the urgent before the old, and the scheduled when its time has come."""
    clock, later = AdjustableClock(), datetime.now(UTC) + timedelta(hours=1)
    with serving(note, hold, workers=1, jobs_per_worker=1, clock=clock) as running, running.client() as client:
        client.until(client.queue("hold"), lambda job: job["status"] == "running")
        jobs = [client.queue("note", {"n": n}, priority=priority) for n, priority in enumerate([0, 5, 0, -1, 5], start=1)]
        scheduled = client.queue("note", {"n": 6}, priority=9, scheduled_at=later.isoformat())
        gate.set()
        for job_id in jobs:
            client.ended(job_id)
        waiting = client.job(scheduled)["status"]
        clock.ahead_seconds = 3601
        client.ended(scheduled)

    assert order == [2, 5, 1, 3, 4, 6]
    assert waiting == "pending"
