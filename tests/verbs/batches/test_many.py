"""watch_many and tail_many: many jobs over one WebSocket, or with one poller."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, cast

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, NotFound, WaitTimeout
from fluxbase_jobs.testing import Server

from tests.support.styles import Connect

NEVER_SEEN: Final = "00000000-0000-4000-8000-000000000000"


LISTENING: Final = [
    pytest.param(({"profile": "2026-03"}, True)),
    pytest.param(({"profile": "2026-04"}, True)),
    pytest.param(({"profile": "2026-04", "realtime": "all"}, True), marks=pytest.mark.slow),
]
POLLING: Final = [pytest.param(({"profile": "2026-03"}, False), marks=pytest.mark.slow)]
"""It knows no difference between the versions but for logs."""


@pytest.fixture(params=LISTENING + POLLING, ids=str)
def following(request: pytest.FixtureRequest) -> tuple[dict[str, Any], bool]:
    """What a server is like, and whether the client listens."""
    return cast("tuple[dict[str, Any], bool]", request.param)


@pytest.fixture
def fluxbase(following: tuple[dict[str, Any], bool]) -> Iterator[Server]:
    """A server whose job logs and reports three steps."""
    with Server(**following[0]) as server:

        @server.function("steps")
        def steps(payload: dict[str, Any], context: Any) -> dict[str, Any]:
            time.sleep(0.3)
            for step in range(1, 4):
                context.log(f"{payload['name']} {step}")
                context.progress(step * 30)
                time.sleep(0.1)
            if payload["name"] == "b":
                raise RuntimeError("no space")
            return {"name": payload["name"]}

        yield server


@pytest.fixture
def follower(following: tuple[dict[str, Any], bool], connect: Connect, fluxbase: Server) -> FluxbaseClient:
    """A client that listens, or polls."""
    return connect(fluxbase.url, fluxbase.service_key(), realtime=following[1])


def submitted(client: FluxbaseClient, *names: str) -> dict[str, str]:
    """Jobs with these names; the names by id."""
    return {client.jobs.submit("steps", {"name": name}).unwrap().id: name for name in names}


def test_changes_of_many_jobs(follower: FluxbaseClient) -> None:
    """Each state once, the final one last, the result with it; whoever failed stops nobody."""
    names = submitted(follower, "a", "b", "c")
    seen: dict[str, list[Any]] = {}
    for job_id, result in follower.jobs.watch_many(names, timeout=30):
        seen.setdefault(names[job_id], []).append(result.unwrap())

    assert {name: jobs[-1].status for name, jobs in seen.items()} == {"a": "completed", "b": "failed", "c": "completed"}
    assert seen["a"][-1].result == {"name": "a"}
    for jobs in seen.values():
        states = [(job.status, job.progress_percent) for job in jobs]
        assert len(states) == len(set(states))
        assert [job.is_terminal for job in jobs] == [False] * (len(jobs) - 1) + [True]


def test_logs_of_many_jobs(follower: FluxbaseClient) -> None:
    """All lines of each job in order, each once."""
    names = submitted(follower, "a", "b", "c")
    seen: dict[str, list[str]] = {name: [] for name in names.values()}
    for job_id, result in follower.jobs.tail_many(names, timeout=30):
        seen[names[job_id]].append(str(result.unwrap()))

    for name, lines in seen.items():
        thrown = ["Job execution error: no space"] if name == "b" else []
        assert [line for line in lines if line.startswith(name) or line in thrown] == [f"{name} 1", f"{name} 2", f"{name} 3", *thrown]


@pytest.mark.parametrize("verb", ["watch_many", "tail_many"])
def test_what_is_no_job_has_its_error(follower: FluxbaseClient, verb: str) -> None:
    """And the others go on."""
    (job_id,) = submitted(follower, "a")
    results: dict[str, list[Any]] = {}
    for given, result in getattr(follower.jobs, verb)([NEVER_SEEN, "no id", job_id, job_id], timeout=30):
        results.setdefault(given, []).append(result)

    assert [type(result.error) for result in results.pop("no id")] == [InvalidInput]
    assert [type(result.error) for result in results.pop(NEVER_SEEN)] == [NotFound]
    assert all(result.ok for result in results.pop(job_id, ()))
    assert results == {}


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["watch_many", "tail_many"])
def test_each_job_ends_with_the_timeout(follower: FluxbaseClient, fluxbase: Server, verb: str) -> None:
    """Where it has not ended by then."""
    fluxbase.script("held").hold()
    ids = [follower.jobs.submit("held").unwrap().id for _ in range(2)]
    last = dict(getattr(follower.jobs, verb)(ids, timeout=1))

    assert {job_id: type(result.error) for job_id, result in last.items()} == dict.fromkeys(ids, WaitTimeout)


@pytest.mark.parametrize("verb", ["watch_many", "tail_many"])
def test_no_jobs_are_followed_at_once(follower: FluxbaseClient, verb: str) -> None:
    """Nothing is sent."""
    assert list(getattr(follower.jobs, verb)([])) == []
    assert follower.realtime_state in {"unused", "polling: switched off"}


@pytest.mark.slow
def test_iteration_may_stop_early(follower: FluxbaseClient) -> None:
    """The socket is left to others."""
    names = submitted(follower, "a", "b")
    lines = follower.jobs.tail_many(names, timeout=30)
    changes = follower.jobs.watch_many(names, timeout=30)
    next(changes)
    lines.close()
    changes.close()

    assert {job_id for job_id, _ in follower.jobs.wait_many(names, timeout=30)} == names.keys()


def test_polling_tells_of_hidden_logs_by_silence(connect: Connect) -> None:
    """Where the server hides logs from HTTP, and nobody listens, there are no lines and no errors."""
    with Server(profile="2026-04") as server:
        server.script("steps").log("one").complete()
        client = connect(server.url, server.service_key(), realtime=False)
        job = client.jobs.run("steps").unwrap()

        assert [result for _, result in client.jobs.tail_many([job.id], timeout=2) if not result.ok] == []
