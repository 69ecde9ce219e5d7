"""A client that is closed while it is used: every call ends, and nothing stays behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final, Literal, TypeAlias

import pytest
import trio
from fluxbase_jobs import AsyncFluxbaseClient, ConnectionFailed, FluxbaseClient, PollPolicy

from tests.support.every_transport import OVER_PYREQWEST
from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

TransportName: TypeAlias = Literal["httpcore", "pyreqwest"]
TASKS: Final = 50
RUNNING: Final = Answer(200, job(status="running"), delay=0.02)
OFTEN: Final = PollPolicy(initial=0.1, maximum=0.1)


def began(server: LocalServer, count: int) -> None:
    """Wait until so many requests have come."""
    deadline = monotonic() + 20
    while len(server.requests) < count:
        assert monotonic() < deadline
        threading.Event().wait(0.001)


async def until_closed(client: AsyncFluxbaseClient, ended: list[object]) -> None:
    """Read until the client is closed; how each call ended."""
    try:
        while True:
            ended.append((await client.jobs.get(JOB_ID)).error)
    except RuntimeError as closed:
        ended.append(closed)


def check(ended: list[object], callers: int) -> None:
    """Each caller was told that the client is closed, after values and failed connections only."""
    assert sum(isinstance(each, RuntimeError) for each in ended) == callers
    others = {type(each) for each in ended if not isinstance(each, RuntimeError)}
    assert others <= {type(None), ConnectionFailed}


@pytest.mark.parametrize("transport", ["httpcore", OVER_PYREQWEST])
def test_tasks_end_when_their_client_is_closed(server: LocalServer, transport: TransportName) -> None:
    """Each with a value, a failed connection, or the closed client's RuntimeError. For threads: test_concurrency."""
    server.answer(RUNNING)
    ended = list[object]()

    async def main() -> None:
        client = AsyncFluxbaseClient(server.url, "eyJ.a-token", retry=None, transport=transport)
        tasks = [asyncio.create_task(until_closed(client, ended)) for _ in range(TASKS)]
        while len(server.requests) < TASKS:  # noqa: ASYNC110  # the server is a thread
            await asyncio.sleep(0.001)
        await client.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    check(ended, TASKS)


def test_trio_tasks_end_when_their_client_is_closed(server: LocalServer) -> None:
    """The same under trio."""
    server.answer(RUNNING)
    ended = list[object]()

    async def main() -> None:
        client = AsyncFluxbaseClient(server.url, "eyJ.a-token", retry=None)
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(TASKS):
                    nursery.start_soon(until_closed, client, ended)
                while len(server.requests) < TASKS:  # noqa: ASYNC110  # the server is a thread
                    await trio.sleep(0.001)
                await client.close()

    trio.run(main)
    check(ended, TASKS)


VERBS: Final[dict[str, Callable[[Any], Any]]] = {
    "wait": lambda client: client.jobs.wait(JOB_ID, poll=OFTEN),
    "watch": lambda client: list(client.jobs.watch(JOB_ID, poll=OFTEN)),
    "wait_many": lambda client: list(client.jobs.wait_many([JOB_ID] * 2, poll=OFTEN)),
    "tail": lambda client: list(client.jobs.tail(JOB_ID)),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_wait_in_another_thread_ends_when_the_client_is_closed(server: LocalServer, verb: str) -> None:
    """With its next poll."""
    server.answer(Answer(200, {**job(status="running"), "logs": []}))
    ended = list[object]()
    client = FluxbaseClient(server.url, "eyJ.a-token", retry=None, realtime=False)

    def wait() -> None:
        try:
            ended.append(VERBS[verb](client))
        except RuntimeError as closed:
            ended.append(closed)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    began(server, 1)
    client.close()
    waiting.join(15)

    assert not waiting.is_alive()
    assert len(ended) == 1


def test_a_wait_of_another_task_ends_when_the_client_is_closed(server: LocalServer) -> None:
    """The same for tasks."""
    server.answer(Answer(200, job(status="running")))

    async def ended(call: Awaitable[Any]) -> object:
        try:
            return await call
        except RuntimeError as closed:
            return closed

    async def main() -> object:
        client = AsyncFluxbaseClient(server.url, "eyJ.a-token", retry=None, realtime=False)
        task = asyncio.create_task(ended(client.jobs.wait(JOB_ID, poll=OFTEN)))
        while not server.requests:  # noqa: ASYNC110  # the server is a thread
            await asyncio.sleep(0.001)
        await client.close()
        return await asyncio.wait_for(task, 15)

    assert asyncio.run(main()) is not None


SYNC: Final = """
import sys, threading
from fluxbase_jobs import FluxbaseClient
client, seen = FluxbaseClient(sys.argv[1], "{key}"), threading.Event()
def wait():
    try:
        client.jobs.wait("{job}", on_progress=lambda job: seen.set())
    except RuntimeError:  # the client is closed
        pass
threading.Thread(target=wait, daemon=True).start()
seen.wait(30)
print("leaving", flush=True)
{leave}
"""
ASYNC: Final = """
import asyncio, sys
from fluxbase_jobs import AsyncFluxbaseClient
async def main():
    client = AsyncFluxbaseClient(sys.argv[1], "{key}")
    waiting = asyncio.create_task(client.jobs.wait("{job}"))
    await asyncio.sleep(0.3)
    print("leaving", flush=True)
    {leave}
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("leave", ["", "sys.exit(0)", "client.close()"])
@pytest.mark.parametrize("key", ["eyJ.a-token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln"], ids=["polls", "may open a socket"])
def test_an_interpreter_exits_during_a_wait_of_a_thread(server: LocalServer, leave: str, key: str) -> None:
    """Without a word and without being held up."""
    server.answer(Answer(200, job(status="running")))

    assert ended(SYNC.format(job=JOB_ID, leave=leave, key=key), server) == (0, "leaving\n", "")


@pytest.mark.parametrize("leave", ["", "sys.exit(0)", "await client.close()"])
def test_an_interpreter_exits_during_a_wait_of_a_task(server: LocalServer, leave: str) -> None:
    """The loop cancels the task."""
    server.answer(Answer(200, job(status="running")))

    assert ended(ASYNC.format(job=JOB_ID, leave=leave, key="eyJ.a-token"), server) == (0, "leaving\n", "")


def ended(script: str, server: LocalServer) -> tuple[int, str, str]:
    """Run a program; its status and output."""
    command = [sys.executable, "-W", "error", "-c", script, server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr
