"""A test server, and sync and async clients that call it in-process and over a socket."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from contextvars import Context
from typing import Any, Final, TypeVar, cast

import httpx
import pytest
import trio
from fluxbase_jobs import FluxbaseClient
from fluxbase_jobs.testing import Server

from tests.support.styles import SyncFacade

T = TypeVar("T")
STYLES: Final = ("sync", "asyncio", "trio")


class TrioRunner:
    """Like asyncio.Runner, but with a new event loop for each coroutine."""

    def run(self, coroutine: Coroutine[Any, Any, T], *, context: Context | None = None) -> T:
        """Run a coroutine to its end."""

        async def main() -> T:
            return await coroutine

        return trio.run(main) if context is None else context.run(trio.run, main)


@pytest.fixture(autouse=True, scope="module")
def _no_leaked_resources() -> Iterator[None]:
    """Resources that are left to the garbage collector raise a warning here. Once per module, because a collection takes longer than most tests."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _stderr_stays_empty(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """The test server writes nothing to stderr, whatever fails on purpose."""
    yield
    assert capfd.readouterr().err == ""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the newest profile."""
    with Server() as server:
        yield server


@pytest.fixture(params=STYLES)
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[FluxbaseClient]:
    """A client that calls the server in-process: sync, async under asyncio, and async under trio."""
    with ExitStack() as stack:
        if request.param == "sync":
            yield stack.enter_context(server.client())
        else:
            runner = stack.enter_context(asyncio.Runner()) if request.param == "asyncio" else TrioRunner()
            facade = SyncFacade(server.async_client(), cast("asyncio.Runner", runner))
            yield cast("FluxbaseClient", facade)
            cast("Any", facade).close()


@pytest.fixture(params=["in process", "over a socket"])
def http(request: pytest.FixtureRequest, server: Server) -> Iterator[httpx.Client]:
    """A plain httpx client with a service key, in-process and over a socket."""
    headers = {"authorization": f"Bearer {server.service_key()}"}
    if request.param == "in process":
        settings: dict[str, Any] = {"transport": server.transport(), "base_url": "http://any.test"}
    else:
        settings = {"base_url": server.url}
    with httpx.Client(headers=headers, trust_env=False, timeout=10, **settings) as http:
        yield http
