"""`admin.jobs`: statistics and workers."""

from __future__ import annotations

import pickle
from typing import Any, Final

import pytest
from fluxbase_jobs import DayCount, FluxbaseClient, FunctionCount, InvalidInput, InvalidResponse, StatusCount

from contract.recordings import APRIL, MARCH
from tests.support.sample_responses import recorded
from tests.support.servers.local_server import Answer, LocalServer

STATS: Final = "/api/v1/admin/jobs/stats"


@pytest.mark.parametrize("version", [MARCH, APRIL])
def test_stats_are_read(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """In total, by status, by day and by function."""
    response = recorded("admin", "GET /stats", version)
    server.answer(Answer(200, response.body))

    stats = client.admin.jobs.get_stats().unwrap()

    assert server.requests[0].target == STATS
    assert (stats.total_jobs, stats.avg_duration_seconds) == (44, response.json()["avg_duration_seconds"])
    assert stats.jobs_by_status == [StatusCount(**entry) for entry in response.json()["jobs_by_status"]]
    assert stats.jobs_by_day == [DayCount(date="2026-11-23", count=44)]
    assert stats.jobs_by_function[0] == FunctionCount(name="echo", count=31)
    assert pickle.loads(pickle.dumps(stats)) == stats  # noqa: S301  # our own


def test_no_jobs_are_zeros_and_empty_lists(client: FluxbaseClient, server: LocalServer) -> None:
    """The server sends null for each list."""
    server.answer(Answer(200, recorded("admin", "GET /stats?namespace=default", APRIL).body))

    stats = client.admin.jobs.get_stats(namespace="media").unwrap()

    assert server.requests[0].target == f"{STATS}?namespace=media"
    assert (stats.total_jobs, stats.jobs_by_status, stats.jobs_by_day, stats.jobs_by_function) == (0, [], [], [])
    assert "None" not in repr(stats)


@pytest.mark.parametrize(
    ("namespace", "says"),
    [
        ("default", " 'default' can't be counted alone: the April 2026 server answers zeros for it; leave it out to count all"),
        ("", " must be text and not empty; got ''"),
        (5, " must be text and not empty; got 5"),
    ],
)
def test_invalid_and_default_namespaces_are_refused(client: FluxbaseClient, server: LocalServer, namespace: Any, says: str) -> None:
    """For the default namespace, version 2026-04 would respond with wrong zeros."""
    error = client.admin.jobs.get_stats(namespace=namespace).error

    assert isinstance(error, InvalidInput)
    assert error.message == f"namespace{says}"
    assert server.requests == []


def test_workers_are_read(client: FluxbaseClient, server: LocalServer) -> None:
    """Their metadata is JSON text on the wire, and decoded here."""
    response = recorded("admin", "GET /workers", MARCH)
    server.answer(Answer(200, response.body))

    workers = client.admin.jobs.list_workers().unwrap()

    assert server.request_lines == ["GET /api/v1/admin/jobs/workers"]
    assert [worker.id for worker in workers] == [entry["id"] for entry in response.json()]
    first = workers[0]
    assert (first.status, first.max_concurrent_jobs, first.current_job_count) == ("active", 5, 0)
    assert first.metadata == {"pid": 24697, "hostname": "host-1"}
    assert first.metadata_text == response.json()[0]["metadata"]
    assert first.last_heartbeat_at > first.started_at
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301  # our own
    assert len({*workers, first}) == len(workers)


def test_no_workers_are_an_empty_list(client: FluxbaseClient, server: LocalServer) -> None:
    """Version 2026-04 sends null, because its workers belong to no tenant."""
    server.answer(Answer(200, recorded("admin", "GET /workers", APRIL).body))

    assert client.admin.jobs.list_workers().unwrap() == []


@pytest.mark.parametrize(("text", "value"), [("[1]", [1]), ("pid 7", "pid 7"), (None, None)])
def test_metadata_may_be_any_text(client: FluxbaseClient, server: LocalServer, text: str | None, value: object) -> None:
    """Text that is not JSON is returned as text."""
    worker = {**recorded("admin", "GET /workers", MARCH).json()[0], "metadata": text}
    server.answer(Answer(200, [worker]))

    assert client.admin.jobs.list_workers().unwrap()[0].metadata == value


@pytest.mark.parametrize("verb", ["get_stats", "list_workers", "list_functions", "list_namespaces", "list_jobs"])
def test_response_of_another_shape_is_invalid(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """Only null and lists are lists."""
    server.answer(Answer(200, '{"message": "hello"}'))

    error = getattr(client.admin.jobs, verb)().error

    assert isinstance(error, InvalidResponse)
