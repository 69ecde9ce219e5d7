"""Fixtures for all tests: a local server with prepared responses, and sync and async clients."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Final, cast

import pytest
import trustme
from fluxbase_jobs import FluxbaseClient
from hypothesis import HealthCheck, settings

from tests.support.servers.emulator_process import Address, started
from tests.support.servers.local_server import LocalServer
from tests.support.servers.server_under_test import PROFILES, ServerUnderTest, running_server
from tests.support.styles import Connect, Style, connect_in_style

# They need what Windows lacks: pseudo-terminals, fork, or signals that a program sends to another.
_NOT_ON_WINDOWS: Final = (
    *("cli/test_progress.py", "cli/test_terminal.py", "context/test_refresh_interrupted.py", "errors/test_growth.py"),
    *("emulator/runtime/test_crashes.py", "emulator/runtime/test_handler_log.py", "emulator/runtime/test_stopping.py"),
    *("emulator/server/test_reload.py", "emulator/store/test_restart.py", "emulator/test_cli.py"),
    *("transports/test_choice.py", "transports/test_lifetimes.py", "transports/test_sharing.py"),
    *("verbs/test_interrupted.py", "verbs/test_wait.py"),
)
collect_ignore = [*_NOT_ON_WINDOWS] if sys.platform == "win32" else list[str]()

# No deadline, because the machine may be busy; fixtures may be shared by the examples of one test.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """Collections of garbage need not look at the tests themselves: there are 12,000, and each full one would take half a second."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _one_certificate_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Clients trust one test authority only, because loading the system's takes 20 ms per client."""
    authority = tmp_path_factory.mktemp("authority") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority))
        yield


@pytest.fixture(params=["sync", "async"])
def style(request: pytest.FixtureRequest) -> Style:
    """The style of the client: every test that uses one runs once in each style."""
    return cast("Style", request.param)


@pytest.fixture
def transport() -> str:
    """The transport of the clients. Tests of the wire run once over each: `tests.support.every_transport`."""
    return "httpcore"


@pytest.fixture
def connect(style: Style, transport: str) -> Iterator[Connect]:
    """Creates a client of the test's style: `connect(url, key, **options)`."""
    with connect_in_style(style, transport) as connect:
        yield connect


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A local server that sends the responses that the test prepares."""
    with LocalServer() as server:
        yield server


@pytest.fixture
def client(connect: Connect, server: LocalServer) -> FluxbaseClient:
    """A client of the local server."""
    return connect(server.url, "eyJ.a-token")


@pytest.fixture(scope="session")
def march() -> Iterator[Address]:
    """An emulator of version 2026-03, which shows log lines at once."""
    with started("--profile", "2026-03") as address:
        yield address


@pytest.fixture(scope="module", params=PROFILES)
def server_under_test(request: pytest.FixtureRequest) -> Iterator[ServerUnderTest]:
    """The emulator in each version, or a real server."""
    with running_server(cast("str", request.param)) as server:
        yield server


@pytest.fixture
def live_client(connect: Connect, server_under_test: ServerUnderTest) -> FluxbaseClient:
    """A client of the server under test, in the test's style."""
    return connect(server_under_test.url, server_under_test.key)
