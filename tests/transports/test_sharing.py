"""One client in many threads, event loops and forked processes; and what can be pickled."""

from __future__ import annotations

import asyncio
import gc
import pickle
import subprocess
import sys
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

import pytest
import trio
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, RetryPolicy

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

T = TypeVar("T")
Run: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]

FOUND: Final = Answer(200, job())
FORK_PROGRAM: Final = Path(__file__).parents[1] / "support" / "fork_program.py"
EXPIRED: Final = Answer(401, {"error": "Invalid or expired token"})
QUICK: Final = RetryPolicy(first_delay=0.001)


def run_asyncio(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function with asyncio.run."""
    return asyncio.run(main())


@pytest.fixture(params=[run_asyncio, trio.run], ids=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function in a new event loop."""
    return cast("Run", request.param)


@pytest.fixture(autouse=True)
def _no_leaked_connections() -> Iterator[None]:
    """A connection that is left to the garbage collector raises a warning, which is an error."""
    yield
    gc.collect()


async def collect(values: AsyncIterable[T]) -> list[T]:
    """All values of an async iterator."""
    return [value async for value in values]


@pytest.fixture
def shared_client(server: LocalServer) -> AsyncFluxbaseClient:
    """An async client of a server with one job; nothing closes it."""
    server.answer(FOUND)
    return AsyncFluxbaseClient(server.url, "eyJ.a-token")


def connections(server: LocalServer) -> int:
    """The number of connections that were opened."""
    return len({request.connection for request in server.requests})


def test_client_works_in_several_event_loops(shared_client: AsyncFluxbaseClient, server: LocalServer, run: Run) -> None:
    """Each loop has its own connections, which are closed when it ends."""

    async def read_twice() -> bool:
        return (await shared_client.jobs.get(JOB_ID)).ok and (await shared_client.jobs.get(JOB_ID)).ok

    assert [run(read_twice) for _ in range(3)] == [True] * 3
    assert connections(server) == 3


def test_client_works_under_asyncio_and_trio(shared_client: AsyncFluxbaseClient) -> None:
    """One after the other."""
    for run in (run_asyncio, trio.run, run_asyncio, trio.run):
        assert run(partial(shared_client.jobs.get, JOB_ID)).ok


ITERATORS: Final[list[Callable[[AsyncFluxbaseClient], AsyncIterable[Any]]]] = [
    lambda client: client.jobs.submit_many([("resize", None)] * 3),
    lambda client: client.jobs.watch(JOB_ID),
]


@pytest.mark.parametrize("iterator", ITERATORS, ids=["submit_many", "watch"])
def test_iterator_belongs_to_the_loop_that_iterates(
    shared_client: AsyncFluxbaseClient, run: Run, iterator: Callable[[AsyncFluxbaseClient], AsyncIterable[Any]]
) -> None:
    """Not to the place where it was created, which may have no loop."""
    for _ in range(2):
        assert run(partial(collect, iterator(shared_client)))


def test_event_loops_of_several_threads_share_a_client(shared_client: AsyncFluxbaseClient, server: LocalServer) -> None:
    """No loop closes the connections of another."""

    async def read_often() -> bool:
        return all([(await shared_client.jobs.get(JOB_ID)).ok for _ in range(20)])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(run_asyncio, [read_often] * 4))
    assert connections(server) == 4


def test_closed_client_leaves_no_connection(shared_client: AsyncFluxbaseClient, run: Run) -> None:
    """And later calls raise."""

    async def ask_and_close() -> None:
        async with shared_client as client:
            assert (await client.jobs.get(JOB_ID)).ok
        with pytest.raises(RuntimeError, match="closed"):
            await client.jobs.get(JOB_ID)

    run(ask_and_close)


def test_tasks_share_connections(shared_client: AsyncFluxbaseClient, server: LocalServer) -> None:
    """Many concurrent calls use one pool."""

    async def ask_at_once() -> bool:
        await shared_client.jobs.get(JOB_ID)
        results = await asyncio.gather(*(shared_client.jobs.get(JOB_ID) for _ in range(5)))
        return all(result.ok for result in results)

    assert run_asyncio(ask_at_once)
    assert connections(server) <= 5


def test_threads_share_a_client(server: LocalServer) -> None:
    """From the first request on: there is only one pool."""
    server.answer(FOUND)
    for _ in range(3):
        with FluxbaseClient(server.url, "eyJ.a-token") as client, ThreadPoolExecutor(8) as threads:
            assert all(result.ok for result in threads.map(client.jobs.get, [JOB_ID] * 8))
        gc.collect()


@pytest.mark.parametrize("mode", ["fork", "pool", "async", "spawn"])
def test_client_works_after_a_fork(server: LocalServer, mode: str) -> None:
    """Parent and child have their own connections. In a separate program, because a fork of a process with threads is deprecated."""
    server.answer(FOUND)

    assert run_fork_program(mode, server.url) == "ok ok ok"
    by_connection = [request.connection for request in server.requests]
    # A process that is spawned may take longer to start than an idle connection lives.
    assert len(set(by_connection)) in {"fork": (2,), "pool": (2,), "async": (3,), "spawn": (2, 3)}[mode]


def test_child_can_refresh_after_a_fork_during_a_refresh(server: LocalServer) -> None:
    """The child does not inherit the locked lock."""
    tokens = {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 900}
    server.answer(EXPIRED, Answer(200, tokens), FOUND)

    assert run_fork_program("refreshing", server.url) == "ok"


def test_refresh_token_works_in_one_process_only(server: LocalServer) -> None:
    """The second process gets an error that says what to do."""
    tokens = {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 900}
    refused = Answer(401, {"error": "Invalid or expired refresh token", "code": "INVALID_TOKEN"})
    server.answer(EXPIRED, Answer(200, tokens), FOUND, EXPIRED, refused)

    assert run_fork_program("two", server.url) == "ok AuthenticationFailed"
    assert [request.json() for request in server.requests if request.path.endswith("refresh")] == [{"refresh_token": "r1"}] * 2


def run_fork_program(mode: str, url: str) -> str:
    """The output of the forking program, with warnings as errors."""
    command = [sys.executable, "-W", "error", str(FORK_PROGRAM), mode, url]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


SECRETS: Final = {"key": "eyJ.the-secret-token", "refresh_token": "the-secret-refresh"}
LEAKS: Final = [
    FOUND,
    EXPIRED,
    Answer(200, {"id": 7}),
    Answer(302, "", {"location": "https://example.com"}),
    Answer(503, "<html>"),
    Answer(fault="drop after reading"),
    Answer(fault="half a body", body=job()),
    Answer(200, job(), {"set-cookie": "fluxbase_access_token=the-secret-cookie"}),
]


@pytest.mark.parametrize("answer", LEAKS, ids=str)
def test_results_pickle_without_secrets(connect: Connect, server: LocalServer, answer: Answer) -> None:
    """Results, jobs and errors can be sent to other processes; they contain no keys and tokens."""
    client = connect(server.url, **SECRETS, retry=QUICK)

    server.answer(answer)

    result = client.jobs.get(JOB_ID)

    pickled = pickle.dumps(result)
    assert pickle.loads(pickled) == result or not result.ok  # noqa: S301  # our own
    for text in (pickled, repr(result).encode(), repr(client).encode(), repr(client.fetch.settings).encode()):
        assert b"the-secret" not in text


def test_unreadable_sign_in_response_is_not_kept(connect: Connect, server: LocalServer) -> None:
    """An InvalidResponse keeps the body as details, except for a sign-in."""
    server.answer(Answer(200, {"access_token": "the-secret-token", "refresh_token": 7, "expires_in": 900}))

    error = connect.sign_in(server.url, "ada@example.com", "the-secret-password").error

    assert error is not None
    assert b"the-secret" not in pickle.dumps(error)
