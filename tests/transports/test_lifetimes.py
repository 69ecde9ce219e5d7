"""Connections: opened when needed, closed with the client, and never shared between event loops or processes."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import pytest
from fluxbase_jobs import AsyncFluxbaseClient, AsyncFluxbaseJobs, FluxbaseClient, FluxbaseFetch, FluxbaseJobs, Job, Result

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

FOUND: Final = Answer(200, job())


@contextmanager
def leaks() -> Generator[list[str]]:
    """The warnings about resources that the block left open."""
    gc.collect()
    found: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield found
        gc.collect()
    found += [str(warning.message) for warning in warned]


VERBS: Final[list[Callable[[FluxbaseClient], object]]] = [
    lambda client: client.jobs.submit("echo"),
    lambda client: client.jobs.get(JOB_ID),
    lambda client: client.jobs.list(),
    lambda client: client.jobs.cancel(JOB_ID),
    lambda client: client.jobs.retry(JOB_ID),
    lambda client: client.jobs.logs(JOB_ID),
]


def test_closed_client_raises(client: FluxbaseClient, server: LocalServer) -> None:
    """Every verb raises. Closing twice is allowed."""
    client.close()
    client.close()

    for verb in VERBS:
        with pytest.raises(RuntimeError, match="closed"):
            verb(client)
    assert server.requests == []


def test_client_is_a_context_manager(server: LocalServer) -> None:
    """It is closed at the end, also by an exception, which propagates."""
    server.answer(FOUND)

    client = FluxbaseClient(server.url)
    with pytest.raises(ZeroDivisionError), client, client.fetch as fetch:
        _ = FluxbaseJobs(fetch).get(JOB_ID).unwrap().priority / 0
    with pytest.raises(RuntimeError, match="closed"):
        client.jobs.get(JOB_ID)


def test_async_client_is_an_async_context_manager(server: LocalServer) -> None:
    """The same for the async client."""
    server.answer(FOUND)

    async def use() -> AsyncFluxbaseClient:
        async with AsyncFluxbaseClient(server.url) as client, client.fetch as fetch:
            assert (await AsyncFluxbaseJobs(fetch).get(JOB_ID)).ok
        return client

    with leaks() as found:
        client = asyncio.run(use())
    assert found == []
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(read(client))


def test_connection_is_reused_and_closed(server: LocalServer) -> None:
    """Three requests use one connection, and nothing stays open."""
    server.answer(FOUND)

    with leaks() as found, FluxbaseFetch(server.url) as fetch:
        for _ in range(3):
            FluxbaseJobs(fetch).get(JOB_ID).unwrap()

    assert len({request.connection for request in server.requests}) == 1
    assert found == []


def in_threads(count: int, work: Callable[[], object]) -> None:
    """Run a function in several threads that start at the same moment."""
    barrier = threading.Barrier(count)

    def start() -> None:
        barrier.wait()
        work()

    threads = [threading.Thread(target=start) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_may_share_a_client(server: LocalServer) -> None:
    """Each thread gets its own response."""
    server.answer(FOUND)
    results: list[Result[Job]] = []

    with leaks(), FluxbaseClient(server.url) as client:
        in_threads(4, lambda: results.extend(client.jobs.get(JOB_ID) for _ in range(5)))

    assert [result.ok for result in results] == [True] * 20


def test_simultaneous_first_requests_leave_nothing_open(server: LocalServer) -> None:
    """Every connection that was opened is closed with the client."""
    server.answer(FOUND)

    with leaks() as found, FluxbaseClient(server.url) as client:
        in_threads(8, lambda: client.jobs.get(JOB_ID))

    assert found == []


async def read(client: AsyncFluxbaseClient) -> Result[Job]:
    """Read a job in the running event loop."""
    return await client.jobs.get(JOB_ID)


def test_client_works_in_several_event_loops(server: LocalServer) -> None:
    """A program may call `asyncio.run` several times with one client, and close it in the last."""
    server.answer(FOUND)
    client = AsyncFluxbaseClient(server.url)

    with leaks():
        results = [asyncio.run(read(client)) for _ in range(3)]
        asyncio.run(client.close())

    assert [result.ok for result in results] == [True] * 3


def test_several_event_loops_leave_nothing_open(server: LocalServer) -> None:
    """Connections of an ended loop are not left to the garbage collector, which would warn."""
    server.answer(FOUND)

    with leaks() as found:
        client = AsyncFluxbaseClient(server.url)
        asyncio.run(read(client))
        asyncio.run(read(client))
        asyncio.run(client.close())
        del client

    assert found == []


def test_client_works_after_a_cancelled_task(server: LocalServer) -> None:
    """The cancellation propagates, and the next request gets its own response."""
    server.answer(Answer(200, job(status="running"), delay=0.2), FOUND)

    async def use() -> Result[Job]:
        async with AsyncFluxbaseClient(server.url) as client:
            task = asyncio.create_task(read(client))
            while not server.requests:  # noqa: ASYNC110  # the server lives in another thread
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await read(client)

    with leaks() as found:
        assert asyncio.run(use()).unwrap().status == "completed"
    assert found == []


def test_a_task_that_is_cancelled_while_it_connects_leaves_nothing_open(server: LocalServer) -> None:
    """In whatever turn of the loop it is cancelled, also in the one in which the connection is there."""
    server.answer(FOUND)

    async def cancel_in_turn(turn: int) -> None:
        async with AsyncFluxbaseClient(server.url) as client:
            task = asyncio.create_task(read(client))
            for _ in range(turn):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

    with leaks() as found:
        for turn in range(40):
            asyncio.run(cancel_in_turn(turn))
    assert found == []


def test_tasks_may_share_a_client(server: LocalServer) -> None:
    """Twenty requests at once."""
    server.answer(FOUND)

    async def use() -> list[Result[Job]]:
        async with AsyncFluxbaseClient(server.url) as client:
            return list(await asyncio.gather(*(read(client) for _ in range(20))))

    assert all(result.ok for result in asyncio.run(use()))


FORKING: Final = """
import asyncio, os, sys
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient
url, job = sys.argv[1:]
client, other = FluxbaseClient(url), AsyncFluxbaseClient(url)
assert client.jobs.get(job).ok
assert asyncio.run(other.jobs.get(job)).ok
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
    assert client.jobs.get(job).ok
else:
    good = client.jobs.get(job).ok and asyncio.run(other.jobs.get(job)).ok
    os._exit(0 if good else 1)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system does not fork")
def test_fork_gets_its_own_connections(server: LocalServer) -> None:
    """Two processes on one connection would read each other's responses."""
    server.answer(FOUND)

    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING, server.url, JOB_ID], check=True, timeout=30)

    before, _, of_the_child, _, after = (request.connection for request in server.requests)
    assert before == after
    assert of_the_child != before
