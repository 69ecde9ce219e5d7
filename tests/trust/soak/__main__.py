"""Threads and tasks that share clients of a failing server for a while: nothing may be left open, grow, get lost or be doubled.

`nox -s soak` runs for 30 minutes and writes docs/soak.md; `-- --seconds 60` runs for less and writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import random
import sys
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from attrs import define, field
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, FluxbaseError, Job, Result, RetryPolicy

from tests.support.sample_responses import job
from tests.support.servers.idempotent_server import IdempotentServer
from tests.support.servers.local_server import Answer

REPORT: Final = Path(__file__).parents[3] / "docs" / "soak.md"
WHOLE_SECONDS: Final = 1800
THREADS: Final = 8
TASKS: Final = 200
FAULT_RATE: Final = 0.25
PERSISTENT: Final = RetryPolicy(attempts=12, first_delay=0.001, max_delay=0.05, total=30)
OURS: Final = frozenset({"fluxbase_jobs", "fluxbase_jobs_client", "httpcore", "h11", "anyio"})
FEW: Final = 100
"""Objects of these packages that may be left: caches."""
FORGOTTEN: Final = Answer(201)
GROWTH: Final = 1.3
"""The memory at the end, as a multiple of that after a third of the time."""


@define
class Account:
    """What became of the submits, by idempotency key."""

    accepted: dict[str, str] = field(factory=dict[str, str])
    unknown: set[str] = field(factory=set[str])
    """Those that were cancelled, or whose answer was lost."""
    surprises: list[str] = field(factory=list[str])
    calls: int = 0
    cancelled: int = 0
    settled: int = 0
    """Accepted ones that the server held, too; neither side keeps them."""

    def note(self, key: str, result: Result[Job]) -> None:
        """Note one submit."""
        self.calls += 1
        if result.ok:
            self.accepted[key] = result.data.id
        else:
            self.unknown.add(key)
            if type(result.error) is FluxbaseError:
                self.surprises.append(repr(result.error))


@define
class ForgettingServer(IdempotentServer):
    """A server that forgets a job once caller and server agree on it: the memory of half an hour would be gigabytes."""

    created: int = 0

    def _submit(self, submission: dict[str, Any]) -> Answer:
        self.created += 1
        return Answer(201, job(id=str(UUID(int=self.created)), job_name=submission["job_name"], status="pending"))

    def settle(self, account: Account) -> None:
        """Compare what was accepted with what is stored, and forget both."""
        self.requests.clear()
        accepted = account.accepted.copy()  # made at once, while other threads add
        with self._lock:  # once for all of them: a turn for each, among hundreds of threads, would be slower than the calls come
            held = {key: self.stored.pop(key, (b"", Answer(404, {"id": None}))) for key in accepted}
        for key, job_id in accepted.items():
            _, answer = held[key]
            if answer.body["id"] != job_id:
                account.surprises.append(f"{key} was given {job_id}, and the server has {answer.body['id']}")
            account.settled += 1
            del account.accepted[key]
        with self._lock:
            for key in account.unknown & self.stored.keys():  # the caller will not ask again: that there is a job is enough
                self.stored[key] = (b"", FORGOTTEN)


@define
class Report:
    """What was measured, and what of it is wrong."""

    rows: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    wrong: list[str] = field(factory=list[str])


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
            account.cancelled += 1
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


def run(seconds: float) -> Report:
    """Run for a while."""
    report = Report()
    account, sizes = Account(), list[int]()
    with ForgettingServer(fault_rate=FAULT_RATE) as server:
        before = (threading.active_count(), open_files(), own_objects())
        end = time.monotonic() + seconds
        with FluxbaseClient(server.url, "eyJ.a-token", retry=PERSISTENT) as client:
            threads = [threading.Thread(target=submit_until, args=(client, account, number, end)) for number in range(THREADS)]
            threads.append(threading.Thread(target=_measure, args=(sizes, server, account, end)))
            for thread in threads:
                thread.start()
            asyncio.run(_tasks(server.url, account, end))
            for thread in threads:
                thread.join()
        del client, threads  # the client remembers 4,096 jobs on purpose
        gc.collect()
        time.sleep(1)
        after = (threading.active_count(), open_files(), own_objects())
        server.settle(account)
        _left(report, before, after)
        _accounts(report, account, server)
        _memory(report, sizes)
        report.wrong += account.surprises
    return report


def _measure(sizes: list[int], server: ForgettingServer, account: Account, end: float) -> None:
    while time.monotonic() < end:
        server.settle(account)
        sizes.append(resident_bytes())
        time.sleep(0.5)


async def _tasks(url: str, account: Account, end: float) -> None:
    async with AsyncFluxbaseClient(url, "eyJ.a-token", retry=PERSISTENT) as client:
        await asyncio.gather(*(submit_many_until(client, account, number, end) for number in range(TASKS)))
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    account.surprises += [f"a task is left: {task!r}" for task in left]


def _left(report: Report, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    # The server's own threads and sockets end when their connections are closed.
    allowed = {"threads": 2, "sockets and files": 2, "objects of the client and its libraries": FEW}
    for (name, few), was, now in zip(allowed.items(), before, after, strict=True):
        report.rows.append((name, f"{was:,} before, {now:,} after"))
        report.wrong += [f"{now - was} {name} are left"] * (now > was + few)


def _accounts(report: Report, account: Account, server: ForgettingServer) -> None:
    doubled = server.created - account.settled - len(server.stored)
    unaccounted = set(server.stored) - account.unknown
    report.rows += [
        ("calls", f"{account.calls + account.cancelled:,}"),
        ("accepted, with the job that the server holds", f"{account.settled:,}"),
        ("cancelled, or given up after all attempts: unknown to the caller", f"{len(account.unknown):,}"),
        ("of these, jobs that the server holds", f"{len(server.stored):,}"),
        ("faults of the server", f"{server.faults:,}"),
        ("jobs that were made", f"{server.created:,}"),
        ("jobs that exist twice", f"{doubled:,}"),
        ("jobs that nobody submitted", f"{len(unaccounted):,}"),
    ]
    report.wrong += [f"{doubled} jobs exist twice"] * (doubled != 0) + [f"{len(unaccounted)} jobs that nobody submitted"] * bool(
        unaccounted
    )


def _memory(report: Report, sizes: list[int]) -> None:
    third, end = sizes[len(sizes) // 3], sizes[-1]
    shown = f"{third / 2**20:.0f} MiB after a third, {end / 2**20:.0f} MiB at the end"
    report.rows.append(("memory of the process", shown))
    report.wrong += [f"memory grew from {third:,} to {end:,}"] * (end > third * GROWTH)


def page(report: Report, seconds: float, note: str) -> str:
    """The report as Markdown."""
    lines = [
        "# Soak",
        "",
        f"{THREADS} threads share one client and {TASKS} tasks another for {seconds / 60:.0f} minutes. They submit jobs to a server in the same process that",
        f"fails {FAULT_RATE:.0%} of all requests, before or after it has stored the job; 5 % of the tasks' calls are cancelled at random.",
        "`nox --sessions soak` makes this page; nothing in it is written by hand.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()} on {platform.system()}, fluxbase-jobs {version('fluxbase-jobs')}. {note}".strip(),
        "",
        "| measured | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in report.rows),
        "",
        *([f"- **{each}**" for each in report.wrong] or ["Nothing is left, lost or doubled."]),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run, print, write, and fail where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=WHOLE_SECONDS)
    parser.add_argument("--note", default="", help="what else the machine did, for the page")
    options = parser.parse_args()
    report = run(options.seconds)
    for row in report.rows:
        print(": ".join(row))
    print("\n".join(report.wrong) or "nothing is left, lost or doubled")
    if options.seconds >= WHOLE_SECONDS:
        REPORT.write_text(page(report, options.seconds, options.note))
    return bool(report.wrong)


if __name__ == "__main__":
    sys.exit(main())
