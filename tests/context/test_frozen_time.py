"""Calls while a test has frozen the time: they end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import Any, Final

import anyio
import httpx
import pytest
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, PollPolicy, RequestTimeout, WaitTimeout
from fluxbase_jobs.testing import Server
from freezegun import freeze_time

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer, raw_server
from tests.support.styles import Connect

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


IMPORTS: Final = """
import msgspec
from freezegun import freeze_time

with freeze_time("2026-11-26T14:00:00Z"):
    from fluxbase_jobs.testing import Server
    from fluxbase_jobs_client import models

    with Server() as server, server.client() as client:
        server.script("resize").complete({})
        job = client.jobs.run("resize", {}, timeout=3).unwrap()
    assert msgspec.json.decode(msgspec.json.encode(job), type=models.Job).created_at == job.created_at
print(job.status)
"""


def test_all_can_be_imported_though_the_clock_stands_still() -> None:
    """As the first test of a suite may do it; also what is generated."""
    ended = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)

    assert (ended.stdout, ended.returncode) == ("completed\n", 0), ended.stderr


def never_answer(connection: socket.socket) -> None:
    """Read what comes, and send nothing."""
    while connection.recv(65536):
        pass


@pytest.mark.parametrize("transport", ["httpcore", "http_client", "pyreqwest"])
def test_a_silent_server_is_a_timeout_though_the_clock_stands_still(connect: Connect) -> None:
    """Over each transport."""
    with raw_server(never_answer) as port:
        client = connect(f"http://127.0.0.1:{port}", "eyJ.a-token")
        with freeze_time("2026-11-26T14:00:00Z"):
            assert isinstance(client.jobs.get(JOB_ID, timeout=0.1).error, RequestTimeout)
            assert isinstance(client.jobs.wait(JOB_ID, timeout=0.1).error, WaitTimeout)
            assert [result.ok for _, result in client.jobs.submit_many([("resize", {"n": 1})] * 2, timeout=0.1)] == [False, False]
            assert [result.ok for _, result in client.jobs.wait_many([JOB_ID], timeout=0.1)] == [False]
            assert [result.ok for result in client.jobs.tail(JOB_ID, timeout=0.1)] == [False]


@pytest.mark.parametrize("own_client", [False, True])
def test_trio_ends_waits_and_requests_though_the_clock_stands_still(server: LocalServer, *, own_client: bool) -> None:
    """Its clock is another one than asyncio's, and stands still as well."""
    server.answer(Answer(200, job(status="running", result=None)))

    async def main(port: int) -> None:
        async with httpx.AsyncClient() as http:
            given: dict[str, Any] = {"http_client": http} if own_client else {}
            async with AsyncFluxbaseClient(server.url, "eyJ.a-token", **given) as client:
                assert isinstance((await client.jobs.wait(JOB_ID, timeout=0.2, poll=QUICK)).error, WaitTimeout)
            async with AsyncFluxbaseClient(f"http://127.0.0.1:{port}", "eyJ.a-token", retry=None, **given) as client:
                assert isinstance((await client.jobs.get(JOB_ID, timeout=0.1)).error, RequestTimeout)

    with raw_server(never_answer) as port, freeze_time("2026-11-26T14:00:00Z"):
        anyio.run(main, port, backend="trio")
