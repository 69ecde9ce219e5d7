"""What a client remembers of the jobs that it has seen."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from fluxbase_jobs import Job
from fluxbase_jobs._context.memory import MAX_JOBS, ClientMemory
from fluxbase_jobs._operations import readers
from msgspec.structs import replace

from tests.support.sample_responses import job


def jobs(first: int, count: int) -> list[Job]:
    """Jobs with the ids of these numbers."""
    sample = cast("Any", readers.job(json.dumps(job()).encode()))
    return [replace(sample, id=str(UUID(int=number))) for number in range(first, first + count)]


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_a_job_is_never_forgotten_while_it_is_seen_again() -> None:
    """Many threads read the same list while one looks for its job: 200 runs at once on one client do."""
    memory, listed, done = ClientMemory(), jobs(0, 200), threading.Event()
    memory.observe(listed)

    def read_the_list() -> None:
        while not done.is_set():
            memory.observe(listed)

    threads = [threading.Thread(target=read_the_list) for _ in range(3)]
    for thread in threads:
        thread.start()
    missed = sum(memory.seen(listed[number % 200].id) is None for number in range(100_000))
    done.set()
    for thread in threads:
        thread.join()

    assert missed == 0


def test_the_newest_jobs_are_remembered_and_a_job_that_is_seen_again_is_new() -> None:
    """In bounded memory."""
    memory = ClientMemory()
    (first,) = jobs(0, 1)
    memory.observe(first)
    start = 1
    for start in range(1, 3 * MAX_JOBS, 100):
        memory.observe(jobs(start, 100))
        memory.observe(first)

    newest = jobs(start + 100 - MAX_JOBS, MAX_JOBS)
    assert memory.seen(first.id) is not None
    assert all(memory.seen(job.id) for job in newest)
    assert memory.seen(jobs(1, 1)[0].id) is None
    assert memory.size <= 2 * MAX_JOBS
