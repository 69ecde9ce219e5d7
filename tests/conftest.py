"""What all tests share: a server that answers as told, and clients of both colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from fluxbase_jobs import FluxbaseClient

from tests.colours import Colour, Connect, connecting
from tests.local_server import LocalServer


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each test that uses a client runs once in each colour."""
    return cast("Colour", request.param)


@pytest.fixture
def connect(colour: Colour) -> Iterator[Connect]:
    """Makes a client of the test's colour: `connect(url, key, **options)`."""
    with connecting(colour) as connect:
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
