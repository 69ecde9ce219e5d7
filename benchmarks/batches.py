"""Many submits: by `submit_many`, sync and async, against loops over httpx, httpx2 and aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final

import aiohttp
import httpx
import httpx2
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient

from .calls import KEY, PAYLOAD
from .rounds import Run, compare
from .server import FUNCTION
from .table import TRANSPORTS, Row

BODY: Final = {"job_name": FUNCTION, "payload": PAYLOAD}
HEADERS: Final = {"authorization": f"Bearer {KEY}"}
IN_FLIGHT: Final = 50


def measure_sync(name: str, url: str, rounds: int, count: int, concurrency: int = 8) -> Row:
    """Submits of `submit_many` against a plain loop."""
    with ExitStack() as stack:
        http = stack.enter_context(httpx.Client(base_url=f"{url}/api/v1", headers=HEADERS))

        def loop() -> None:
            for _ in range(count):
                http.post("/jobs/submit", json=BODY).json()

        contenders: dict[str, Run] = {"httpx": loop}
        for transport in TRANSPORTS:
            client = stack.enter_context(FluxbaseClient(url, KEY, transport=transport))
            contenders[transport] = _submits(client, count, concurrency)
        return Row(name, "httpx", compare(contenders, rounds), count)


def _submits(client: FluxbaseClient, count: int, concurrency: int) -> Run:
    def run() -> None:
        for _, result in client.jobs.submit_many(items(count), concurrency=concurrency):
            result.unwrap()

    return run


def items(count: int) -> Iterator[tuple[str, Any]]:
    """What is submitted."""
    return ((FUNCTION, PAYLOAD) for _ in range(count))


def measure_async(name: str, url: str, rounds: int, count: int) -> Row:
    """Submits with 50 in flight, all in one event loop."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        contenders = runner.run(_async_contenders(stack, url, count))
        runs: dict[str, Run] = {label: _runs(runner, batch) for label, batch in contenders.items()}
        row = Row(name, "httpx", compare(runs, rounds), count)
        runner.run(stack.aclose())
        return row


def _runs(runner: asyncio.Runner, batch: Callable[[], Awaitable[None]]) -> Run:
    async def main() -> None:
        await batch()

    return lambda: runner.run(main())


async def _async_contenders(stack: AsyncExitStack, url: str, count: int) -> dict[str, Callable[[], Awaitable[None]]]:
    old = await stack.enter_async_context(httpx.AsyncClient(base_url=f"{url}/api/v1", headers=HEADERS))
    new = await stack.enter_async_context(httpx2.AsyncClient(base_url=f"{url}/api/v1", headers=HEADERS))
    bare = await stack.enter_async_context(aiohttp.ClientSession(headers=HEADERS))

    async def by_aiohttp() -> None:
        async with bare.post(f"{url}/api/v1/jobs/submit", json=BODY) as response:
            await response.json()

    def by(client: Any) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            (await client.post("/jobs/submit", json=BODY)).json()

        return send

    contenders = {"httpx": _in_flight(by(old), count), "httpx2": _in_flight(by(new), count), "aiohttp": _in_flight(by_aiohttp, count)}
    for transport in TRANSPORTS:
        client = await stack.enter_async_context(AsyncFluxbaseClient(url, KEY, transport=transport))
        contenders[transport] = _async_submits(client, count)
    return contenders


def _in_flight(send: Callable[[], Awaitable[None]], count: int) -> Callable[[], Awaitable[None]]:
    async def worker(numbers: Iterator[int]) -> None:
        for _ in numbers:
            await send()

    async def batch() -> None:
        numbers = iter(range(count))
        await asyncio.gather(*(worker(numbers) for _ in range(IN_FLIGHT)))

    return batch


def _async_submits(client: AsyncFluxbaseClient, count: int) -> Callable[[], Awaitable[None]]:
    async def batch() -> None:
        async for _, result in client.jobs.submit_many(items(count), concurrency=IN_FLIGHT):
            result.unwrap()

    return batch
