"""Emulators for tests: served over HTTP on a free port from a thread of the test's own process, or as the program."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import httpx
import uvicorn
from attrs import define, evolve, frozen
from fluxbase_jobs.emulator.app import Emulator
from fluxbase_jobs.emulator.handlers.decorator import FunctionSet, marked
from fluxbase_jobs.emulator.handlers.loader import load_functions
from fluxbase_jobs.emulator.server.sockets import listen, url_of
from fluxbase_jobs.emulator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from fluxbase_jobs.emulator.clock import Clock

HANDLERS: Final = Path(__file__).parents[2] / "contract" / "functions.py"
SECRET: Final = "0123456789abcdef0123456789abcdef"
FINAL: Final = frozenset({"completed", "failed", "cancelled"})
_PATIENCE_SECONDS: Final = 20
_JOBS: Final = "/api/v1/jobs"
ADMIN: Final = "/api/v1/admin/jobs"
_T = TypeVar("_T")


@frozen
class Running:
    """An emulator that runs."""

    url: str
    service_key: str
    user_key: str

    def client(self, token: str | None = None) -> Client:
        """Return a client that sends a token: the user key if none is named, nothing if it is empty."""
        token = self.user_key if token is None else token
        return Client(base_url=self.url, headers={"authorization": f"Bearer {token}"} if token else {}, trust_env=False)


class Client(httpx.Client):
    """httpx with the few words that the tests say often."""

    def submit(self, job_name: str, payload: Any = None, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Submit a job."""
        return self.post(f"{_JOBS}/submit", json={"job_name": job_name, "payload": payload, **fields}, headers=headers)

    def queue(self, job_name: str, payload: Any = None, **fields: Any) -> str:
        """Submit a job that is taken and return its id."""
        response = self.submit(job_name, payload, **fields)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job."""
        found: dict[str, Any] = self.get(f"{_JOBS}/{job_id}").raise_for_status().json()
        return found

    def ended(self, job_id: str) -> dict[str, Any]:
        """Return a job when it has ended."""
        return self.until(job_id, lambda job: job["status"] in FINAL)

    def until(self, job_id: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return a job when it is as wanted."""
        return eventually(lambda: self.job(job_id), is_so)

    def run(self, job_name: str, payload: Any = None, **fields: Any) -> dict[str, Any]:
        """Submit a job and return it when it has ended."""
        return self.ended(self.queue(job_name, payload, **fields))

    def cancel(self, job_id: str) -> httpx.Response:
        """Cancel a job."""
        return self.post(f"{_JOBS}/{job_id}/cancel")

    def retry(self, job_id: str) -> httpx.Response:
        """Retry a job."""
        return self.post(f"{_JOBS}/{job_id}/retry")

    def sync(self, namespace: str, *functions: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Sync functions into a namespace and return the answer."""
        body = {"namespace": namespace, "jobs": functions, "options": options}
        report: dict[str, Any] = self.post(f"{ADMIN}/sync", json=body).raise_for_status().json()
        return report

    def function(self, namespace: str, name: str) -> dict[str, Any]:
        """Return a function as admins see it."""
        found: dict[str, Any] = self.get(f"{ADMIN}/functions/{namespace}/{name}").raise_for_status().json()
        return found

    def functions(self, namespace: str) -> list[str]:
        """Return the names of a namespace's functions."""
        found: list[dict[str, Any]] | None = self.get(f"{ADMIN}/functions", params={"namespace": namespace}).raise_for_status().json()
        return [definition["name"] for definition in found or []]

    def sign_up(self) -> str:
        """Make a new user and return its access token."""
        body = {"email": f"{uuid4()}@example.com", "password": "correct-horse-9"}
        return str(self.post("/api/v1/auth/signup", json=body).raise_for_status().json()["access_token"])

    def logs(self, job_id: str, **query: Any) -> httpx.Response:
        """Ask for a job's log."""
        return self.get(f"{_JOBS}/{job_id}/logs", params=query)

    def messages(self, job_id: str) -> list[tuple[str, str]]:
        """Return level and text of each line of a job's log."""
        lines: list[dict[str, str]] = self.logs(job_id).raise_for_status().json()["logs"] or []
        return [(line["level"], line["message"]) for line in lines]

    def refusal(self, headers: dict[str, str] | None = None, query: str = "") -> str | None:
        """Return why a request with these credentials is refused, if it is."""
        response = self.get(f"{_JOBS}?limit=1{query}", headers=headers)
        assert response.status_code in {200, 401}
        error: str | None = response.json().get("error")
        return error

    def listed(self, **query: Any) -> list[dict[str, Any]]:
        """List jobs."""
        jobs: list[dict[str, Any]] | None = self.get(_JOBS, params=query).raise_for_status().json()["jobs"]
        return jobs or []


@define
class AdjustableClock:
    """The machine's clock, set forward by as much as a test wants, which ends waits; waiting takes `pace` of its time."""

    ahead_seconds: float = 0.0
    pace: float = 1.0

    def now_ns(self) -> int:
        """Nanoseconds since 1970, and ahead."""
        return time.time_ns() + int(self.ahead_seconds * 1e9)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        end = self.now_ns() + seconds * self.pace * 1e9
        while (left := end - self.now_ns()) > 0:  # noqa: ASYNC110 - the clock is set forward from another thread
            await asyncio.sleep(min(left / 1e9, 0.01))


def eventually(look: Callable[[], _T], is_so: Callable[[_T], bool]) -> _T:
    """Look again and again until it is so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


@contextmanager
def serving(*handlers: Any, clock: Clock | None = None, **settings: Any) -> Generator[Running]:
    """Serve an emulator from a thread while the block runs: with the twins of the recorded functions, or other handlers."""
    functions = FunctionSet(marked(handlers)) if handlers else load_functions(HANDLERS)
    emulator = Emulator(evolve(Settings(jwt_secret=SECRET, poll_interval=0.01), **settings), functions, clock)
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(emulator.app, log_config=None, server_header=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        eventually(lambda: server.started, bool)
        yield Running(url_of(listener), emulator.service_key(), emulator.user_key())
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@frozen
class Program:
    """The emulator as its users start it."""

    running: Running
    process: subprocess.Popen[str]
    start_up: str

    def end(self, number: int) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_SECONDS)


@contextmanager
def program(*options: object, script: Path | None = None) -> Generator[Program]:
    """Run the program with these options while the block runs, on a free port; a script may start it in a way of its own."""
    with subprocess.Popen(**command("--port", 0, *options, script=script), text=True) as process:
        try:
            start_up = _start_up(process)
            yield Program(_running(start_up), process, start_up)
        finally:
            process.kill()


def command(*options: object, script: Path | None = None) -> dict[str, Any]:
    """Return what subprocess needs to run the program."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    start = [str(script)] if script else ["-m", "fluxbase_jobs.emulator"]
    arguments = [sys.executable, *start, *map(str, options)]
    return {"args": arguments, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def _start_up(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            return "".join(lines)
    raise AssertionError(process.communicate())


def _running(start_up: str) -> Running:
    url, service_key, user_key = (
        re.search(pattern, start_up) for pattern in (r"on (http://\S+)", r"service key: +(\S+)", r"user key: +(\S+)")
    )
    assert url
    assert service_key
    assert user_key
    return Running(url[1], service_key[1], user_key[1])
