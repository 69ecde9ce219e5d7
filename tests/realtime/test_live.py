"""Logs, tails, causes and many jobs, as they happen: against the emulator in both versions, or, with FLUXBASE_TEST_URL, a real server.

A real server may lose what a job prints just before it ends, so a test runs its job again where `meta` or a hint says that it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from os import environ
from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, Job, JobFailed, LogLine, Ok, Result

from tests.support.servers.server_under_test import ServerUnderTest

pytestmark = pytest.mark.slow

IS_REAL: Final = "FLUXBASE_TEST_URL" in environ
ATTEMPTS: Final = 5
"""A job of milliseconds may end before its log is listened to, on a busy machine also at the emulator."""
STEPS: Final[Mapping[str, Any]] = {"steps": 3, "delay_ms": 500 if IS_REAL else 100}
FIRST_LINES: Final = ["step 1 of 3", "step 2 of 3", "warning: step 2 was even"]
"""On a real server, stdout and stderr are two streams without a fixed order; the last step may be lost."""


def texts(lines: list[LogLine]) -> list[str]:
    """What the lines say, the one with the result left out."""
    return [str(line) for line in lines if not line.message.startswith("__RESULT__::")]


def run_until_kept(client: FluxbaseClient, name: str, payload: Mapping[str, Any]) -> Result[Job]:
    """Run a job; on a real server again, where it has lost the result or the cause."""
    for attempt in range(1, ATTEMPTS + 1):
        result = client.jobs.run(name, payload, timeout=60)
        lost = result.meta.result_lost or (isinstance(result.error, JobFailed) and result.error.hint is not None)
        if not lost or attempt == ATTEMPTS:
            return result
    raise AssertionError


def test_a_log_is_followed(live_client: FluxbaseClient) -> None:
    """In order, each line once, also where the server hides it from HTTP."""
    job = live_client.jobs.submit("steps", STEPS).unwrap()

    lines = [result.unwrap() for result in live_client.jobs.tail(job, timeout=60)]

    numbers = [line.line_number or 0 for line in lines]
    assert sorted(texts(lines))[:2] == FIRST_LINES[:2]
    assert FIRST_LINES[2] in texts(lines)
    assert numbers == sorted(set(numbers))
    assert live_client.realtime_state == "connected"


@pytest.mark.parametrize(
    ("name", "cause"),
    [("boom", "the reactor is on fire"), ("overtime", "execution timeout after 2s"), ("softfail", "validation failed: no rows")],
)
def test_a_failed_run_has_its_cause(live_client: FluxbaseClient, name: str, cause: str) -> None:
    """What it threw, what it returned, or what the server did to it."""
    error = run_until_kept(live_client, name, {}).error

    assert isinstance(error, JobFailed)
    assert (error.message, error.hint) == (cause, None)


def test_a_log_is_there_right_after_the_run(live_client: FluxbaseClient, server_under_test: ServerUnderTest) -> None:
    """Where the server hides it, from the lines that were heard, and `meta` says so."""
    job = run_until_kept(live_client, "steps", STEPS).unwrap()

    logs = live_client.jobs.logs(job)
    with_logs = live_client.jobs.get(job, include_logs=True)

    assert job.result == {"steps": 3, "text": "grüße 🚀"}
    assert {*FIRST_LINES} <= {*texts(logs.unwrap())}
    assert with_logs.unwrap().logs == logs.unwrap()
    assert logs.meta.logs_hidden is with_logs.meta.logs_hidden is (server_under_test.profile == "2026-04")


def test_changes_are_seen_in_order(live_client: FluxbaseClient) -> None:
    """The end is the last one, with the result."""
    job = live_client.jobs.submit("steps", STEPS).unwrap()

    seen = [result.unwrap() for result in live_client.jobs.watch(job, timeout=60)]

    percents = [each.progress_percent for each in seen if each.progress_percent]
    assert percents == sorted(percents)
    assert seen[-1].status == "completed"
    assert all(before != after for before, after in pairwise(seen))


def test_many_jobs_are_followed_at_once(live_client: FluxbaseClient) -> None:
    """Each has its end, and each its log; what a server that hides its logs has not sent is said to be missing."""
    jobs = [live_client.jobs.submit("steps", STEPS).unwrap() for _ in range(8)]

    lines: dict[str, list[LogLine]] = {job.id: [] for job in jobs}
    for job_id, line in live_client.jobs.tail_many(jobs, timeout=60):
        lines[job_id].append(line.unwrap())
    ended = dict(live_client.jobs.wait_many(jobs, timeout=60))

    assert [ended[job.id].unwrap().status for job in jobs] == ["completed"] * len(jobs)
    for job in jobs:
        assert {*FIRST_LINES} <= {*texts(lines[job.id])} or "did not come" in str(lines[job.id])


def test_many_runs_at_once_are_all_right(live_client: FluxbaseClient) -> None:
    """Each has its own result, unless the server has lost it, which `meta` says."""
    jobs = [live_client.jobs.submit("echo", {"n": n}).unwrap() for n in range(20)]

    results = [live_client.jobs.wait(job, timeout=60) for job in jobs]

    kept = [isinstance(result, Ok) and result.data.result == {"echo": {"n": n}} for n, result in enumerate(results)]
    assert all(right or result.meta.result_lost is not False for right, result in zip(kept, results, strict=True))
    assert IS_REAL or all(kept)
