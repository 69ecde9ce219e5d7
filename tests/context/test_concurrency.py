"""One client shared by many threads and tasks, by several event loops and processes, while its tokens are refreshed or it is closed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
import trio
from attrs import define, field
from fluxbase_jobs import AsyncFluxbaseClient, ConnectionFailed, FluxbaseClient, Job, Result

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer, Request

THREADS: Final = 50
TASKS: Final = 200


@define
class Rotating(LocalServer):
    """A server whose refresh tokens work once; every token but the newest is refused."""

    generation: int = 0
    reused: int = 0
    refused: str = ""
    lock: threading.Lock = field(factory=threading.Lock)

    def answer_to(self, request: Request, planned: Answer) -> Answer:  # noqa: ARG002  # as the base class has it
        """Refresh, or check the token."""
        with self.lock:
            if request.path.endswith("/refresh"):
                if request.json()["refresh_token"] != f"refresh-{self.generation}":
                    self.reused += 1
                    return Answer(401, {"error": "Invalid or expired refresh token"})
                self.generation += 1
                tokens = {"access_token": f"eyJ.{self.generation}", "refresh_token": f"refresh-{self.generation}", "expires_in": 900}
                return Answer(200, tokens)
            valid = request.headers.get("authorization") == f"Bearer eyJ.{self.generation}" != self.refused
            return Answer(200, job()) if valid else Answer(401, {"error": "Invalid or expired Bearer token"})

    def refuse_tokens(self) -> None:
        """Refuse the access token in use from now on; the refresh token stays good."""
        with self.lock:
            self.refused = f"Bearer eyJ.{self.generation}"


@pytest.fixture
def rotating() -> Iterator[Rotating]:
    """Such a server, whose first tokens have expired."""
    with Rotating() as server:
        yield server


def test_fifty_threads_refresh_once(rotating: Rotating) -> None:
    """All get their answers, and no refresh token is sent twice."""
    results = list[Result[Job]]()
    with FluxbaseClient(rotating.url, "eyJ.expired", refresh_token="refresh-0", retry=None) as client:
        together = threading.Barrier(THREADS)

        def get() -> None:
            together.wait()
            results.append(client.jobs.get(JOB_ID))

        threads = [threading.Thread(target=get) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [result.ok for result in results] == [True] * THREADS
    assert (rotating.generation, rotating.reused) == (1, 0)


def test_two_hundred_tasks_refresh_once(rotating: Rotating) -> None:
    """The same for tasks."""

    async def main() -> list[Result[Job]]:
        async with AsyncFluxbaseClient(rotating.url, "eyJ.expired", refresh_token="refresh-0", retry=None) as client:
            return await asyncio.gather(*(client.jobs.get(JOB_ID) for _ in range(TASKS)))

    results = asyncio.run(main())

    assert [result.ok for result in results] == [True] * TASKS
    assert (rotating.generation, rotating.reused) == (1, 0)


def test_two_hundred_tasks_of_trio_refresh_once(rotating: Rotating) -> None:
    """The same under trio."""
    results = list[Result[Job]]()

    async def main() -> None:
        async with AsyncFluxbaseClient(rotating.url, "eyJ.expired", refresh_token="refresh-0", retry=None) as client:

            async def get() -> None:
                results.append(await client.jobs.get(JOB_ID))

            async with trio.open_nursery() as nursery:
                for _ in range(TASKS):
                    nursery.start_soon(get)

    trio.run(main)

    assert [result.ok for result in results] == [True] * TASKS
    assert (rotating.generation, rotating.reused) == (1, 0)


def test_three_event_loops_refresh_once(rotating: Rotating) -> None:
    """The loops of three threads share one client and its tokens, twice."""
    client = AsyncFluxbaseClient(rotating.url, "eyJ.expired", refresh_token="refresh-0", retry=None)
    together = threading.Barrier(3)

    async def get_often() -> list[Result[Job]]:
        together.wait()
        return await asyncio.gather(*(client.jobs.get(JOB_ID) for _ in range(THREADS)))

    for generation in (1, 2):
        with ThreadPoolExecutor(3) as threads:
            found = [future.result() for future in [threads.submit(asyncio.run, get_often()) for _ in range(3)]]

        assert [result.ok for results in found for result in results] == [True] * 3 * THREADS
        assert (rotating.generation, rotating.reused) == (generation, 0)
        rotating.refuse_tokens()
    asyncio.run(client.close())


def test_cancelled_tasks_lose_no_tokens(rotating: Rotating) -> None:
    """Half of the tasks are cancelled while the tokens are refreshed; the others have their answers, and so has the next call."""

    async def main() -> list[object]:
        async with AsyncFluxbaseClient(rotating.url, "eyJ.expired", refresh_token="refresh-0", retry=None) as client:
            tasks = [asyncio.create_task(client.jobs.get(JOB_ID)) for _ in range(TASKS)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            found = await asyncio.gather(*tasks[1::2])
            await asyncio.gather(*tasks[::2], return_exceptions=True)
            return [*found, await client.jobs.get(JOB_ID)]

    results = asyncio.run(main())

    assert all(isinstance(result, tuple) and result[1] is None for result in results)
    assert rotating.reused == 0


def test_closing_during_requests_ends_each_of_them(server: LocalServer) -> None:
    """With a value, an error value, or the closed client's RuntimeError; no thread stays behind."""
    server.answer(Answer(200, job(), delay=0.02))
    client = FluxbaseClient(server.url, "eyJ.a-token", retry=None)
    ended = list[Result[Job] | RuntimeError]()

    def get() -> None:
        try:
            for _ in range(50):
                ended.append(client.jobs.get(JOB_ID))
        except RuntimeError as closed:
            ended.append(closed)

    threads = [threading.Thread(target=get) for _ in range(20)]
    for thread in threads:
        thread.start()
    while len(server.requests) < 20:  # each has begun
        threading.Event().wait(0.001)
    client.close()
    for thread in threads:
        thread.join(20)

    assert not any(thread.is_alive() for thread in threads)
    assert sum(isinstance(each, RuntimeError) for each in ended) == 20
    errors = {type(each.error) for each in ended if not isinstance(each, RuntimeError)}
    assert errors <= {type(None), ConnectionFailed}


EXIT: Final = """
import sys, threading
from fluxbase_jobs import FluxbaseClient
client = FluxbaseClient(sys.argv[1], "eyJ.a-token")
threading.Thread(target=lambda: client.jobs.wait("{job}", timeout=60), daemon={daemon}).start()
print("waiting", flush=True)
"""


def test_an_interpreter_may_exit_during_a_wait(server: LocalServer) -> None:
    """Of a daemon thread: nothing is printed, and the exit is not held up."""
    server.answer(Answer(200, job(status="running")))

    ended = subprocess.run(
        [sys.executable, "-c", EXIT.format(job=JOB_ID, daemon=True), server.url], capture_output=True, text=True, timeout=30, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "waiting\n", "")
