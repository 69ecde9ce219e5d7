"""Fixtures: a test server with a few functions, and the command line that uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.testing import Server

from tests.support.program import Program


@function("echo", description="Give the payload back")
def echo(payload: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Log a line, report progress, and return the payload."""
    context.log("one line")
    context.progress(50, "half way")
    return {"echo": payload}


@function("boom", max_retries=1)
def boom(_payload: Mapping[str, Any], context: Context) -> None:
    """Fail."""
    context.log("about to fail")
    raise RuntimeError("the reactor is on fire")


@function("hopeless")
def hopeless(_payload: Mapping[str, Any], _context: Context) -> None:
    """Fail, and cannot be retried."""
    raise RuntimeError("for good")


@function("endless")
async def endless(_payload: Mapping[str, Any], context: Context) -> None:
    """Run until it is stopped."""
    context.progress(40, "on the way")
    await asyncio.Event().wait()


FUNCTIONS = (echo, boom, hopeless, endless)


@pytest.fixture
def profile() -> str:
    """The version of the server; tests override it."""
    return "2026-03"


@pytest.fixture
def test_server(profile: str) -> Iterator[Server]:
    """A server that runs the functions above."""
    with Server(functions=FUNCTIONS, profile=profile) as server:
        yield server


@pytest.fixture
def program(test_server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    """The command line, with the server's URL and service key in its environment and an empty home."""
    monkeypatch.setenv("FLUXBASE_URL", test_server.url)
    monkeypatch.setenv("FLUXBASE_KEY", test_server.service_key())
    for name in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "config"))
    return Program(test_server, capsys, monkeypatch)
