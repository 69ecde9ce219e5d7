"""Threads and tasks that share clients of a failing server for a while: nothing may be left open, grow, get lost or be doubled.

`nox -s soak` for 30 minutes, `-- --seconds 60` for less.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Final

from attrs import define, field
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, FluxbaseError, Job, Result, RetryPolicy

from tests.support.idempotent_server import IdempotentServer

THREADS: Final = 8
TASKS: Final = 200
FAULT_RATE: Final = 0.25
PERSISTENT: Final = RetryPolicy(attempts=12, first_delay=0.001, max_delay=0.05, total=30)
SERVER_BYTES: Final = 6000
"""What this process keeps for each job: the server runs in it. A client that keeps objects is found by their number."""
OURS: Final = frozenset({"fluxbase_jobs", "fluxbase_jobs_client", "httpcore", "h11", "anyio"})
FEW: Final = 100
"""Objects of these packages that may be left: caches."""
GROWTH: Final = 1.3
"""The memory at the end, as a multiple of that after a third of the time, less what the server itself keeps."""


@define
class Account:
    """What became of the submits, by idempotency key."""

    accepted: dict[str, str] = field(factory=dict[str, str])
    unknown: set[str] = field(factory=set[str])
    """Those that were cancelled, or whose answer was lost."""
    surprises: list[str] = field(factory=list[str])
    calls: int = 0

    def note(self, key: str, result: Result[Job]) -> None:
        """Note one submit."""
        self.calls += 1
        if result.ok:
            self.accepted[key] = result.data.id
        else:
            self.unknown.add(key)
            if type(result.error) is FluxbaseError:
                self.surprises.append(repr(result.error))


def submit_until(client: FluxbaseClient, account: Account, number: int, end: float) -> None:
    """One thread."""
    count = 0
    while time.monotonic() < end:
        count += 1
        key = f"thread-{number}-{count}"
        account.note(key, client.jobs.submit("resize", {"n": count}, idempotency_key=key))


async def submit_many_until(client: AsyncFluxbaseClient, account: Account, number: int, end: float) -> None:
    """One task, whose calls are cancelled at random."""
    count = 0
    while time.monotonic() < end:
        count += 1
        key = f"task-{number}-{count}"
        call = asyncio.create_task(client.jobs.submit("resize", {"n": count}, idempotency_key=key))
        if random.random() < 0.05:  # noqa: S311  # no secret
            await asyncio.sleep(random.random() * 0.01)  # noqa: S311  # no secret
            call.cancel()
        try:
            account.note(key, await call)
        except asyncio.CancelledError:
            account.unknown.add(key)


def open_files() -> int:
    """Sockets and files of this process."""
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


def resident_bytes() -> int:
    """The memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def own_objects() -> int:
    """How many objects there are of the client and of what it sends with."""
    return sum(type(each).__module__.partition(".")[0] in OURS for each in gc.get_objects())


def run(seconds: float) -> list[str]:
    """Run for a while; what is wrong afterwards."""
    account, sizes = Account(), list[int]()
    with IdempotentServer(fault_rate=FAULT_RATE) as server:
        before = (threading.active_count(), open_files(), own_objects())
        end = time.monotonic() + seconds
        with FluxbaseClient(server.url, "eyJ.a-token", retry=PERSISTENT) as client:
            threads = [threading.Thread(target=submit_until, args=(client, account, number, end)) for number in range(THREADS)]
            threads.append(threading.Thread(target=_measure, args=(sizes, server, end)))
            for thread in threads:
                thread.start()
            asyncio.run(_tasks(server.url, account, end))
            for thread in threads:
                thread.join()
        del client, threads  # the client remembers 4,096 jobs on purpose
        gc.collect()
        time.sleep(1)
        after = (threading.active_count(), open_files(), own_objects())
        return [*_left(before, after), *_accounts(account, server), *_memory(sizes), *account.surprises]


def _measure(sizes: list[int], server: IdempotentServer, end: float) -> None:
    while time.monotonic() < end:
        server.requests.clear()
        sizes.append(resident_bytes() - SERVER_BYTES * len(server.jobs))  # the server keeps each job, its request and its response
        time.sleep(0.5)


async def _tasks(url: str, account: Account, end: float) -> None:
    async with AsyncFluxbaseClient(url, "eyJ.a-token", retry=PERSISTENT) as client:
        await asyncio.gather(*(submit_many_until(client, account, number, end) for number in range(TASKS)))
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    account.surprises += [f"a task is left: {task!r}" for task in left]


def _left(before: tuple[int, int, int], after: tuple[int, int, int]) -> list[str]:
    # The server's own threads and sockets end when their connections are closed.
    allowed = {"threads": 2, "sockets and files": 2, "objects": FEW}
    print(", ".join(f"{name}: {was} before, {now} after" for name, was, now in zip(allowed, before, after, strict=True)))
    return [f"{now - was} {name} are left" for (name, few), was, now in zip(allowed.items(), before, after, strict=True) if now > was + few]


def _accounts(account: Account, server: IdempotentServer) -> list[str]:
    held = {str(job["id"]) for job in server.jobs}
    wrong = [f"{len(server.jobs)} jobs, {len(server.stored)} keys"] if len(server.jobs) != len(server.stored) else []
    wrong += [
        f"{key} has the job {job_id}, which the server does not hold" for key, job_id in account.accepted.items() if job_id not in held
    ]
    wrong += ["two keys have one job"] if len(set(account.accepted.values())) != len(account.accepted) else []
    unaccounted = set(server.stored) - set(account.accepted) - account.unknown
    print(f"{account.calls:,} calls, {len(account.accepted):,} accepted, {len(account.unknown):,} unknown, {server.faults:,} faults")
    return wrong + ([f"{len(unaccounted)} jobs that nobody submitted"] if unaccounted else [])


def _memory(sizes: list[int]) -> list[str]:
    third = sizes[len(sizes) // 3]
    print(f"memory: {third / 2**20:.0f} MiB after a third, {sizes[-1] / 2**20:.0f} MiB at the end, without what the server keeps")
    return [f"memory grew from {third:,} to {sizes[-1]:,}"] if sizes[-1] > third * GROWTH else []


def main() -> int:
    """Run, print, and fail where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800)
    wrong = run(parser.parse_args().seconds)
    print("\n".join(wrong) or "nothing is left, lost or doubled")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
