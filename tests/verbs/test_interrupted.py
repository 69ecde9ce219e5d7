"""What interrupts a call from outside, in both styles: Ctrl-C, a cancelled task, a timeout around it. It ends soon and says what it leaves."""

from __future__ import annotations

import asyncio
import signal
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeAlias

import pytest
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, PollPolicy
from rich.pretty import pretty_repr

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

KEY: Final = "eyJ.tiger-token"
REFRESH: Final = "tiger-refresh-token"
HEADERS: Final = {"x-gateway-key": "tiger-gateway"}
SLOW: Final = PollPolicy(initial=1000.0)
RUNNING: Final = Answer(200, job(status="running", result=None))
CREATED: Final = Answer(201, job(status="pending", result=None))
LATE: Final = Answer(201, job(status="pending", result=None), delay=0.3)
CANCELLED: Final = Answer(200, {"message": "Job cancelled"})
CANCEL: Final = f"POST /api/v1/jobs/{JOB_ID}/cancel"


@contextmanager
def ctrl_c(server: LocalServer, *after: int) -> Generator[None]:
    """Send SIGINT to the main thread once so many requests have come, for each number."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = threading.Event()

    def interrupt() -> None:
        for count in after:
            while len(server.requests) < count and not ended.is_set():
                ended.wait(0.001)
            if not ended.wait(0.05):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        signal.signal(signal.SIGINT, before)


def interrupted_sync(server: LocalServer, call: Callable[[Any], Any], *after: int) -> KeyboardInterrupt:
    """What Ctrl-C raises in a call of the sync client."""
    with (
        FluxbaseClient(server.url, KEY, refresh_token=REFRESH, headers=HEADERS, retry=None) as client,
        pytest.raises(KeyboardInterrupt) as caught,
        ctrl_c(server, *after),
    ):
        call(client.jobs)
    return caught.value


def interrupted_async(server: LocalServer, call: Callable[[Any], Any], *after: int) -> asyncio.CancelledError:
    """What the cancellation of its task raises in a call of the async client."""

    async def main() -> asyncio.CancelledError:
        async with AsyncFluxbaseClient(server.url, KEY, refresh_token=REFRESH, headers=HEADERS, retry=None) as client:
            task = asyncio.ensure_future(call(client.jobs))
            for count in after:
                while len(server.requests) < count:  # noqa: ASYNC110  # another thread counts
                    await asyncio.sleep(0.001)
                await asyncio.sleep(0.05)
                task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value

    return asyncio.run(main())


Interrupted: TypeAlias = Callable[[LocalServer, Callable[[Any], Any], int], BaseException]
"""Interrupts a call of `jobs` once so many requests have come."""

both = pytest.mark.parametrize("interrupted", [interrupted_sync, interrupted_async], ids=["sync", "async"])


@both
def test_an_interrupted_submit_names_the_key_that_finds_the_job(server: LocalServer, interrupted: Interrupted) -> None:
    """Also where the caller gave none."""
    server.answer(LATE)

    (note,) = interrupted(server, lambda jobs: jobs.submit("resize", {}), 1).__notes__

    key = server.requests[0].headers["idempotency-key"]
    assert note == f"the job may have been queued; the same call with idempotency_key={key!r} finds it"
    assert len(server.requests) == 1


@both
@pytest.mark.parametrize("verb", ["submit", "run"])
def test_a_relative_moment_goes_with_no_key(server: LocalServer, interrupted: Interrupted, verb: str) -> None:
    """So the note names none."""
    server.answer(LATE)

    raised = interrupted(server, lambda jobs: getattr(jobs, verb)("resize", {}, scheduled=timedelta(hours=1)), 1)

    assert raised.__notes__ == ["the job may have been queued"]


@both
def test_an_interrupted_resubmit_names_the_key_that_finds_the_job(server: LocalServer, interrupted: Interrupted) -> None:
    """But not while the old job is read: nothing was queued then."""
    server.answer(Answer(200, job(), delay=0.3))
    assert not hasattr(interrupted(server, lambda jobs: jobs.resubmit(JOB_ID), 1), "__notes__")

    server.answer(Answer(200, job()), LATE)
    (note,) = interrupted(server, lambda jobs: jobs.resubmit(JOB_ID), 3).__notes__

    assert f"idempotency_key={server.requests[-1].headers['idempotency-key']!r}" in note


def locals_shown(error: BaseException | None) -> str:
    """The local variables of this package's functions in a traceback, as pytest and as rich show them."""
    shown = ""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "fluxbase_jobs" in frame.f_code.co_filename:
                shown += "".join(f"{name} = {value!r}\n{pretty_repr(value)}\n" for name, value in frame.f_locals.items())
        error = error.__cause__ or error.__context__
    return shown


@both
@pytest.mark.parametrize("verb", ["get", "submit", "run"])
@pytest.mark.parametrize("answers", [[LATE], [Answer(401), Answer(200, {"access_token": "tiger"}, delay=0.2)]], ids=["call", "refresh"])
def test_local_variables_show_no_credentials(server: LocalServer, interrupted: Interrupted, verb: str, answers: list[Answer]) -> None:
    """Error trackers and pytest's `--showlocals` write them where a timeout or Ctrl-C ends a call."""
    server.answer(*answers)

    shown = locals_shown(interrupted(server, lambda jobs: getattr(jobs, verb)(JOB_ID), len(answers)))

    assert "context = CallContext" in shown
    assert [line for line in shown.splitlines() if "tiger" in line] == []


@both
def test_a_definitions_submit_does_the_same(server: LocalServer, interrupted: Interrupted) -> None:
    """It is the same request."""
    server.answer(LATE)

    (note,) = interrupted(server, lambda jobs: jobs.define("resize", dict[str, int], dict[str, int]).submit({}), 1).__notes__

    assert "idempotency_key=" in note


@both
@pytest.mark.parametrize("cancels", [True, False])
def test_an_interrupted_run_cancels_its_job_if_told_so(server: LocalServer, interrupted: Interrupted, *, cancels: bool) -> None:
    """While it waits between two polls."""
    server.answer(CREATED, RUNNING, CANCELLED)

    (note,) = interrupted(server, lambda jobs: jobs.run("resize", poll=SLOW, cancel_on_exit=cancels), 2).__notes__

    assert (server.request_lines[-1] == CANCEL) is cancels
    assert note == (
        f"job {JOB_ID} was cancelled"
        if cancels
        else f"job {JOB_ID} may still run on the server; call jobs.wait('{JOB_ID}') to wait for it again"
    )


@both
def test_a_run_that_is_interrupted_in_its_submit_cancels_the_job(server: LocalServer, interrupted: Interrupted) -> None:
    """The same request finds it."""
    server.answer(LATE, CREATED, CANCELLED)

    (note,) = interrupted(server, lambda jobs: jobs.run("resize", cancel_on_exit=True), 1).__notes__

    submit, again, cancel = server.requests
    assert submit.headers["idempotency-key"] == again.headers["idempotency-key"]
    assert cancel.path.endswith("/cancel")
    assert note == f"job {JOB_ID} was cancelled"


@both
def test_a_run_whose_job_cannot_be_found_again_says_so(server: LocalServer, interrupted: Interrupted) -> None:
    """The same request fails, so the job cannot be cancelled: the note names the key."""
    server.answer(LATE, Answer(403, {"error": "no"}))

    (note,) = interrupted(server, lambda jobs: jobs.run("resize", idempotency_key="order-7", cancel_on_exit=True), 1).__notes__

    assert note == ("the job may have been queued; the same call with idempotency_key='order-7' finds it; it could not be cancelled: no")
    assert len(server.requests) == 2


def test_a_second_ctrl_c_ends_the_cancel(server: LocalServer) -> None:
    """The server does not answer it."""
    server.answer(RUNNING, Answer(200, delay=20))

    interrupted_sync(server, lambda jobs: jobs.wait(JOB_ID, poll=SLOW, cancel_on_exit=True), 1, 2)

    assert server.request_lines[-1] == CANCEL
    assert len(server.requests) == 2
