"""One client, many users: threads, event loops one after another and at once, trio, forked processes; and what is pickled."""

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

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job
from tests.support.styles import Connect

T = TypeVar("T")
Run: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]

FOUND: Final = Answer(200, job())
FORKED: Final = Path(__file__).parents[1] / "support" / "fork_program.py"
EXPIRED: Final = Answer(401, {"error": "Invalid or expired token"})
QUICK: Final = RetryPolicy(first_delay=0.001)


def run_asyncio(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """A new event loop, as asyncio.run makes it."""
    return asyncio.run(main())


@pytest.fixture(params=[run_asyncio, trio.run], ids=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function on an event loop of its own."""
    return cast("Run", request.param)


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """A connection that is left to the garbage collector warns there, and warnings are errors."""
    yield
    gc.collect()


async def drawn(values: AsyncIterable[T]) -> list[T]:
    """All values of an async iterator."""
    return [value async for value in values]


@pytest.fixture
def shared(server: LocalServer) -> AsyncFluxbaseClient:
    """An async client of a server that has one job; nobody closes it."""
    server.answer(FOUND)
    return AsyncFluxbaseClient(server.url, "eyJ.a-token")


def connections(server: LocalServer) -> int:
    """How many connections were made."""
    return len({request.connection for request in server.requests})


def test_a_client_works_over_several_event_loops(shared: AsyncFluxbaseClient, server: LocalServer, run: Run) -> None:
    """Each has connections of its own, which are closed when it ends."""

    async def ask_twice() -> bool:
        return (await shared.jobs.get(JOB_ID)).ok and (await shared.jobs.get(JOB_ID)).ok

    assert [run(ask_twice) for _ in range(3)] == [True] * 3
    assert connections(server) == 3


def test_a_client_works_under_asyncio_and_trio_in_turn(shared: AsyncFluxbaseClient) -> None:
    """Whatever library a program or its tests use."""
    for run in (run_asyncio, trio.run, run_asyncio, trio.run):
        assert run(partial(shared.jobs.get, JOB_ID)).ok


ITERATORS: Final[list[Callable[[AsyncFluxbaseClient], AsyncIterable[Any]]]] = [
    lambda client: client.jobs.submit_many([("resize", None)] * 3),
    lambda client: client.jobs.watch(JOB_ID),
]


@pytest.mark.parametrize("iterator", ITERATORS, ids=["submit_many", "watch"])
def test_an_iterator_belongs_to_the_loop_that_walks_it(
    shared: AsyncFluxbaseClient, run: Run, iterator: Callable[[AsyncFluxbaseClient], AsyncIterable[Any]]
) -> None:
    """Not to the place where it was made, which may have no loop at all."""
    for _ in range(2):
        assert run(partial(drawn, iterator(shared)))


def test_loops_of_several_threads_share_a_client(shared: AsyncFluxbaseClient, server: LocalServer) -> None:
    """No loop takes another's connections away."""

    async def ask_often() -> bool:
        return all([(await shared.jobs.get(JOB_ID)).ok for _ in range(20)])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(run_asyncio, [ask_often] * 4))
    assert connections(server) == 4


def test_closing_a_client_leaves_nothing_behind(shared: AsyncFluxbaseClient, run: Run) -> None:
    """And a closed client says so."""

    async def ask_and_close() -> None:
        async with shared as client:
            assert (await client.jobs.get(JOB_ID)).ok
        with pytest.raises(RuntimeError, match="closed"):
            await client.jobs.get(JOB_ID)

    run(ask_and_close)


def test_tasks_share_connections(shared: AsyncFluxbaseClient, server: LocalServer) -> None:
    """Many calls at once, one pool."""

    async def ask_at_once() -> bool:
        await shared.jobs.get(JOB_ID)
        results = await asyncio.gather(*(shared.jobs.get(JOB_ID) for _ in range(5)))
        return all(result.ok for result in results)

    assert run_asyncio(ask_at_once)
    assert connections(server) <= 5


def test_threads_share_a_client(server: LocalServer) -> None:
    """From its first request on: none makes a pool that nobody closes."""
    server.answer(FOUND)
    for _ in range(3):
        with FluxbaseClient(server.url, "eyJ.a-token") as client, ThreadPoolExecutor(8) as threads:
            assert all(result.ok for result in threads.map(client.jobs.get, [JOB_ID] * 8))
        gc.collect()


@pytest.mark.parametrize("way", ["fork", "pool", "async"])
def test_a_client_works_after_a_fork(server: LocalServer, way: str) -> None:
    """Parent and child have connections of their own. In a program of its own: a fork of many threads is deprecated."""
    server.answer(FOUND)

    assert forked(way, server.url) == "ok ok ok"
    by_connection = [request.connection for request in server.requests]
    assert len(set(by_connection)) == {"fork": 2, "pool": 2, "async": 3}[way]


def test_a_child_refreshes_though_its_parent_was_refreshing(server: LocalServer) -> None:
    """The lock of a refresh that was under way at the fork is not the child's."""
    tokens = {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 900}
    server.answer(EXPIRED, Answer(200, tokens), FOUND)

    assert forked("refreshing", server.url) == "ok"


def test_of_two_processes_with_one_refresh_token_one_gets_through(server: LocalServer) -> None:
    """It works once. The other one is told, with what to do."""
    tokens = {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 900}
    refused = Answer(401, {"error": "Invalid or expired refresh token", "code": "INVALID_TOKEN"})
    server.answer(EXPIRED, Answer(200, tokens), FOUND, EXPIRED, refused)

    assert forked("two", server.url) == "ok AuthenticationFailed"
    assert [request.json() for request in server.requests if request.path.endswith("refresh")] == [{"refresh_token": "r1"}] * 2


def forked(way: str, url: str) -> str:
    """What the forking program says, with all warnings as errors."""
    command = [sys.executable, "-W", "error", str(FORKED), way, url]
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
def test_what_comes_back_pickles_without_secrets(connect: Connect, server: LocalServer, answer: Answer) -> None:
    """Results, jobs and errors go to other processes and into logs; keys and tokens do not."""
    client = connect(server.url, **SECRETS, retry=QUICK)

    server.answer(answer)

    result = client.jobs.get(JOB_ID)

    pickled = pickle.dumps(result)
    assert pickle.loads(pickled) == result or not result.ok  # noqa: S301  # our own
    for text in (pickled, repr(result).encode(), repr(client).encode(), repr(client.fetch.settings).encode()):
        assert b"the-secret" not in text


def test_a_session_that_cannot_be_read_keeps_its_tokens_to_itself(connect: Connect, server: LocalServer) -> None:
    """The body of an InvalidResponse is its details, but for this one."""
    server.answer(Answer(200, {"access_token": "the-secret-token", "refresh_token": 7, "expires_in": 900}))

    error = connect.sign_in(server.url, "ada@example.com", "the-secret-password").error

    assert error is not None
    assert b"the-secret" not in pickle.dumps(error)
