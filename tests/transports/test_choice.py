"""The transport of a client: chosen by name, and what goes with it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import trio
from fluxbase_jobs import (
    AsyncFluxbaseClient,
    AsyncFluxbaseFetch,
    FluxbaseClient,
    FluxbaseFetch,
    InvalidInput,
    create_client,
)

from tests.support.every_transport import NEEDS_PYREQWEST
from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

FOUND: Final = Answer(200, job())
URL: Final = "http://127.0.0.1:9"
FORK_PROGRAM: Final = Path(__file__).parents[1] / "support" / "fork_program.py"


def from_env(**options: Any) -> FluxbaseClient:
    """A client of the environment's server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUXBASE_URL", URL)
        return FluxbaseClient.from_env(**options)


MAKERS: Final[list[Callable[..., Any]]] = [
    partial(FluxbaseClient, URL),
    partial(AsyncFluxbaseClient, URL),
    partial(FluxbaseFetch, URL),
    partial(AsyncFluxbaseFetch, URL),
    partial(create_client, URL),
    from_env,
]


@pytest.mark.parametrize("make", MAKERS)
def test_the_default_is_httpcore(make: Callable[..., Any]) -> None:
    """Whatever else is installed."""
    assert make().transport == "httpcore"


@NEEDS_PYREQWEST
@pytest.mark.parametrize("make", MAKERS)
def test_pyreqwest_by_name(make: Callable[..., Any]) -> None:
    """Every client takes it."""
    assert make(transport="pyreqwest").transport == "pyreqwest"


def test_the_name_with_a_client_of_the_users(connect: Connect) -> None:
    """The user's own client sends."""
    assert connect(URL, http_client=connect.http()).transport == "http_client"


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", ["requests", "", None, 7, httpx.HTTPTransport()])
def test_unknown_names_are_refused(make: Callable[..., Any], name: Any) -> None:
    """The message says which there are, and the hint where httpx's transports go."""
    with pytest.raises(InvalidInput, match="'httpcore' or 'pyreqwest'") as refused:
        make(transport=name)
    assert refused.value.hint == "one of httpx's goes with http_client=httpx.Client(transport=...)"


def test_pyreqwest_does_not_go_with_a_client_of_the_users(connect: Connect) -> None:
    """It is not clear which is meant."""
    with pytest.raises(InvalidInput, match="http_client"):
        connect(URL, http_client=connect.http(), transport="pyreqwest")


def test_pyreqwest_without_its_package(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    """The hint says what to install."""
    monkeypatch.setitem(sys.modules, "pyreqwest", None)  # as if it could not be found

    with pytest.raises(InvalidInput, match="needs the package") as refused:
        connect(URL, transport="pyreqwest")
    assert 'pip install ".[speed]"' in str(refused.value.hint)


def test_sign_in_keeps_the_transport(connect: Connect, server: LocalServer) -> None:
    """The client that it returns has the requested one."""
    server.answer(Answer(200, {"access_token": "eyJ.first", "refresh_token": "r1", "expires_in": 900}))

    with_own = connect.sign_in(server.url, "ada@example.com", "a-password", http_client=connect.http()).unwrap()

    assert with_own.transport == "http_client"


@NEEDS_PYREQWEST
def test_pyreqwest_under_trio_is_an_error_value(server: LocalServer) -> None:
    """Which event loop runs is known at the first call."""

    async def read() -> Any:
        async with AsyncFluxbaseClient(server.url, transport="pyreqwest") as client:
            return (await client.jobs.get(JOB_ID)).error

    error = trio.run(read)

    assert isinstance(error, InvalidInput)
    assert 'transport="httpcore"' in error.message
    assert server.requests == []


@NEEDS_PYREQWEST
def test_one_pyreqwest_client_serves_several_event_loops(server: LocalServer) -> None:
    """One after the other."""
    server.answer(FOUND)
    client = AsyncFluxbaseClient(server.url, transport="pyreqwest")

    async def read() -> bool:
        return (await client.jobs.get(JOB_ID)).ok

    assert [asyncio.run(read()) for _ in range(3)] == [True] * 3
    asyncio.run(client.close())
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(read())


END_AFTER_A_RESPONSE: Final = """
import asyncio, sys
from fluxbase_jobs import AsyncFluxbaseClient
client = AsyncFluxbaseClient(sys.argv[1], transport="pyreqwest")
print(asyncio.run(client.jobs.get(sys.argv[2])).ok)
"""


@NEEDS_PYREQWEST
@pytest.mark.slow
def test_programs_end_well_after_a_response_of_pyreqwest(server: LocalServer) -> None:
    """One of ten was aborted where the interpreter ended while a thread of pyreqwest let go of the response."""
    server.answer(FOUND)
    command = [sys.executable, "-c", END_AFTER_A_RESPONSE, server.url, JOB_ID]

    for _ in range(40):
        assert subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout == "True\n"


@NEEDS_PYREQWEST
@pytest.mark.parametrize("mode", ["fork", "pool", "async", "spawn"])
def test_httpcore_takes_over_in_a_forked_child(server: LocalServer, mode: str) -> None:
    """Threads of pyreqwest do not survive a fork: a request there would wait for ever."""
    server.answer(FOUND)

    command = [sys.executable, "-W", "ignore", str(FORK_PROGRAM), mode, server.url, "pyreqwest"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    assert printed == "ok ok ok"


CTRL_C: Final = """
import sys
from fluxbase_jobs import FluxbaseClient
client = FluxbaseClient(sys.argv[1], transport=sys.argv[2], retry=None, timeout=20)
try:
    client.jobs.get(sys.argv[3])
except KeyboardInterrupt:
    print("interrupted", client.jobs.get(sys.argv[3]).ok)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("name", ["httpcore", pytest.param("pyreqwest", marks=NEEDS_PYREQWEST)])
def test_ctrl_c_interrupts_a_request(server: LocalServer, name: str) -> None:
    """At once, and the next request gets its own response."""
    server.answer(Answer(200, job(), delay=3.0), FOUND)

    command = [sys.executable, "-c", CTRL_C, server.url, name, JOB_ID]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        while not server.requests:
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        printed, _ = program.communicate(timeout=60)

    assert printed.strip() == "interrupted True"
    assert len(server.requests) == 2


@NEEDS_PYREQWEST
def test_cancelled_request_over_pyreqwest(server: LocalServer) -> None:
    """The cancellation propagates, and the next request gets its own response."""
    server.answer(Answer(200, job(status="running"), delay=0.3), FOUND)

    async def use() -> Any:
        async with AsyncFluxbaseClient(server.url, transport="pyreqwest") as client:
            task = asyncio.create_task(client.jobs.get(JOB_ID))
            while not server.requests:  # noqa: ASYNC110  # the server lives in another thread
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await client.jobs.get(JOB_ID)

    assert asyncio.run(use()).unwrap().status == "completed"
