"""A program that forks, for test_sharing: `python forked.py WAY URL` prints what its clients got."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from functools import partial

from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Job, Result

JOB_ID = "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"


def word(result: Result[Job]) -> str:
    """What became of a call, in a word."""
    return "ok" if result.ok else type(result.error).__name__


def ask(client: FluxbaseClient, _: object = None) -> str:
    """Read a job."""
    return word(client.jobs.get(JOB_ID))


def ask_async(client: AsyncFluxbaseClient) -> str:
    """Read a job, on an event loop of its own."""
    return word(asyncio.run(client.jobs.get(JOB_ID)))


def in_a_child(write: int, client: FluxbaseClient | AsyncFluxbaseClient) -> None:
    """Read a job in a forked process, for ten seconds at most; it writes the word."""
    if os.fork() == 0:
        signal.alarm(10)
        os.write(write, f" {ask(client) if isinstance(client, FluxbaseClient) else ask_async(client)}".encode())
        os._exit(0)
    os.wait()


def around_a_fork(client: FluxbaseClient | AsyncFluxbaseClient) -> str:
    """Before it, in the child, after it."""
    read, write = os.pipe()
    asking = partial(ask, client) if isinstance(client, FluxbaseClient) else partial(ask_async, client)
    before = asking()
    in_a_child(write, client)
    return f"{before}{os.read(read, 99).decode()} {asking()}"


def in_a_pool(client: FluxbaseClient) -> str:
    """Before a process pool, and by its worker, which inherits the client."""
    before = ask(client)
    with multiprocessing.get_context("fork").Pool(1, inherit, (client,)) as pool:
        return " ".join([before, *pool.map(ask_inherited, range(2))])


INHERITED: list[FluxbaseClient] = []


def inherit(client: FluxbaseClient) -> None:
    """A worker's start: nothing is pickled under fork."""
    INHERITED.append(client)


def ask_inherited(_: int) -> str:
    """A worker's task."""
    return ask(INHERITED[0])


def of_children(client: FluxbaseClient, count: int, *, refreshing: bool = False) -> str:
    """Of so many children, one after the other, forked while the parent refreshes or not."""
    read, write = os.pipe()
    if refreshing:
        client.fetch.settings.credentials.lock.acquire()
    for _ in range(count):
        in_a_child(write, client)
    return os.read(read, 99).decode().strip()


def main(way: str, url: str) -> str:
    """What the clients got."""
    if way == "async":
        return around_a_fork(AsyncFluxbaseClient(url, "eyJ.a-token"))
    with FluxbaseClient(url, "eyJ.first", refresh_token="r1") as client:
        match way:
            case "fork":
                return around_a_fork(client)
            case "pool":
                return in_a_pool(client)
            case "refreshing":
                return of_children(client, 1, refreshing=True)
            case _:
                return of_children(client, 2)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
