"""Calls while a test has frozen the time: they end."""

from __future__ import annotations

import asyncio

from fluxbase_jobs import FluxbaseClient, PollPolicy
from fluxbase_jobs.testing import Server
from freezegun import freeze_time

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job

QUICK = PollPolicy(initial=0.01, maximum=0.01)


def test_a_wait_times_out_though_the_clock_stands_still(client: FluxbaseClient, server: LocalServer) -> None:
    """In both styles: the event loop's timers stand still as well."""
    server.answer(Answer(200, job(status="running", result=None)))

    with freeze_time("2026-11-26T14:00:00Z"):
        assert not client.jobs.wait(JOB_ID, timeout=0.2, poll=QUICK).ok


def test_the_test_server_answers_though_the_clock_stands_still() -> None:
    """Clients without a socket, sync and async."""
    with Server() as server, server.client() as client:
        server.script("resize").complete({})

        async def run() -> bool:
            async with server.async_client() as other:
                return (await other.jobs.run("resize", {}, timeout=3, poll=QUICK)).ok

        with freeze_time("2026-11-26T14:00:00Z"):
            assert client.jobs.submit("resize", {}).ok
            assert client.jobs.run("resize", {}, timeout=3, poll=QUICK).ok
            assert asyncio.run(run())
