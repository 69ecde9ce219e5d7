"""`doctor`: each thing that can be missing, and its cure."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from fluxbase_jobs.testing import Server

from tests.support.program import Ended, Program
from tests.support.servers.local_server import Answer, LocalServer


def states(ended: Ended) -> dict[str, str]:
    """Each check's state."""
    return {each["check"]: each["state"] for each in ended.json}


def test_all_is_well(program: Program) -> None:
    """Exit code 0, a line for each check."""
    program.job_of("echo", "completed")
    ended = program("doctor")

    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["ok", name] for name in ("server", "clock", "key", "jobs", "admin", "logs", "realtime")
    ]
    assert "answers as Fluxbase 2026-03 does" in ended.out
    assert "a token of the role service_role, good for 24 h (FLUXBASE_KEY)" in ended.out


@pytest.mark.parametrize("profile", ["2026-04"])
def test_hidden_logs(program: Program) -> None:
    """The server is usable all the same."""
    fresh = program("doctor", "--json")
    program.job_of("echo", "completed")
    ended = program("doctor", "--json")

    assert (states(fresh)["logs"], states(ended)["logs"], ended.code) == ("note", "miss", 0)
    assert "2026-04 or later" in ended.out


def test_users_key(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens jobs, but nothing for admins."""
    monkeypatch.setenv("FLUXBASE_KEY", program.server.user_key())
    ended = program("doctor", "--json")

    assert (states(ended)["jobs"], states(ended)["admin"], ended.code) == ("ok", "note", 0)


@pytest.mark.parametrize(
    ("key", "found", "state"),
    [
        ("", "there is none", "miss"),
        ("sk_unknown", "a service key (FLUXBASE_KEY); commands for admins need a token", "ok"),
        ("fbk_unknown", "a client key", "ok"),
        ("unknown", "FLUXBASE_KEY has no form that is known; it is sent as a token", "note"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiIsImV4cCI6MTAwMDAwMDAwMH0.x", "the token in FLUXBASE_KEY (role anon) expired", "miss"),
    ],
)
def test_keys_that_open_nothing(program: Program, monkeypatch: pytest.MonkeyPatch, key: str, found: str, state: str) -> None:
    """Code 5, and a cure."""
    monkeypatch.setenv("FLUXBASE_KEY", key)
    ended = program("doctor", "--json")
    checks: dict[str, dict[str, Any]] = {each["check"]: each for each in ended.json}

    assert ended.code == 5
    assert found in checks["key"]["found"]
    assert checks["key"]["state"] == state
    assert any(each["cure"] for each in checks.values() if each["state"] == "miss")


def test_jobs_switched_off(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to switch on."""
    with Server(jobs="off", realtime="off") as server:
        monkeypatch.setenv("FLUXBASE_URL", server.url)
        monkeypatch.setenv("FLUXBASE_KEY", server.service_key())
        ended = program("doctor", "--json")

    assert (states(ended)["jobs"], states(ended)["realtime"], ended.code) == ("miss", "note", 5)


def test_nothing_listens(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address, and how to start a server."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("FLUXBASE_URL", f"http://127.0.0.1:{port}")
    ended = program("doctor")

    assert ended.code == 5
    assert ended.out.startswith(f"miss server    http://127.0.0.1:{port} does not answer")
    assert "`fluxbase-jobs dev` starts one to try" in ended.out


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://x"])
def test_settings(program: Program, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Code 2: they are the caller's to mend."""
    monkeypatch.setenv("FLUXBASE_URL", url)
    monkeypatch.setenv("FLUXBASE_KEY", "x" * bool(url))
    ended = program("doctor", "--json")

    assert (states(ended), ended.code) == ({"settings": "miss"}, 2)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
def test_another_server(program: Program, monkeypatch: pytest.MonkeyPatch, server: LocalServer, body: bytes) -> None:
    """A page of something else is no Fluxbase."""
    server.last = Answer(200, body)
    monkeypatch.setenv("FLUXBASE_URL", server.url)
    ended = program("doctor", "--json")

    assert (states(ended), ended.code) == ({"server": "miss"}, 5)


def test_health_behind_a_proxy(program: Program, monkeypatch: pytest.MonkeyPatch, server: LocalServer) -> None:
    """A proxy that hides it hides nothing that is needed."""
    server.answer(Answer(404, "no such page"), Answer(200, {"jobs": [], "limit": 1, "offset": 0, "has_more": False}))
    monkeypatch.setenv("FLUXBASE_URL", server.url)
    ended = program("doctor", "--json")

    assert (states(ended)["server"], states(ended)["jobs"], ended.code) == ("note", "ok", 0)


def test_wrong_clock(program: Program) -> None:
    """Tokens would seem to have expired."""
    program.server.clock.advance(3600)
    ended = program("doctor", "--json")

    assert states(ended)["clock"] == "miss"
    assert "behind the server's" in ended.out


def test_wrong_arguments(program: Program) -> None:
    """As with every command."""
    assert program("doctor", "more").code == 2
    assert program("doctor", "--timeout", "-1").code == 2
