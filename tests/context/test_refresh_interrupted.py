"""A refresh that is in flight when its caller is interrupted: it ends, its tokens are kept, and `on_tokens` hears of them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import anyio
import pytest
import trio
import trio.lowlevel
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Tokens

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

REFUSED: Final = Answer(401, {"error": "Invalid or expired token"})
TOKENS: Final = Answer(200, {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 900}, delay=0.2)
FOUND: Final = Answer(200, job())


def test_a_short_timeout_of_the_call_does_not_cut_it(server: LocalServer) -> None:
    """The refresh has its own timeout."""
    server.answer(REFUSED, TOKENS, FOUND)
    received: list[Tokens] = []
    with FluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=received.append) as client:
        assert client.jobs.get(JOB_ID, timeout=0.1).ok

    assert [tokens.refresh_token for tokens in received] == ["r2"]


def test_a_cancelled_task_keeps_the_tokens(server: LocalServer) -> None:
    """So does `asyncio.timeout`, which cancels the same way; a coroutine function is awaited to its end."""
    server.answer(REFUSED, TOKENS, FOUND)
    received: list[Tokens] = []

    async def note(tokens: Tokens) -> None:
        await asyncio.sleep(0)
        received.append(tokens)

    async def main() -> None:
        async with AsyncFluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=note) as client:
            task = asyncio.create_task(client.jobs.get(JOB_ID))
            while len(server.requests) < 2:  # noqa: ASYNC110  # another thread counts
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            (await client.jobs.get(JOB_ID)).unwrap()

    asyncio.run(main())

    assert [tokens.refresh_token for tokens in received] == ["r2"]
    assert server.requests[-1].headers["authorization"] == "Bearer eyJ.second"


def test_a_cancelled_scope_of_trio_keeps_the_tokens(server: LocalServer) -> None:
    """The same under trio."""
    server.answer(REFUSED, TOKENS, FOUND)
    received: list[Tokens] = []

    async def main() -> None:
        async with AsyncFluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=received.append) as client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.jobs.get, JOB_ID)
                while len(server.requests) < 2:
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            (await client.jobs.get(JOB_ID)).unwrap()

    trio.run(main)

    assert [tokens.refresh_token for tokens in received] == ["r2"]


def test_the_end_of_the_event_loop_keeps_the_tokens(server: LocalServer) -> None:
    """`asyncio.run` cancels all tasks that are left when the main one returns."""
    server.answer(REFUSED, TOKENS, FOUND)
    received: list[Tokens] = []
    left_over: list[object] = []

    async def main() -> None:
        client = AsyncFluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=received.append)
        left_over.append(asyncio.create_task(client.jobs.get(JOB_ID)))
        while len(server.requests) < 2:  # noqa: ASYNC110  # another thread counts
            await asyncio.sleep(0)

    asyncio.run(main())

    assert [tokens.refresh_token for tokens in received] == ["r2"]


@contextmanager
def interrupted(server: LocalServer, number: int = signal.SIGINT, *, times: int = 1) -> Generator[None]:
    """Send the program signals once the refresh is in flight. Their handler raises KeyboardInterrupt."""
    before = signal.signal(number, signal.default_int_handler)
    ended = threading.Event()

    def interrupt() -> None:
        while len(server.requests) < 2 and not ended.wait(0.001):
            pass
        for _ in range(times):
            if not ended.wait(0.02):
                signal.pthread_kill(threading.main_thread().ident or 0, number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGALRM, signal.SIGUSR1])
def test_ctrl_c_keeps_the_tokens(server: LocalServer, number: int) -> None:
    """It is raised after the refresh. The same goes for each signal whose handler raises."""
    server.answer(REFUSED, TOKENS, FOUND)
    received: list[Tokens] = []

    with FluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=received.append) as client:
        with interrupted(server, number):
            with pytest.raises(KeyboardInterrupt):
                client.jobs.get(JOB_ID)
            assert signal.getsignal(number) is signal.default_int_handler
        client.jobs.get(JOB_ID).unwrap()

    assert [tokens.refresh_token for tokens in received] == ["r2"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_in_an_event_loop_keeps_the_tokens(server: LocalServer, backend: str) -> None:
    """It cancels the main task of asyncio; trio raises it in its main task, although that is shielded."""
    server.answer(REFUSED, TOKENS, FOUND)
    received: list[Tokens] = []

    async def main() -> None:
        async with AsyncFluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=received.append) as client:
            await client.jobs.get(JOB_ID)

    with interrupted(server), pytest.raises(KeyboardInterrupt):
        anyio.run(main, backend=backend)

    assert [tokens.refresh_token for tokens in received] == ["r2"]


def test_a_second_ctrl_c_is_raised_at_once(server: LocalServer) -> None:
    """The server does not answer the refresh."""
    server.answer(REFUSED, Answer(200, delay=20))

    client = FluxbaseClient(server.url, "eyJ.first", refresh_token="r1")
    with client, interrupted(server, times=2), pytest.raises(KeyboardInterrupt):
        client.jobs.get(JOB_ID)

    assert len(server.requests) == 2


def test_tokens_are_kept_where_on_tokens_raises(server: LocalServer) -> None:
    """The exception propagates once; the next call uses the new tokens."""
    server.answer(REFUSED, TOKENS, FOUND)

    def fail(_: Tokens) -> None:
        raise OSError("disk full")

    with FluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=fail) as client:
        with pytest.raises(OSError, match="disk full"):
            client.jobs.get(JOB_ID)
        client.jobs.get(JOB_ID).unwrap()

    assert server.requests[-1].headers["authorization"] == "Bearer eyJ.second"
