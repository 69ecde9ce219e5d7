"""A refresh that is in flight when its caller is interrupted: it ends, its tokens are kept, and `on_tokens` hears of them."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import Final

import pytest
import trio
import trio.lowlevel
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Tokens

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job

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


def test_ctrl_c_keeps_the_tokens(server: LocalServer) -> None:
    """It is raised after the refresh."""
    server.answer(REFUSED, TOKENS, FOUND)
    received: list[Tokens] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        while len(server.requests) < 2:
            time.sleep(0)  # at once: the request has just arrived
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    try:
        with FluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=received.append) as client:
            threading.Thread(target=interrupt, daemon=True).start()
            with pytest.raises(KeyboardInterrupt):
                client.jobs.get(JOB_ID)
            client.jobs.get(JOB_ID).unwrap()
    finally:
        signal.signal(signal.SIGINT, before)

    assert [tokens.refresh_token for tokens in received] == ["r2"]


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
