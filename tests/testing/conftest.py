"""A test server, and clients of it in each style, in-process and over a socket."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, Final, TypeVar, cast

import httpx
import pytest
import trio
from fluxbase_jobs import FluxbaseClient
from fluxbase_jobs.testing import Server

from tests.support.styles import SyncFacade

T = TypeVar("T")
COLOURS: Final = ("sync", "asyncio", "trio")


class TrioRunner:
    """Like asyncio.Runner, but with a new event loop for each coroutine."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end."""

        async def main() -> T:
            return await coroutine

        return trio.run(main)


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_open() -> Iterator[None]:
    """What is left to the garbage collector warns there. Once a module, as a collection takes longer than most of the tests."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _nothing_said(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever goes wrong on purpose, stderr stays clean."""
    yield
    assert capfd.readouterr().err == ""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the newest profile."""
    with Server() as server:
        yield server


@pytest.fixture(params=COLOURS)
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[FluxbaseClient]:
    """A client that reaches the server in-process, of each style."""
    with ExitStack() as stack:
        if request.param == "sync":
            yield stack.enter_context(server.client())
        else:
            runner = stack.enter_context(asyncio.Runner()) if request.param == "asyncio" else TrioRunner()
            in_step = SyncFacade(server.async_client(), cast("asyncio.Runner", runner))
            yield cast("FluxbaseClient", in_step)
            cast("Any", in_step).close()


@pytest.fixture(params=["in process", "over a socket"])
def http(request: pytest.FixtureRequest, server: Server) -> Iterator[httpx.Client]:
    """A plain httpx client with the rights of a service, by both ways."""
    headers = {"authorization": f"Bearer {server.service_key()}"}
    if request.param == "in process":
        settings: dict[str, Any] = {"transport": server.transport(), "base_url": "http://any.test"}
    else:
        settings = {"base_url": server.url}
    with httpx.Client(headers=headers, trust_env=False, timeout=10, **settings) as http:
        yield http
