"""Emulators for tests, on a free port: served by a thread of the test's own process, or as a program."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx
import uvicorn
from attrs import define, evolve, frozen
from fluxbase_jobs._transports.clock import monotonic
from fluxbase_jobs.emulator.app import Emulator
from fluxbase_jobs.emulator.clock import Clock
from fluxbase_jobs.emulator.handlers.decorator import FunctionSet, marked
from fluxbase_jobs.emulator.handlers.loader import load_functions
from fluxbase_jobs.emulator.server.sockets import http_config, listen, url_of
from fluxbase_jobs.emulator.settings import Settings
from starlette.types import ASGIApp

HANDLERS: Final = Path(__file__).parents[3] / "contract" / "functions.py"
SECRET: Final = "0123456789abcdef0123456789abcdef"
FINAL: Final = frozenset({"completed", "failed", "cancelled"})
_TIMEOUT_SECONDS: Final = 20
_JOBS: Final = "/api/v1/jobs"
ADMIN: Final = "/api/v1/admin/jobs"
_T = TypeVar("_T")


@frozen
class Running:
    """A running emulator."""

    url: str
    service_key: str
    user_key: str
    emulator: Emulator | None = None
    """The emulator itself, where it runs in this process."""

    def client(self, token: str | None = None) -> Client:
        """A client that sends a token: the user key by default, none if it is empty."""
        token = self.user_key if token is None else token
        return Client(base_url=self.url, headers={"authorization": f"Bearer {token}"} if token else {}, trust_env=False)


class Client(httpx.Client):
    """An HTTP client with shortcuts for frequent requests."""

    def submit(self, job_name: str, payload: Any = None, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Submit a job."""
        return self.post(f"{_JOBS}/submit", json={"job_name": job_name, "payload": payload, **fields}, headers=headers)

    def queue(self, job_name: str, payload: Any = None, **fields: Any) -> str:
        """Submit a job that must be accepted; its id."""
        response = self.submit(job_name, payload, **fields)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """Read a job."""
        found: dict[str, Any] = self.get(f"{_JOBS}/{job_id}").raise_for_status().json()
        return found

    def ended(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended."""
        return self.until(job_id, lambda job: job["status"] in FINAL)

    def until(self, job_id: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll a job until the condition holds."""
        return eventually(lambda: self.job(job_id), condition)

    def run(self, job_name: str, payload: Any = None, **fields: Any) -> dict[str, Any]:
        """Submit a job and wait until it has ended."""
        return self.ended(self.queue(job_name, payload, **fields))

    def cancel(self, job_id: str) -> httpx.Response:
        """Cancel a job."""
        return self.post(f"{_JOBS}/{job_id}/cancel")

    def retry(self, job_id: str) -> httpx.Response:
        """Retry a job."""
        return self.post(f"{_JOBS}/{job_id}/retry")

    def sync(self, namespace: str, *functions: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Sync functions into a namespace; the response."""
        body = {"namespace": namespace, "jobs": functions, "options": options}
        report: dict[str, Any] = self.post(f"{ADMIN}/sync", json=body).raise_for_status().json()
        return report

    def function(self, namespace: str, name: str) -> dict[str, Any]:
        """Read a function through the admin API."""
        found: dict[str, Any] = self.get(f"{ADMIN}/functions/{namespace}/{name}").raise_for_status().json()
        return found

    def functions(self, namespace: str) -> list[str]:
        """The names of a namespace's functions."""
        found: list[dict[str, Any]] | None = self.get(f"{ADMIN}/functions", params={"namespace": namespace}).raise_for_status().json()
        return [definition["name"] for definition in found or []]

    def sign_up(self) -> str:
        """Create a user; its access token."""
        body = {"email": f"{uuid4()}@example.com", "password": "correct-horse-9"}
        return str(self.post("/api/v1/auth/signup", json=body).raise_for_status().json()["access_token"])

    def logs(self, job_id: str, **query: Any) -> httpx.Response:
        """Read a job's log."""
        return self.get(f"{_JOBS}/{job_id}/logs", params=query)

    def messages(self, job_id: str) -> list[tuple[str, str]]:
        """Level and text of each line of a job's log."""
        lines: list[dict[str, str]] = self.logs(job_id).raise_for_status().json()["logs"] or []
        return [(line["level"], line["message"]) for line in lines]

    def refusal(self, headers: dict[str, str] | None = None, query: str = "") -> str | None:
        """The error of a request with these credentials; None if it is accepted."""
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
    """The system clock, which a test can set forward; that ends waits. Each wait takes `pace` times its length."""

    ahead_seconds: float = 0.0
    pace: float = 1.0

    def now_ns(self) -> int:
        """Nanoseconds since 1970, plus the offset."""
        return time.time_ns() + int(self.ahead_seconds * 1e9)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has reached the end."""
        end = self.now_ns() + seconds * self.pace * 1e9
        while (left := end - self.now_ns()) > 0:  # noqa: ASYNC110  # another thread sets the clock forward
            await asyncio.sleep(min(left / 1e9, 0.01))


def eventually(read: Callable[[], _T], condition: Callable[[_T], bool]) -> _T:
    """Read repeatedly until the condition holds; the last value read."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not condition(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


class _RealTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers go on while a test has frozen the time. Those set meanwhile would else never fire."""

    def time(self) -> float:
        return monotonic()


@contextmanager
def serving(
    *handlers: Any, clock: Clock | None = None, app: Callable[[Emulator], ASGIApp] = lambda emulator: emulator.app, **settings: Any
) -> Generator[Running]:
    """Serve an emulator from a thread, with these handlers or the Python versions of the recorded functions.

    `app` makes the application; that of the emulator by default.
    """
    functions = FunctionSet(marked(handlers)) if handlers else load_functions(HANDLERS)
    emulator = Emulator(evolve(Settings(jwt_secret=SECRET, poll_interval=0.01), **settings), functions, clock)
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(http_config(app(emulator)))
    thread = threading.Thread(target=_serve, args=(server, listener))
    thread.start()
    try:
        eventually(lambda: server.started, bool)
        yield Running(url_of(listener), emulator.service_key(), emulator.user_key(), emulator)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with asyncio.Runner(loop_factory=_RealTimeLoop) as runner:
        runner.run(server.serve(sockets=[listener]))


@frozen
class Program:
    """The emulator as a program."""

    running: Running
    process: subprocess.Popen[str]
    start_up: str

    def end(self, number: int) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(_TIMEOUT_SECONDS)


@contextmanager
def program(*options: object, script: Path | None = None) -> Generator[Program]:
    """Run the program with these options on a free port; `script` starts it instead of `-m fluxbase_jobs.emulator`."""
    with subprocess.Popen(**command("--port", 0, *options, script=script), text=True) as process:
        try:
            start_up = _start_up(process)
            yield Program(_running(start_up), process, start_up)
        finally:
            process.kill()


def command(*options: object, script: Path | None = None) -> dict[str, Any]:
    """Arguments for subprocess to run the program."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    start = [str(script)] if script else ["-m", "fluxbase_jobs.emulator"]
    arguments = [sys.executable, *start, *map(str, options)]
    return {"args": arguments, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def _start_up(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("export FLUXBASE_KEY="):
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
