"""Requests without a socket: from threads and event loops, with httpx's own errors and the same responses as over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias, cast

import anyio
import httpx
import pytest
import trio
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, RequestTimeout
from fluxbase_jobs.testing import Server

from tests.support.servers.emulator_in_process import eventually

Run: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]

BASE: Final = "http://any.test"
SUBMIT: Final = "/api/v1/jobs/submit"
JOB: Final = {"job_name": "resize", "payload": {"id": 7}}


def run_asyncio(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function with asyncio.run."""
    return asyncio.run(main())


@pytest.fixture(params=[run_asyncio, trio.run], ids=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function in a new event loop."""
    return cast("Run", request.param)


@pytest.fixture
def auth_headers(server: Server) -> dict[str, str]:
    """The headers of a service key."""
    return {"authorization": f"Bearer {server.service_key()}"}


def test_client_is_thread_safe(server: Server) -> None:
    """Many threads may use one client at once."""
    server.script("resize")
    with server.client() as client, ThreadPoolExecutor(8) as threads:

        def submit(number: int) -> str:
            return client.jobs.submit("resize", {"number": number}).unwrap().id

        jobs = set(threads.map(submit, range(24)))

    assert len(jobs) == 24


def test_async_client_works_in_many_loops(server: Server) -> None:
    """One event loop after another, of asyncio and of trio."""
    server.script("resize").complete({"ok": True})
    client = server.async_client()

    async def main() -> Any:
        return (await client.jobs.run("resize")).unwrap().result

    assert [asyncio.run(main()), trio.run(main), asyncio.run(main())] == [{"ok": True}] * 3


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_async_client_works_in_anyio_loops(server: Server, kind: str) -> None:
    """As anyio's pytest plugin starts them: the backend that anyio keeps in the context does not reach the server."""
    server.script("resize").complete({"ok": True})
    client = server.async_client()

    async def main() -> Any:
        return (await client.jobs.run("resize")).unwrap().result

    assert anyio.run(main, backend=kind) == {"ok": True}


def test_requests_of_one_loop_run_concurrently(server: Server, run: Run) -> None:
    """Ten delayed requests take little longer than one."""
    server.faults.add("GET /api/v1/jobs", delay=0.3, times=None)
    client = server.async_client()
    found: list[bool] = []

    async def list_jobs() -> None:
        found.append((await client.jobs.list()).ok)

    async def main() -> None:
        with anyio.fail_after(2):  # one after the other they would take three seconds
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(list_jobs)

    run(main)

    assert found == [True] * 10


def test_read_timeout_does_not_stop_the_request(server: Server) -> None:
    """The client times out, and the server has handled the request."""
    script = server.script("resize").complete()
    server.faults.add("POST /api/v1/jobs/submit", delay=30)
    with server.client(retry=None, timeout=0.05) as client:
        error = client.jobs.submit("resize", {"id": 7}).error

    assert isinstance(error, RequestTimeout)
    assert eventually(lambda: script.payloads, bool) == [{"id": 7}]  # a busy machine handles it later than the client gives up


def test_read_timeout_raises_the_error_of_httpx(server: Server, run: Run) -> None:
    """Both transports raise httpx.ReadTimeout."""
    server.faults.add("*", delay=30, times=None)

    async def main() -> None:
        async with httpx.AsyncClient(transport=server.async_transport(), base_url=BASE, timeout=0.05) as http:
            await http.get("/health")

    with pytest.raises(httpx.ReadTimeout):
        run(main)
    with httpx.Client(transport=server.transport(), base_url=BASE, timeout=0.05) as http, pytest.raises(httpx.ReadTimeout):
        http.get("/health")


def test_cancelled_request_leaves_the_client_usable(server: Server, run: Run) -> None:
    """A cancelled task stops waiting at once."""
    server.faults.add("*", delay=30)
    client = server.async_client()

    async def main() -> bool:
        with anyio.move_on_after(0.05) as scope:
            await client.jobs.list()
        return scope.cancelled_caught and (await client.jobs.list()).ok

    assert run(main)


def test_streamed_request_body(server: Server, auth_headers: dict[str, str], run: Run) -> None:
    """A body may come from a sync or async generator."""
    script = server.script("resize")
    headers = {**auth_headers, "content-type": "application/json"}
    pieces = (b'{"job_name": "resize",', b' "payload": {"pieces": 2}}')

    def sent() -> Iterator[bytes]:
        yield from pieces

    async def sent_async() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def main() -> int:
        async with httpx.AsyncClient(transport=server.async_transport(), base_url=BASE) as http:
            return (await http.post(SUBMIT, content=sent_async(), headers=headers)).status_code

    with httpx.Client(transport=server.transport(), base_url=BASE) as http:
        assert http.post(SUBMIT, content=sent(), headers=headers).status_code == 201
    assert run(main) == 201
    assert script.payloads == [{"pieces": 2}] * 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", SUBMIT, JOB),
        ("POST", SUBMIT, {"job_name": "unknown"}),
        ("GET", "/api/v1/jobs?limit=3&status=a%20b", None),
        ("GET", "/api/v1/jobs/..%2F..%2Fhealth", None),
        ("GET", "/api/v1/jobs/", None),
        ("GET", "/nowhere", None),
        ("HEAD", "/health", None),
        ("POST", SUBMIT, {"job_name": "x" * 1_100_000}),
    ],
)
def test_responses_are_the_same_as_over_http(server: Server, auth_headers: dict[str, str], method: str, path: str, body: Any) -> None:
    """Status, headers and shape of a response are the same with and without a socket."""
    server.script("resize")
    with (
        httpx.Client(transport=server.transport(), base_url=BASE, headers=auth_headers) as inside,
        httpx.Client(base_url=server.url, headers=auth_headers, trust_env=False) as outside,
    ):
        first, second = (http.request(method, path, json=body) for http in (inside, outside))

    assert first.status_code == second.status_code
    assert set(first.headers) == set(second.headers)
    assert first.headers["date"].endswith("GMT")
    assert _shape(first) == _shape(second)


def _shape(response: httpx.Response) -> Any:
    return sorted(response.json()) if response.content else b""


def test_rate_limit_ignores_forwarded_addresses() -> None:
    """As on the real server, the limit counts by the address of the connection."""
    with Server(rate_limit=1) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        statuses = [http.get("/api/v1/jobs", headers={"x-forwarded-for": f"10.0.0.{n}"}).status_code for n in range(2)]

    assert statuses == [401, 429]


def test_url_reaches_the_same_server(server: Server) -> None:
    """A program that creates its own client sees the same state at the URL."""
    server.script("resize").complete({"ok": True})
    with FluxbaseClient(server.url, server.service_key()) as program, server.client() as client:
        job = program.jobs.run("resize").unwrap()

        assert client.jobs.get(job.id).unwrap().result == {"ok": True}
    assert server.url == server.url
    assert server.url.startswith("http://127.0.0.1:")


def test_url_works_for_async_clients(server: Server, run: Run) -> None:
    """The same for an async client."""
    server.script("resize").complete({"ok": True})
    url, key = server.url, server.service_key()

    async def main() -> Any:
        async with AsyncFluxbaseClient(url, key) as program:
            return (await program.jobs.run("resize")).unwrap().result

    assert run(main) == {"ok": True}
