"""An emulator whose database cannot grow: every request is a 503, one line says so, and it goes on where there is room again."""

from __future__ import annotations

import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.support.servers.emulator_in_process import Client, Program, eventually, program

UNLIMITED: Final = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
HANDLERS: Final = """
import time
from fluxbase_jobs.emulator import function

@function("wait")
def wait(payload, context):
    while not __import__("pathlib").Path(payload["until"]).exists():
        context.log("waiting")
        time.sleep(0.01)
    return {"done": True}
"""


class Disk:
    """The disk of a program, which a limit of the size of its files stands for: each write then fails."""

    def __init__(self, started: Program) -> None:
        self._pid = started.process.pid

    def fill(self) -> None:
        """No file may grow or change."""
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free(self) -> None:
        """There is room again."""
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, UNLIMITED)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Program]:
    """An emulator with a database file."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    with program("--functions", tmp_path / "handlers.py", "--database", tmp_path / "jobs.db") as running:
        yield running


@pytest.fixture
def client(started: Program) -> Iterator[Client]:
    """A client with the user key."""
    with started.running.client() as client:
        yield client


@pytest.fixture
def disk(started: Program) -> Disk:
    """Its disk."""
    return Disk(started)


REQUESTS: Final[dict[str, Callable[[Client], int]]] = {
    "submit": lambda client: client.submit("wait").status_code,
    "submit with a key": lambda client: client.submit("wait", headers={"idempotency-key": str(uuid4())}).status_code,
    "get": lambda client: client.get(f"/api/v1/jobs/{uuid4()}").status_code,
    "list": lambda client: client.get("/api/v1/jobs").status_code,
    "sign up": lambda client: (
        client.post("/api/v1/auth/signup", json={"email": "a@example.com", "password": "correct-horse-9"}).status_code
    ),
    "no credentials": lambda client: client.get("/api/v1/jobs", headers={"authorization": ""}).status_code,
    "health": lambda client: client.get("/health").status_code,
}


def status_of_submit(client: Client, key: str) -> int:
    """Submit with a key."""
    return client.submit("wait", {"until": "/"}, headers={"idempotency-key": key}).status_code


def last_lines(started: Program) -> list[str]:
    """What the program wrote as errors until it was stopped."""
    started.end(signal.SIGTERM)
    assert started.process.stderr
    return started.process.stderr.read().splitlines()


def test_every_request_is_answered_with_503_and_one_line_says_why(started: Program, client: Client, disk: Disk) -> None:
    """After the first write that failed: a server that half works would be harder to understand."""
    disk.fill()
    assert client.submit("wait").status_code == 503

    answers = {name: {send(client) for _ in range(20)} for name, send in REQUESTS.items()}

    assert answers == {name: {503} for name in REQUESTS}
    lines = last_lines(started)
    assert len(lines) == 1, lines
    assert "every request is answered 503" in lines[0]


def test_the_answer_says_what_to_do(client: Client, disk: Disk) -> None:
    """As a reader of the response sees it."""
    disk.fill()

    answer = client.submit("wait")

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "DATABASE_FULL", "1")
    assert "make room" in answer.json()["message"]


def test_it_goes_on_where_there_is_room_again(client: Client, disk: Disk) -> None:
    """Without a restart."""
    disk.fill()
    assert client.submit("wait").status_code == 503
    disk.free()

    assert client.submit("wait").status_code == 201
    assert len(client.listed()) == 1


@pytest.mark.parametrize("path", ["/jobs", "/jobs/{job}/cancel", "/jobs/{job}/resubmit"])
def test_the_page_is_told_too(started: Program, client: Client, disk: Disk, tmp_path: Path, path: str) -> None:
    """Also where its request is the first that cannot be stored."""
    job_id = client.queue("wait", {"until": str(tmp_path / "never")}, scheduled_at="2100-01-01T00:00:00Z")
    disk.fill()
    answer = client.post(
        f"/_emulator/api{path.format(job=job_id)}", json={"job_name": "wait"}, headers={"x-emulator-dashboard": "1"}, timeout=20
    )
    disk.free()

    assert answer.status_code == 503
    assert "make room" in answer.json()["error"]
    assert not [line for line in last_lines(started) if "Traceback" in line]


def test_a_key_of_a_request_that_failed_can_be_used_again(client: Client, disk: Disk) -> None:
    """It was not stored that the request failed; the key must not answer 409 for a day."""
    key = {"idempotency-key": str(uuid4())}
    disk.fill()
    assert client.submit("wait", headers=key).status_code == 503
    disk.free()

    assert client.submit("wait", headers=key).status_code == 201
    assert len(client.listed()) == 1


@pytest.mark.slow
def test_keys_under_a_disk_that_is_full_at_times_are_one_job_each(client: Client, disk: Disk) -> None:
    """Whichever write of a request fails."""
    keys = [str(uuid4()) for _ in range(30)]
    over = threading.Event()

    def fill_at_times() -> None:
        while not over.is_set():
            disk.fill()
            time.sleep(0.003)
            disk.free()
            time.sleep(0.003)

    filling = threading.Thread(target=fill_at_times)
    filling.start()
    try:
        for key in keys:
            eventually(partial(status_of_submit, client, key), lambda status: status == 201)
    finally:
        over.set()
        filling.join()

    assert len(client.listed(limit="100")) == len(keys)


def test_a_job_that_ends_on_a_full_disk_is_stored_later(started: Program, client: Client, disk: Disk, tmp_path: Path) -> None:
    """Its log lines of that time are lost; its result is not, and no traceback is written."""
    end = tmp_path / "end"
    job_id = client.queue("wait", {"until": str(end)})
    client.until(job_id, lambda job: job["status"] == "running")
    disk.fill()
    eventually(lambda: client.submit("wait").status_code, lambda status: status == 503)
    end.touch()
    time.sleep(0.3)
    disk.free()

    assert client.ended(job_id)["status"] == "completed"
    assert not [line for line in last_lines(started) if "Traceback" in line]
