"""`jobs.wait` over a real server, sync and async. Timing is in plans/test_wait.py."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, InvalidInput, Job, NotFound, PollPolicy, WaitTimeout

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect, Style

QUICK: Final = PollPolicy(initial=0.01, maximum=0.01)
PENDING: Final = Answer(200, job(status="pending", result=None))
RUNNING: Final = Answer(200, job(status="running", result=None, progress='{"percent": 40}', progress_percent=40))
COMPLETED: Final = Answer(200, job(progress='{"percent": 40}', progress_percent=40))
DOWN: Final = Answer(503, {"error": "service_unavailable", "message": "Unable to verify token status"})


def test_wait_returns_the_finished_job(client: FluxbaseClient, server: LocalServer) -> None:
    """Despite an error, a dropped connection and an unknown status; the callback is called once per change."""
    server.answer(
        PENDING, DOWN, PENDING, Answer(fault="drop after reading"), RUNNING, RUNNING, Answer(200, job(status="napping")), COMPLETED
    )
    states: list[Job] = []

    finished, error = client.jobs.wait(JOB_ID, poll=QUICK, on_progress=states.append)

    assert error is None
    assert finished.succeeded
    assert [job.status for job in states] == ["pending", "running", "napping", "completed"]
    assert states[1].progress_percent == 40
    assert set(server.request_lines) == {f"GET /api/v1/jobs/{JOB_ID}"}


def test_coroutine_function_as_on_progress_is_awaited(client: FluxbaseClient, server: LocalServer, style: Style) -> None:
    """Before the async client continues."""
    server.answer(PENDING, RUNNING, COMPLETED)
    states: list[str] = []

    async def note(job: Job) -> None:
        await asyncio.sleep(0)
        states.append(f"{job.status} after {len(server.requests)}")

    def note_at_once(job: Job) -> None:
        states.append(f"{job.status} after {len(server.requests)}")

    client.jobs.wait(JOB_ID, poll=QUICK, on_progress=note if style == "async" else note_at_once).unwrap()

    assert states == ["pending after 1", "running after 2", "completed after 3"]


def test_timeout_ends_an_open_request(client: FluxbaseClient, server: LocalServer) -> None:
    """Also if the response never comes, or comes slowly."""
    for slow in (Answer(200, job(), delay=1.0), Answer(200, job(), delay=0.06, pieces=20)):
        server.answer(RUNNING, slow)

        timed_out = client.jobs.wait(JOB_ID, timeout=timedelta(seconds=0.5), poll=QUICK).error

        assert isinstance(timed_out, WaitTimeout)
        assert timed_out.job is not None
        assert timed_out.job.status == "running"
        server.answers.clear()


def test_cancel_on_timeout(client: FluxbaseClient, server: LocalServer) -> None:
    """With an idempotency key, like every cancel."""
    server.answer(*[RUNNING] * 2, Answer(200, {"message": "Job cancelled"}))
    patient = PollPolicy(initial=0.01, factor=1000.0)

    error = client.jobs.wait(JOB_ID, timeout=0.5, poll=patient, cancel_on_timeout=True).error

    assert isinstance(error, WaitTimeout)
    assert error.hint == "it was cancelled"
    assert server.request_lines[-1] == f"POST /api/v1/jobs/{JOB_ID}/cancel"
    assert "idempotency-key" in server.requests[-1].headers


def test_unknown_job_is_not_found(client: FluxbaseClient, server: LocalServer) -> None:
    """After one request."""
    server.answer(Answer(404, {"error": "Job not found"}))

    assert isinstance(client.jobs.wait(JOB_ID).error, NotFound)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "options", [{"job_id": "{x}"}, {"timeout": 0}, {"timeout": "1"}, {"poll": 5}, {"cancel_on_timeout": None}, {"retry": 3}], ids=str
)
def test_invalid_arguments_are_error_values(client: FluxbaseClient, server: LocalServer, options: dict[str, Any]) -> None:
    """InvalidInput names the argument, and nothing is sent."""
    given: dict[str, Any] = {"job_id": JOB_ID, **options}

    error = client.jobs.wait(**given).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(next(iter(options)))
    assert server.requests == []


class Stop(Exception):
    """An exception of a callback."""


def test_exception_of_a_callback_propagates(client: FluxbaseClient, server: LocalServer) -> None:
    """With a note that names the job; the client can be used again."""
    server.answer(RUNNING)

    def stop(_: Job) -> None:
        raise Stop

    with pytest.raises(Stop) as caught:
        client.jobs.wait(JOB_ID, on_progress=stop)

    assert JOB_ID in caught.value.__notes__[0]
    assert client.jobs.get(JOB_ID).ok


class InterruptingServer(LocalServer):
    """A server that simulates Ctrl-C during its first, slow response."""

    def next(self) -> Answer:
        """The answer to the current request."""
        if self.requests:
            return RUNNING
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return Answer(200, job(), delay=0.5)


def notes(error: BaseException | None) -> list[str]:
    """The notes of an exception and of its causes."""
    return [] if error is None else [*getattr(error, "__notes__", ()), *notes(error.__context__)]


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_does_not_cancel_the_job(connect: Connect) -> None:
    """It propagates at once with a note that names the job; the client can be used again."""
    with InterruptingServer() as server:
        client = connect(server.url, "eyJ.a-token")

        with pytest.raises(KeyboardInterrupt) as caught:
            client.jobs.wait(JOB_ID)

        assert any(JOB_ID in note for note in notes(caught.value))
        assert client.jobs.get(JOB_ID).ok
        assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.parametrize("verb", ["wait", "run"])
def test_cancelled_task_does_not_cancel_the_job(server: LocalServer, verb: str) -> None:
    """During a pause or a request; the note names the job."""
    server.answer(*[Answer(201, RUNNING.body)] * (verb == "run"), RUNNING, Answer(200, RUNNING.body, delay=0.5))

    async def cancel(requests: int) -> asyncio.CancelledError:
        async with AsyncFluxbaseClient(server.url, "eyJ.a-token") as client:
            waiting = client.jobs.wait(JOB_ID, poll=QUICK) if verb == "wait" else client.jobs.run("slow", poll=QUICK)
            task = asyncio.create_task(waiting)
            while len(server.requests) < requests:  # noqa: ASYNC110  # the server is in another thread
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value

    error = asyncio.run(cancel(2 + (verb == "run")))

    assert any(JOB_ID in note for note in notes(error))
    assert not any("cancel" in line for line in server.request_lines)
