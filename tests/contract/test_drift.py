"""`drift`: in what a server differs from the recording and from openapi.yaml, as tables and an exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from fluxbase_jobs.emulator.profiles import PROFILES

from contract import drift, functions, scenarios
from contract.record import BadArgument, exchanges
from contract.recorder import Recorder
from contract.recordings import APRIL, newest
from tests.support.servers.changing_proxy import Change, changing
from tests.support.servers.emulator_in_process import SECRET, Running, serving

SHORT: Final = (scenarios.lifecycle, scenarios.ids)
KNOWN: Final[dict[str, Any]] = {"/api/v1/jobs/{id}": {"get": {}}, "/api/v1/jobs": {"get": {}}, "/api/v1/storage": {"get": {}}}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """An emulator of the newest profile."""
    with serving(*vars(functions).values(), profile=PROFILES["2026-04"]) as server:
        yield server


def reported(running: Running, change: Change) -> int:
    """Print the tables for an emulator behind a proxy that changes its answers."""
    with changing(running.url, change) as url:
        endpoints = list(drift.unknown_endpoints(Recorder(url=url, secret=SECRET)))
        return drift.report(newest(), exchanges(url, SECRET, scenarios=SHORT, log_seconds=0.0), endpoints)


def described(paths: dict[str, Any]) -> Change:
    """Answer /openapi.json with these paths, everything else as it came."""

    def change(target: str, status: int, body: bytes) -> tuple[int, bytes]:
        return (200, json.dumps({"paths": paths}).encode()) if target == "/openapi.json" else (status, body)

    return change


def test_the_newest_recording_is_that_of_april() -> None:
    """Not one of its extra files."""
    assert newest() == APRIL


def test_a_server_as_recorded_has_no_drift(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """All three tables are empty and the exit code is 0."""
    assert reported(running, described(KNOWN)) == 0

    printed = capsys.readouterr().out
    assert printed.count(": none") == 3
    assert "25 of 25 exchanges agree with recorded-2026-04; 0 faults by openapi.yaml; 0 unknown endpoints" in printed


def test_a_changed_answer_is_told(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """With its place and both values; a key that openapi.yaml does not have stands in the second table too."""

    def change(target: str, status: int, body: bytes) -> tuple[int, bytes]:
        if "/jobs/submit" in target:
            return status, body.replace(b'"priority":0', b'"priority":7,"tint":"red"')
        return described(KNOWN)(target, status, body)

    assert reported(running, change) == 1

    printed = capsys.readouterr().out
    tables = printed.split("Answered, but not allowed by openapi.yaml: 2")
    assert [line.split() for line in tables[0].splitlines() if line.startswith("  lifecycle")] == [
        ["lifecycle", "submit", "body.priority", "0", "7"],
        ["lifecycle", "submit", "body.tint", "absent", '"red"'],
    ]
    assert "'tint' was unexpected" in tables[1]
    assert "23 of 25 exchanges agree" in printed


def test_unknown_endpoints_are_told(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the jobs API only; what the parameters of a path are called makes none unknown."""
    new: dict[str, Any] = {
        "/api/v1/jobs/{id}/pause": {"post": {}},
        "/api/v1/admin/jobs/queue/{x}": {"get": {}, "patch": {}},
        "/api/v1/jobs": {"put": {}},
    }

    assert reported(running, described({**KNOWN, **new})) == 1

    table = capsys.readouterr().out.partition("Endpoints that openapi.yaml lacks: 3")[2]
    assert [line.split() for line in table.splitlines()[2:5]] == [
        ["PATCH", "/api/v1/admin/jobs/queue/{}"],
        ["POST", "/api/v1/jobs/{}/pause"],
        ["PUT", "/api/v1/jobs"],
    ]


def test_a_server_that_does_not_describe_itself_is_told() -> None:
    """Nothing is passed over in silence."""
    with serving(functions.echo, jobs="off") as server:
        rows = list(drift.unknown_endpoints(Recorder(url=server.url, secret=SECRET)))

    assert rows == [("GET", "/openapi.json (answered 404: its endpoints are not known)")]


def test_an_unknown_recording_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The known ones are named."""
    monkeypatch.setenv("FLUXBASE_JWT_SECRET", SECRET)

    with pytest.raises(BadArgument, match="there is no recording 'recorded-1999': name one of recorded-2026-03, "):
        drift.main(["http://127.0.0.1:9", "recorded-1999"])
