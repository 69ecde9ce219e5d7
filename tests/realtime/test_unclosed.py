"""Clients that are dropped without being closed: the server gives a user ten sockets, and each would keep one for a minute."""

from __future__ import annotations

import asyncio
import gc

import httpx
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient

from tests.support.servers.emulator_in_process import eventually
from tests.support.servers.realtime_server import RealtimeServer, token


def test_a_dropped_client_leaves_no_socket(realtime: RealtimeServer) -> None:
    """It is collected although its thread still runs, and the thread ends."""
    job_id = realtime.add_job(status="completed", result="{}")
    with httpx.Client() as http_client:
        for _ in range(3):
            assert FluxbaseClient(realtime.url, token(), http_client=http_client, realtime=True).jobs.wait(job_id, timeout=20).ok
        gc.collect()

        eventually(lambda: realtime.connections, lambda connections: connections == 0)
    assert realtime.opened == 3


def test_a_dropped_async_client_leaves_no_socket(realtime: RealtimeServer) -> None:
    """Nor a task."""
    job_id = realtime.add_job(status="completed", result="{}")

    async def drop_three() -> None:
        async with httpx.AsyncClient() as http_client:
            for _ in range(3):
                jobs = AsyncFluxbaseClient(realtime.url, token(), http_client=http_client, realtime=True).jobs
                assert (await jobs.wait(job_id, timeout=20)).ok
                del jobs
            gc.collect()
            async with asyncio.timeout(20):
                while realtime.connections or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # the server is in another thread
                    await asyncio.sleep(0.01)

    asyncio.run(drop_three())
    assert realtime.opened == 3


def test_a_verb_of_a_dropped_client_keeps_its_socket(realtime: RealtimeServer) -> None:
    """Whoever keeps `client.jobs`, or an iterator of it, still uses the client."""
    job_id = realtime.add_job()
    with httpx.Client() as http_client:
        changes = FluxbaseClient(realtime.url, token(), http_client=http_client, realtime=True).jobs.watch(job_id, timeout=20)
        assert next(changes).unwrap().status == "pending"
        gc.collect()
        eventually(lambda: realtime.connections, lambda connections: connections == 1)
        realtime.end(job_id)

        assert [change.unwrap().status for change in changes][-1] == "completed"
    assert realtime.opened == 1
