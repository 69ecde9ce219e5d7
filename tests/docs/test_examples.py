"""The programs in examples/ do what their first lines say, against servers of their own."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
from attrs import frozen
from fastapi import Request
from fastapi.testclient import TestClient
from fluxbase_jobs.testing import Server

from tests.docs.pages import ROOT
from tests.support.servers.emulator_process import started

EXAMPLES: Final = ROOT / "examples"
FUNCTIONS: Final = EXAMPLES / "functions.py"
PASSWORD: Final = "correct-horse-Battery-9"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with the functions of the examples, that the environment points to."""
    with Server(functions=FUNCTIONS, profile="2026-03", realtime="all") as server:
        monkeypatch.setenv("FLUXBASE_URL", server.url)
        monkeypatch.setenv("FLUXBASE_KEY", server.service_key())
        yield server


def command(name: str, *arguments: str) -> list[str]:
    """The command line of an example."""
    return [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]


def run(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run an example to its end."""
    return subprocess.run(
        command(name, *arguments), capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **variables}
    )


def jobs_of(server: Server, name: str) -> list[Any]:
    """The payloads of all jobs of a function."""
    with server.client() as client:
        listed = [result.unwrap() for result in client.jobs.iterate(job_name=name)]
        return [client.jobs.get(job).unwrap().payload for job in listed]


@pytest.mark.slow
def test_a_nightly_batch_is_killed_and_run_again(server: Server) -> None:
    """Each customer has one report, and the one that fails is told with its cause, on each run."""
    options = ("nightly_batch.py", "--night", "2026-11-27", "--customers", "60")
    with subprocess.Popen(command(*options), stdout=subprocess.PIPE, text=True) as process:
        assert next(iter(process.stdout or ())) == "10 of 60 submitted\n"
        process.kill()
    first = len(jobs_of(server, "report"))
    ended = run(*options)

    assert 10 <= first <= 60
    assert ended.stdout.splitlines()[-1] == "59 reports sent, 1 failed, 0 not submitted"
    assert re.fullmatch(r"job \S+: customer 13 has no address.*\n", ended.stderr)
    assert ended.returncode == 1
    assert sorted(payload["customer"] for payload in jobs_of(server, "report")) == [*range(1, 61)]


def test_a_night_without_customer_13(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It exits with 0; another night has reports of its own."""
    for night in ("2026-11-27", "2026-11-28"):
        monkeypatch.setattr(sys, "argv", ["nightly_batch.py", "--night", night, "--customers", "12"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(EXAMPLES / "nightly_batch.py"), run_name="__main__")
        assert (ended.value.code, capsys.readouterr().err) == (0, "")
    assert len(jobs_of(server, "report")) == 24


def web_application(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The web application, which is imported as uvicorn does."""
    monkeypatch.setattr(sys, "path", [str(EXAMPLES / "fastapi_progress"), *sys.path])
    monkeypatch.delitem(sys.modules, "app", raising=False)
    return __import__("app").app


def events_of(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The server-sent events in a response: names and data."""
    return [(name, json.loads(data)) for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n\n", text)]


async def stream_of(app: Any, job_id: str, go_on: Callable[[], None]) -> list[str]:
    """The events that the application sends for a job, which goes on after the first of them."""
    async with app.router.lifespan_context(app):
        endpoint = next(route.endpoint for route in app.routes if route.path.endswith("/events"))
        response = await endpoint(Request({"type": "http", "app": app}), UUID(job_id))
        assert response.media_type == "text/event-stream"
        sent = [await anext(response.body_iterator)]
        go_on()
        return sent + [each async for each in response.body_iterator]


def test_fastapi_sends_progress_as_events(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first change to the end, in order; the page asks for them, and gets no key."""
    job = server.script("convert").progress(30, "page 3 of 10").hold().progress(60).complete({"pages": 10})
    app = web_application(monkeypatch)
    with TestClient(app) as browser:
        page = browser.get("/").text
        job_id = browser.post("/conversions?pages=10").json()["job_id"]
    events = events_of("".join(asyncio.run(stream_of(app, job_id, job.release))))
    percents = [data["percent"] for _, data in events]

    assert job.payloads[0]["pages"] == 10
    assert "new EventSource(`/conversions/${body.job_id}/events`)" in page
    assert {name for name, _ in events[:-1]} == {"changed"}
    assert (events[-1][0], events[-1][1]["status"]) == ("ended", "completed")
    assert percents == sorted(percents)
    assert os.environ["FLUXBASE_KEY"] not in page + str(events)


def test_fastapi_tells_what_cannot_be_followed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an event, as the response has begun; a submit that fails is a 502. Neither says more than the kind of the error."""
    server.faults.add("POST /api/v1/jobs/submit", status=500, body={"error": "the-inside-of-the-server"})
    with TestClient(web_application(monkeypatch)) as browser:
        refused = browser.post("/conversions")
        answer = browser.get("/conversions/3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11/events")

    assert refused.status_code == 502
    assert events_of(answer.text) == [("lost", {"message": "the job could not be read or submitted (NotFound)"})]
    assert "the-inside-of-the-server" not in refused.text


@pytest.fixture
def ada(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ada:
    """Somebody with an account, who has never signed in."""
    account = {"email": "ada@example.com", "password": PASSWORD}
    httpx.post(f"{server.url}/api/v1/auth/signup", json=account).raise_for_status()
    kept = tmp_path / "config" / "refresh-token"
    monkeypatch.setenv("SIGN_IN_FILE", str(kept))
    monkeypatch.setattr(sys, "argv", ["sign_in.py", server.url, account["email"]])
    return Ada(kept, monkeypatch, capsys)


@frozen
class Ada:
    """Somebody who runs sign_in.py."""

    kept: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def runs_it(self, password: str = PASSWORD) -> tuple[int, str]:
        """Run it, and type this password where it is asked for; how often it was asked for, and what was printed."""
        asked = list[str]()

        def typed() -> str:
            asked.append(password)
            return password

        self.monkeypatch.setattr(getpass, "getpass", typed)
        runpy.run_path(str(EXAMPLES / "sign_in.py"), run_name="__main__")
        return len(asked), self.capsys.readouterr().out


def test_a_sign_in_is_kept(ada: Ada) -> None:
    """The second run asks for no password; each run leaves another token, in a file that is the owner's alone."""
    tokens = list[str]()
    for asked in (1, 0, 0):
        assert ada.runs_it() == (asked, "0 jobs\n")
        tokens.append(ada.kept.read_text("utf-8"))
        if os.name == "posix":
            assert ada.kept.stat().st_mode & 0o777 == 0o600
    assert len(set(tokens)) == 3
    assert [path.name for path in ada.kept.parent.iterdir()] == ["refresh-token"]


def test_a_sign_in_that_has_ended_is_renewed(ada: Ada) -> None:
    """A token that the server does not take is as good as none; a wrong password is told in one line."""
    ada.kept.parent.mkdir()
    ada.kept.write_text("eyJ.no.token", "utf-8")

    with pytest.raises(SystemExit, match=r"^not signed in: .+$"):
        ada.runs_it(password="wrong-Password-1")
    assert ada.runs_it() == (1, "0 jobs\n")


@pytest.mark.slow
def test_a_cluster_whose_workers_die() -> None:
    """Submitting 400 jobs twice, while a worker is killed, makes 400 jobs."""
    with started("--profile", "2026-03", "--no-access-log", functions=FUNCTIONS) as address:
        ended = run(
            *("dask_fan_out.py", "--jobs", "400", "--workers", "2", "--kill", "1", "--part", "50"),
            FLUXBASE_URL=address.url,
            FLUXBASE_KEY=address.service_key,
        )

    printed = ended.stdout.splitlines()
    assert ended.returncode == 0, ended.stderr
    assert printed[0] == "killed a worker after 1 of 8 parts"
    assert re.fullmatch(r"400 jobs in \d+ s; run again: 400, the same: True", printed[1])
    assert printed[2] == "400 jobs on the server"
