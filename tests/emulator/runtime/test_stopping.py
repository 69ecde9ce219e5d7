"""Stopped runs: their handlers end whatever they do and however they are stopped, and nothing more of them is stored."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.profiles import MARCH
from fluxbase_jobs.emulator.runtime.interrupts import RunStopped

from tests.support.handlers import uninterruptible_handlers
from tests.support.servers.emulator_in_process import AdjustableClock, Client, eventually, program, serving

DEFAULT_TIMEOUT = 300
"""The default time limit of a run, in seconds."""

clock = AdjustableClock()
contexts: list[Context] = []
gate = threading.Event()


@function("keeping", max_retries=1)
def keeping(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Give its context to the test; the second run reports progress and waits for the gate."""
    contexts.append(context)
    if context.retry_count == 0:
        uninterruptible_handlers.busy({}, context)
    context.progress(10, "second run")
    gate.wait(10)
    return {"run": 2}


@pytest.fixture(scope="module")
def lab() -> Generator[Client]:
    """A client of an emulator with handlers that do not end by themselves."""
    with serving(*vars(uninterruptible_handlers).values(), keeping, profile=MARCH, clock=clock) as running, running.client() as client:
        yield client


def started_job(client: Client, name: str) -> str:
    """Submit a job and wait until its handler runs; the job's id."""
    job_id = client.queue(name)
    eventually(lambda: uninterruptible_handlers.steps[job_id], bool)
    return job_id


def steps_at_end(job_id: str) -> list[str]:
    """Wait until the handler has ended; the steps that it recorded."""
    eventually(lambda: uninterruptible_handlers.are_gone(job_id), bool)
    return uninterruptible_handlers.steps[job_id]


@pytest.mark.parametrize("name", uninterruptible_handlers.ALL)
def test_cancelled(lab: Client, name: str) -> None:
    """The job is cancelled at once and its handler ends through its `finally`; no result and no error is stored."""
    job_id = started_job(lab, name)

    assert lab.cancel(job_id).json() == {"message": "Job cancelled"}
    job = lab.job(job_id)
    steps = steps_at_end(job_id)
    assert job["status"] == "cancelled"
    assert (steps[0], steps[-1]) == ("begun", "finally")
    assert "went on" not in steps
    assert lab.job(job_id) == job
    assert not {"result", "error_message"} & set(job)


@pytest.mark.parametrize("name", uninterruptible_handlers.ALL)
def test_timed_out(lab: Client, name: str) -> None:
    """The job fails at its time limit, and its handler ends like a cancelled one."""
    job_id = started_job(lab, name)
    clock.ahead_seconds += DEFAULT_TIMEOUT + 1
    job = lab.ended(job_id)

    assert (job["status"], job["error_message"]) == ("failed", "execution timeout after 5m0s")
    assert steps_at_end(job_id)[-1] == "finally"
    assert lab.job(job_id) == job


def test_server_shutdown() -> None:
    """When the server shuts down all handlers end; the server waits for those that end quickly."""
    quick = ("busy", "reporting", "waiting")
    with serving(*vars(uninterruptible_handlers).values()) as running, running.client() as client:
        jobs = {name: started_job(client, name) for name in uninterruptible_handlers.ALL}

    assert [uninterruptible_handlers.steps[jobs[name]][-1] for name in quick] == ["finally"] * len(quick)
    assert {name: steps_at_end(job_id)[-1] for name, job_id in jobs.items()} == dict.fromkeys(uninterruptible_handlers.ALL, "finally")


def test_no_line_after_the_stop(lab: Client) -> None:
    """Log lines of a handler are stored until it is stopped, and not after."""
    job_id = started_job(lab, "reporting")
    eventually(lambda: lab.messages(job_id), bool)
    lab.cancel(job_id)
    lines = lab.messages(job_id)
    steps_at_end(job_id)

    assert lab.messages(job_id) == lines


def test_retried_job_gets_no_reports_of_its_first_run(lab: Client) -> None:
    """A timed-out run that still executes cannot report to the next run of the same job."""
    job_id = lab.queue("keeping")
    eventually(lambda: contexts, bool)
    clock.ahead_seconds += DEFAULT_TIMEOUT + 1
    lab.ended(job_id)
    lab.retry(job_id)
    lab.until(job_id, lambda job: "progress" in job)
    with pytest.raises(RunStopped):
        contexts[0].progress(99, "first run")
    with pytest.raises(RunStopped):
        contexts[0].log("first run")
    running = lab.job(job_id)
    gate.set()
    job = lab.ended(job_id)

    assert (running["progress_percent"], running["progress_message"]) == (10, "second run")
    assert (job["status"], job["result"], job["retry_count"]) == ("completed", '{"run": 2}', 1)
    assert "first run" not in {line for _, line in lab.messages(job_id)}


def test_server_works_on_after_many_stops(lab: Client) -> None:
    """Stopping handlers in the middle of a report never leaves the database locked."""
    for _ in range(30):
        lab.cancel(started_job(lab, "reporting"))
    eventually(uninterruptible_handlers.are_gone, bool)

    assert lab.cancel(started_job(lab, "busy")).json() == {"message": "Job cancelled"}


def test_program_ends_its_handlers(tmp_path: Path) -> None:
    """Ctrl-C lets the handlers run their `finally` blocks, and logs nothing."""
    handlers, witness = tmp_path / "handlers.py", tmp_path / "witness"
    handlers.write_text(
        "import pathlib, time\nfrom fluxbase_jobs.emulator import function\n\n"
        "@function('busy')\ndef busy(payload, context):\n"
        "    context.progress(1)\n"
        "    try:\n        while True:\n            time.time()\n"
        f"    finally: pathlib.Path({str(witness)!r}).write_text('finally')\n"
    )
    with program("--functions", handlers) as started, started.running.client() as client:
        client.until(client.queue("busy"), lambda job: "progress" in job)
        status = started.end(signal.SIGINT)
        assert started.process.stderr
        errors = started.process.stderr.read()

    assert (status, errors) == (0, "")
    assert witness.read_text() == "finally"


def test_interpreter_without_thread_interrupts(tmp_path: Path) -> None:
    """If the interpreter cannot raise an exception in another thread, a stopped handler ends at its next report."""
    (tmp_path / "handlers.py").write_text(
        "import time\nfrom fluxbase_jobs.emulator import function\n\n"
        "@function('f')\ndef f(payload, context):\n"
        "    try:\n        while True:\n            context.progress(1)\n            time.sleep(0.01)\n"
        "    finally: print('finally', flush=True)\n"
    )
    (tmp_path / "without.py").write_text(
        "import runpy, sys\nsys.modules['ctypes'] = None\nsys.argv[0] = 'emulator'\n"
        "runpy.run_module('fluxbase_jobs.emulator', run_name='__main__')\n"
    )
    with program("--functions", tmp_path / "handlers.py", script=tmp_path / "without.py") as started, started.running.client() as client:
        job_id = client.queue("f")
        client.until(job_id, lambda job: "progress" in job)
        client.cancel(job_id)
        assert started.process.stdout
        line = started.process.stdout.readline()

    assert line == "finally\n"
