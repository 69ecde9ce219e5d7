"""`cancel_on_exit`: what ends a wait from outside also cancels the job, and then propagates. In both styles, over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import pytest
import trio
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Job, PollPolicy

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

SLOW: Final = PollPolicy(initial=1000.0)
RUNNING: Final = Answer(200, job(status="running", result=None))
CREATED: Final = Answer(201, job(status="pending", result=None))
CANCELLED: Final = Answer(200, {"message": "Job cancelled"})
CANCEL: Final = f"POST /api/v1/jobs/{JOB_ID}/cancel"


class Stop(Exception):
    """What the tests' callbacks raise."""


def stop(_: Job) -> None:
    """Raise at the first report."""
    raise Stop


@pytest.mark.parametrize("verb", ["wait", "run"])
def test_an_exception_of_on_progress_cancels_the_job(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """And propagates, with a note of what became of the job."""
    server.answer(*[CREATED] * (verb == "run"), RUNNING, CANCELLED)
    call: Any = getattr(client.jobs, verb)

    with pytest.raises(Stop) as caught:
        call(JOB_ID if verb == "wait" else "resize", poll=SLOW, on_progress=stop, cancel_on_exit=True)

    assert server.request_lines[-1] == CANCEL
    assert caught.value.__notes__ == [f"job {JOB_ID} was cancelled"]


def test_a_definition_takes_it_too(client: FluxbaseClient, server: LocalServer) -> None:
    """As `run` does."""
    server.answer(CREATED, RUNNING, CANCELLED)

    with pytest.raises(Stop):
        client.jobs.define("resize", dict[str, int], dict[str, int]).run({}, poll=SLOW, on_progress=stop, cancel_on_exit=True)

    assert server.request_lines[-1] == CANCEL


def test_a_cancel_that_is_refused_is_noted(client: FluxbaseClient, server: LocalServer) -> None:
    """The exception is still the caller's."""
    server.answer(RUNNING, Answer(403, {"error": "not yours"}))

    with pytest.raises(Stop) as caught:
        client.jobs.wait(JOB_ID, poll=SLOW, on_progress=stop, cancel_on_exit=True)

    assert caught.value.__notes__ == [
        f"job {JOB_ID} could not be cancelled: not yours; job {JOB_ID} may still run on the server; call jobs.wait({JOB_ID!r}) to wait for it again"
    ]


def test_without_it_nothing_is_cancelled(client: FluxbaseClient, server: LocalServer) -> None:
    """The default."""
    server.answer(RUNNING)

    with pytest.raises(Stop):
        client.jobs.wait(JOB_ID, poll=SLOW, on_progress=stop)

    assert len(server.requests) == 1


async def _timeout(wait: Callable[[asyncio.Event], Awaitable[object]]) -> None:
    reported = asyncio.Event()
    with pytest.raises(TimeoutError):  # noqa: PT012  # the context around the call raises
        async with asyncio.timeout(None) as limit:
            asyncio.get_running_loop().create_task(_when(reported, lambda: limit.reschedule(0)))
            await wait(reported)


async def _when(event: asyncio.Event, act: Callable[[], object]) -> None:
    await event.wait()
    act()


async def _cancel_task(wait: Callable[[asyncio.Event], Awaitable[object]]) -> None:
    reported = asyncio.Event()
    task = asyncio.ensure_future(wait(reported))
    await reported.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _failing_group(wait: Callable[[asyncio.Event], Awaitable[object]]) -> None:
    reported = asyncio.Event()

    async def fail() -> None:
        await reported.wait()
        raise Stop

    with pytest.raises(ExceptionGroup):  # noqa: PT012  # the context around the call raises
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())
            await wait(reported)


async def _anyio_scope(wait: Callable[[asyncio.Event], Awaitable[object]]) -> None:
    reported = asyncio.Event()
    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().create_task(_when(reported, scope.cancel))
        await wait(reported)
    assert scope.cancelled_caught


@pytest.mark.parametrize("end", [_timeout, _cancel_task, _failing_group, _anyio_scope])
def test_every_cancellation_of_asyncio_cancels_the_job(server: LocalServer, end: Callable[..., Awaitable[None]]) -> None:
    """The request is carried out although its task is cancelled."""
    server.answer(CREATED, RUNNING, Answer(200, {"message": "Job cancelled"}, delay=0.05))

    async def main() -> None:
        async with AsyncFluxbaseClient(server.url, "eyJ.a-token") as client:

            async def wait(reported: asyncio.Event) -> object:
                return await client.jobs.run("resize", poll=SLOW, on_progress=lambda _: reported.set(), cancel_on_exit=True)

            await end(wait)

    asyncio.run(main())

    assert server.request_lines[-1] == CANCEL


def test_a_cancelled_scope_of_trio_cancels_the_job(server: LocalServer) -> None:
    """The same under trio."""
    server.answer(CREATED, RUNNING, CANCELLED)

    async def main() -> None:
        async with AsyncFluxbaseClient(server.url, "eyJ.a-token") as client:
            with trio.CancelScope() as scope:
                await client.jobs.run("resize", poll=SLOW, on_progress=lambda _: scope.cancel(), cancel_on_exit=True)
            assert scope.cancelled_caught

    trio.run(main)

    assert server.request_lines[-1] == CANCEL


@pytest.mark.parametrize("cancels", [True, False])
def test_an_interrupted_submit_may_have_queued_the_job(server: LocalServer, *, cancels: bool) -> None:
    """Its idempotency key finds it: with `cancel_on_exit` the same request is sent again, else the note names the key."""

    async def main() -> list[str]:
        async with AsyncFluxbaseClient(server.url, "eyJ.a-token") as client:
            task = asyncio.create_task(client.jobs.run("resize", idempotency_key="order-7", cancel_on_exit=cancels))
            while not server.requests:  # noqa: ASYNC110  # another thread counts
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value.__notes__

    server.answer(Answer(201, job(status="pending", result=None), delay=0.2), CREATED, CANCELLED)

    (note,) = asyncio.run(main())

    if cancels:
        submit = "POST /api/v1/jobs/submit"
        assert server.request_lines == [submit, submit, CANCEL]
        assert {request.headers["idempotency-key"] for request in server.requests[:2]} == {"order-7"}
        assert note == f"job {JOB_ID} was cancelled"
    else:
        assert len(server.requests) == 1
        assert "idempotency_key='order-7'" in note
