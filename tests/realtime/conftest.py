"""A server with a WebSocket for each test, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fluxbase_jobs import FluxbaseClient

from tests.support.servers.realtime_server import RealtimeServer, token
from tests.support.styles import Connect


@pytest.fixture
def realtime() -> Iterator[RealtimeServer]:
    """A server with a WebSocket."""
    with RealtimeServer() as server:
        yield server


@pytest.fixture
def client(connect: Connect, realtime: RealtimeServer) -> FluxbaseClient:
    """A client that uses it."""
    return connect(realtime.url, token(), realtime=True)
