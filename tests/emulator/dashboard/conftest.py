"""Emulators with their page, one for each server version, and clients that act as the page does."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.app import Emulator
from fluxbase_jobs.emulator.profiles import APRIL, MARCH
from fluxbase_jobs.emulator.server.serve import dashboard_of, protected
from starlette.types import ASGIApp

from tests.support.servers.emulator_in_process import Running, eventually, serving

PATH: Final = "/_emulator"
WRITES: Final = {"x-emulator-dashboard": "1"}
MARKUP: Final = "<b>bold</b><script>alert(1)</script>"


class Page(httpx.Client):
    """A client that sends what the page sends."""

    def read(self, path: str, **query: Any) -> Any:
        """What an endpoint answers."""
        return self.get(f"{PATH}/api{path}", params=query).raise_for_status().json()

    def write(self, path: str, body: Any = None, *, method: str = "POST", **query: Any) -> httpx.Response:
        """Send a request that changes something."""
        content = body if isinstance(body, str | bytes) else json.dumps(body or {})
        return self.request(method, f"{PATH}/api{path}", content=content, params=query, headers=WRITES)

    def submit(self, name: str, payload: Any = None, **fields: Any) -> str:
        """Submit a job that must be accepted; its id."""
        answer = self.write("/jobs", {"job_name": name, "payload": payload, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> Any:
        """All about a job."""
        return self.read(f"/jobs/{job_id}")

    def until(self, job_id: str, status: str) -> Any:
        """Wait until a job has a status."""
        return eventually(lambda: self.job(job_id), lambda job: job["status"] == status)

    def lines(self, job_id: str, **query: Any) -> list[str]:
        """The messages of a job's log."""
        return [line["message"] for line in self.read(f"/jobs/{job_id}/log", **query)["lines"]]

    @contextmanager
    def events(self) -> Generator[Iterator[tuple[str, Any]]]:
        """The stream of changes, as names and data."""
        with self.stream("GET", f"{PATH}/api/events", timeout=20) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            yield _events(response.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def application(emulator: Emulator) -> ASGIApp:
    """What the program serves on loopback."""
    return protected(dashboard_of(emulator), "127.0.0.1", [])


@function("echo", description="Say it again", max_retries=1)
def echo(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Report progress, write lines, and fail where it is asked to."""
    context.log("first line")
    context.progress(50, "half way", {"part": 1})
    if payload.get("fails"):
        raise ValueError(f"no {payload['fails']} today")
    return {"echoed": payload}


@function("sleepy")
def sleepy(payload: dict[str, Any], context: Context) -> None:
    """Run until it is cancelled."""
    context.progress(payload.get("percent", 10), "asleep")
    while not context.cancelled:
        time.sleep(0.01)


@function("daily", namespace="reports", schedule='0 6 * * *|{"kind": "daily"}')
def daily(_payload: dict[str, Any], _context: Context) -> None:
    """Be due once a day."""


@function("guarded", require_roles=["service_role"])
def guarded(_payload: dict[str, Any], _context: Context) -> None:
    """Be open to service roles only."""


@function(MARKUP, description="<i>slanted</i>")
def markup(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Have markup in all its texts."""
    context.log("<u>line</u>")
    return {"<k>": payload}


HANDLERS: Final = (echo, sleepy, daily, guarded, markup)


@pytest.fixture(scope="session")
def april_dashboard() -> Iterator[Running]:
    """An emulator of version 2026-04 with its page."""
    with serving(*HANDLERS, app=application, profile=APRIL) as running:
        yield running


@pytest.fixture(scope="session")
def march_dashboard() -> Iterator[Running]:
    """An emulator of version 2026-03 with its page."""
    with serving(*HANDLERS, app=application, profile=MARCH) as running:
        yield running


@pytest.fixture
def page(april_dashboard: Running) -> Iterator[Page]:
    """A client of the page of version 2026-04; faults that it leaves on are switched off."""
    with Page(base_url=april_dashboard.url, trust_env=False) as page:
        yield page
        page.write("/faults", method="DELETE")


@pytest.fixture
def march_page(march_dashboard: Running) -> Iterator[Page]:
    """A client of the page of version 2026-03."""
    with Page(base_url=march_dashboard.url, trust_env=False) as page:
        yield page
