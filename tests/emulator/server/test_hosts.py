"""The server answers only the host names of loopback and those that are allowed."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fluxbase_jobs.emulator.server.serve import dashboard_of, protected

from tests.support.servers.emulator_in_process import program, serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of an emulator on loopback that answers one further name."""
    with program("--allow-host", "Forwarded.example") as started:
        yield started.running.url


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]", "[::1]:8080", "forwarded.example:443"])
def test_loopback_and_allowed_names_are_answered(url: str, host: str) -> None:
    """The port does not matter: a port forward changes it."""
    assert httpx.get(f"{url}/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "[::1]x", "localhost:x", ""])
def test_other_names_are_refused(url: str, host: str) -> None:
    """A page whose name resolves to 127.0.0.1 can neither sign up nor read anything."""
    answer = httpx.post(f"{url}/api/v1/auth/signup", headers={"host": host}, json={"email": "a@b.example", "password": "long-enough-1A"})
    assert answer.status_code == 421
    assert "--allow-host" in answer.text


@pytest.mark.parametrize("header", ["host", "origin"])
@pytest.mark.parametrize("value", ["", "null", "localhost:x", "http://[::1"])
@pytest.mark.parametrize("path", ["/health", "/_emulator", "/_emulator/api/jobs"])
def test_an_empty_name_allows_nothing(nameless: str, path: str, value: str, header: str) -> None:
    """Neither a `Host` nor an `Origin` of no valid form: `null` is the origin of pages in sandboxes and files."""
    method = "POST" if path == "/health" else "GET"

    assert httpx.request(method, nameless + path, headers={header: value}).status_code == (421 if header == "host" else 403)


@pytest.fixture(scope="module")
def nameless() -> Iterator[str]:
    """The URL of an emulator to which names were given that are none."""
    with serving(app=lambda emulator: protected(dashboard_of(emulator), "", ["", "[]", "."])) as running:
        yield running.url
