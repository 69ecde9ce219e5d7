"""A program that forks, for test_sharing: `python fork_program.py MODE URL [pyreqwest]` prints the outcome of each of its calls."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from functools import partial
from typing import Literal

from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Job, Result

JOB_ID = "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"


def outcome(result: Result[Job]) -> str:
    """`ok`, or the class name of the error."""
    return "ok" if result.ok else type(result.error).__name__


def read_job(client: FluxbaseClient, _: object = None) -> str:
    """Read a job."""
    return outcome(client.jobs.get(JOB_ID))


def read_job_async(client: AsyncFluxbaseClient) -> str:
    """Read a job in a new event loop."""
    return outcome(asyncio.run(client.jobs.get(JOB_ID)))


def read_in_child(write: int, client: FluxbaseClient | AsyncFluxbaseClient) -> None:
    """Read a job in a forked process, which writes the outcome; it ends after ten seconds at the latest."""
    if os.fork() == 0:
        signal.alarm(10)
        os.write(write, f" {read_job(client) if isinstance(client, FluxbaseClient) else read_job_async(client)}".encode())
        os._exit(0)
    os.wait()


def before_in_and_after_fork(client: FluxbaseClient | AsyncFluxbaseClient) -> str:
    """The outcomes before the fork, in the child, and after it."""
    read, write = os.pipe()
    call = partial(read_job, client) if isinstance(client, FluxbaseClient) else partial(read_job_async, client)
    before = call()
    read_in_child(write, client)
    return f"{before}{os.read(read, 99).decode()} {call()}"


def in_process_pool(client: FluxbaseClient) -> str:
    """The outcomes before a process pool, and in its worker, which inherits the client."""
    before = read_job(client)
    with multiprocessing.get_context("fork").Pool(1, inherit, (client,)) as pool:
        return " ".join([before, *pool.map(read_with_inherited, range(2))])


INHERITED: list[FluxbaseClient] = []


def inherit(client: FluxbaseClient) -> None:
    """Initialise a worker; with fork, the client is not pickled."""
    INHERITED.append(client)


def read_with_inherited(_: int) -> str:
    """Read a job in a worker."""
    return read_job(INHERITED[0])


def in_children(client: FluxbaseClient, count: int, *, refreshing: bool = False) -> str:
    """The outcomes in several children, one after the other, which may be forked during a token refresh of the parent."""
    read, write = os.pipe()
    if refreshing:
        client.fetch.settings.credentials.lock.acquire()
    for _ in range(count):
        read_in_child(write, client)
    return os.read(read, 99).decode().strip()


def main(mode: str, url: str, transport: Literal["httpcore", "pyreqwest"] = "httpcore") -> str:
    """Run one mode."""
    if mode == "async":
        return before_in_and_after_fork(AsyncFluxbaseClient(url, "eyJ.a-token", transport=transport))
    with FluxbaseClient(url, "eyJ.first", refresh_token="r1", transport=transport) as client:
        match mode:
            case "fork":
                return before_in_and_after_fork(client)
            case "pool":
                return in_process_pool(client)
            case "refreshing":
                return in_children(client, 1, refreshing=True)
            case _:
                return in_children(client, 2)


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], "pyreqwest" if "pyreqwest" in sys.argv else "httpcore"))
