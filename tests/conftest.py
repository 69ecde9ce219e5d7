"""What all tests share: a server that answers as told, and clients of both styles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
import trustme
from fluxbase_jobs import FluxbaseClient

from tests.support.emulator_process import Address, started
from tests.support.local_server import LocalServer
from tests.support.server_under_test import PROFILES, Place, living
from tests.support.styles import Connect, Style, connecting


@pytest.fixture(scope="session", autouse=True)
def _trusting_few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All clients trust one unknown authority in place of the world's, which take 20 ms to load for each client."""
    authority = tmp_path_factory.mktemp("authority") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority))
        yield


@pytest.fixture(params=["sync", "async"])
def style(request: pytest.FixtureRequest) -> Style:
    """Each test that uses a client runs once in each style."""
    return cast("Style", request.param)


@pytest.fixture
def connect(style: Style) -> Iterator[Connect]:
    """Makes a client of the test's style: `connect(url, key, **options)`."""
    with connecting(style) as connect:
        yield connect


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server that answers what the test says."""
    with LocalServer() as server:
        yield server


@pytest.fixture
def client(connect: Connect, server: LocalServer) -> FluxbaseClient:
    """A client of that server."""
    return connect(server.url, "eyJ.a-token")


@pytest.fixture(scope="session")
def march() -> Iterator[Address]:
    """An emulator that shows logs at once, as the server of March 2026 does."""
    with started("--profile", "2026-03") as address:
        yield address


@pytest.fixture(scope="module", params=PROFILES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A server that is no stand-in, of each profile."""
    with living(cast("str", request.param)) as place:
        yield place


@pytest.fixture
def live(connect: Connect, place: Place) -> FluxbaseClient:
    """A client of that server, in the test's style."""
    return connect(place.url, place.key)
