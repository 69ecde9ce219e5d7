"""Following jobs of the emulator over its WebSocket, in-process and over the network, in both profiles."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, JobFailed
from fluxbase_jobs.testing import Server

pytestmark = pytest.mark.slow
PROFILES: Final = pytest.mark.parametrize(
    "options", [{"profile": "2026-03"}, {"profile": "2026-04", "realtime": "all"}, {"profile": "2026-04"}], ids=str
)


def serving(options: dict[str, Any]) -> Server:
    """A server whose job reports its progress in three steps."""
    server = Server(**options)

    @server.function("steps")
    def steps(payload: dict[str, Any], context: Any) -> dict[str, Any]:
        for step in range(1, 4):
            time.sleep(0.3)
            context.log(f"step {step}")
            context.progress(step * 30, f"step {step}")
        if payload.get("fails"):
            raise RuntimeError("no\nspace")
        return {"steps": 3}

    return server


@pytest.fixture(params=["in-process", "network"])
def transport(request: pytest.FixtureRequest) -> str:
    """How the client reaches the server."""
    return str(request.param)


def connected(server: Server, transport: str) -> FluxbaseClient:
    """A client that listens."""
    if transport == "network":
        return FluxbaseClient(server.url, server.service_key(), realtime=True)
    return server.client(realtime=True)


@PROFILES
def test_a_job_is_watched(options: dict[str, Any], transport: str) -> None:
    """Each change once, the end last."""
    with serving(options) as server, connected(server, transport) as client:
        job = client.jobs.submit("steps", {}).unwrap()
        seen = [result.unwrap() for result in client.jobs.watch(job, timeout=20)]

    percents = [each.progress_percent for each in seen if each.status == "running" and each.progress_percent]
    assert seen[-1].status == "completed"
    assert seen[-1].result == {"steps": 3}
    assert percents == sorted(set(percents))
    assert ("realtime" not in options and options["profile"] == "2026-04") or percents == [30, 60, 90]


@PROFILES
def test_a_log_is_followed(options: dict[str, Any], transport: str) -> None:
    """Also where the server hides it from HTTP."""
    with serving(options) as server, connected(server, transport) as client:
        job = client.jobs.submit("steps", {}).unwrap()
        lines = [str(result.unwrap()) for result in client.jobs.tail(job, timeout=20)]

    assert lines == ["step 1", "step 2", "step 3"]


@PROFILES
def test_a_failure_has_its_cause(options: dict[str, Any], transport: str) -> None:
    """From the lines that were heard."""
    with serving(options) as server, connected(server, transport) as client:
        error = client.jobs.run("steps", {"fails": True}, timeout=20).error

    assert isinstance(error, JobFailed)
    assert error.message == "no\nspace"


@PROFILES
def test_an_async_client_does_the_same(options: dict[str, Any]) -> None:
    """In a task of its event loop."""

    async def follow(server: Server) -> tuple[list[str], str]:
        async with server.async_client(realtime=True) as client:
            job = (await client.jobs.submit("steps", {})).unwrap()
            lines = [str(result.unwrap()) async for result in client.jobs.tail(job, timeout=20)]
            return lines, (await client.jobs.wait(job)).unwrap().status

    with serving(options) as server:
        assert asyncio.run(follow(server)) == (["step 1", "step 2", "step 3"], "completed")


def test_cut_sockets_are_opened_again() -> None:
    """And nothing is missed."""
    with serving({"profile": "2026-03"}) as server, server.client(realtime=True) as client:
        job = client.jobs.submit("steps", {}).unwrap()
        lines: list[str] = []
        for result in client.jobs.tail(job, timeout=20):
            lines.append(str(result.unwrap()))
            server.faults.cut_sockets()

    assert lines == ["step 1", "step 2", "step 3"]
