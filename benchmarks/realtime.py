"""`python -m benchmarks.realtime` measures how soon changes come, what a long wait costs, and what cut sockets lose; writes REALTIME.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from attrs import frozen
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Job
from fluxbase_jobs.testing import Server

FOLDER: Final = Path(__file__).parent
CHANGES: Final = 100
BETWEEN_SECONDS: Final = 0.03
WAIT_SECONDS: Final = 60.0
CUT_TESTS: Final = "tests/realtime/test_cut_sockets.py"
PROFILES: Final[dict[str, dict[str, Any]]] = {
    "2026-03": {"profile": "2026-03"},
    "2026-04, jobs.queue enabled": {"profile": "2026-04", "realtime": "all"},
}
MEDIAN_BOUND: Final = 0.010
REQUESTS_BOUND: Final = 3


@frozen
class Address:
    """An emulator in a process of its own."""

    url: str
    key: str


@frozen
class Delays:
    """From a change in the server to the callback, in seconds."""

    name: str
    seconds: Sequence[float]

    def row(self) -> str:
        """A line of the table."""
        tenths = quantiles(self.seconds, n=10)
        figures = " | ".join(f"{1000 * each:.1f}" for each in (median(self.seconds), tenths[-1], max(self.seconds)))
        bound = "" if "polling" in self.name else f"< {1000 * MEDIAN_BOUND:g}"
        return f"| {self.name} | {len(self.seconds)} | {figures} | {bound} |"


def serve(profile: str) -> None:
    """Be a server until standard input ends: one job that reports when it changes, and one that takes its time."""
    with Server(**PROFILES[profile]) as server:

        @server.function("changes")
        def changes(payload: dict[str, Any], context: Any) -> dict[str, Any]:
            time.sleep(1.0)  # the client subscribes meanwhile
            for number in range(payload["changes"]):
                time.sleep(BETWEEN_SECONDS)
                context.progress(number % 100, repr(time.time()))
            return {"changes": payload["changes"]}

        @server.function("long")
        def long(payload: dict[str, Any], _: Any) -> dict[str, Any]:
            time.sleep(payload["seconds"])
            return {"slept": payload["seconds"]}

        print(server.url, server.service_key(), flush=True)
        sys.stdin.read()


@contextmanager
def served(profile: str) -> Generator[Address]:
    """Run the server in another process."""
    command = [sys.executable, "-m", "benchmarks.realtime", "--serve", profile]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url, key = process.stdout.readline().split()
        yield Address(url, key)
        process.stdin.close()


class Arrivals:
    """A callback that notes how long each change took to come."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, job: Job) -> None:
        """A change has come."""
        if job.progress_message and not job.is_terminal:  # the end shows the last report again
            self.seconds.append(time.time() - float(job.progress_message))


def delays(address: Address, name: str) -> list[Delays]:
    """With both clients over the WebSocket, and with one that polls."""
    found: list[Delays] = []
    for label, realtime in (("sync", True), ("sync, polling", False)):
        arrivals = Arrivals()
        with FluxbaseClient(address.url, address.key, realtime=realtime) as client:
            client.jobs.run("changes", {"changes": CHANGES}, timeout=120, on_progress=arrivals).unwrap()
        found.append(Delays(f"{name}, {label}", arrivals.seconds))

    async def run() -> Delays:
        arrivals = Arrivals()
        async with AsyncFluxbaseClient(address.url, address.key, realtime=True) as client:
            (await client.jobs.run("changes", {"changes": CHANGES}, timeout=120, on_progress=arrivals)).unwrap()
        return Delays(f"{name}, async", arrivals.seconds)

    return [found[0], asyncio.run(run()), found[1]]


class _Requests(logging.Handler):
    """Counts the requests that a client logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.levelno == logging.DEBUG


def counted(call: Callable[[], object]) -> int:
    """How many HTTP requests a call takes."""
    handler, logger = _Requests(), logging.getLogger("fluxbase_jobs")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        call()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    return handler.count


def requests_of_a_wait(address: Address, name: str, seconds: float) -> list[str]:
    """The lines of the table: a wait of a minute, with the WebSocket and without."""
    rows: list[str] = []
    for label, realtime in (("WebSocket", True), ("polling", False)):
        with FluxbaseClient(address.url, address.key, realtime=realtime) as client:
            job = client.jobs.submit("long", {"seconds": seconds}).unwrap()
            requests = counted(lambda client=client, job=job: client.jobs.wait(job, timeout=2 * seconds).unwrap())  # type: ignore[misc]
        rows.append(f"| {name}, {label} | {requests} | {f'≤ {REQUESTS_BOUND}' if realtime else ''} |")
    return rows


def cuts(times: int) -> list[str]:
    """The lines of the table: how often the test that cuts sockets 50 times passes."""
    rows: list[str] = []
    for number in range(1, times + 1):
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", CUT_TESTS]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=FOLDER.parent)
        summary = done.stdout.strip().splitlines()[-1]
        rows.append(f"| {number} | {summary.strip('= ').partition(' in ')[0]} | {time.monotonic() - began:.0f} |")
        print(rows[-1], flush=True)
    return rows


def measured(seconds: float, times: int) -> str:
    """The document."""
    found: list[Delays] = []
    waits: list[str] = []
    for name in PROFILES:
        with served(name) as address:
            found += delays(address, name)
            print("\n".join(each.row() for each in found), flush=True)
            waits += requests_of_a_wait(address, name, seconds)
            print("\n".join(waits), flush=True)
    return document([each.row() for each in found], waits, cuts(times), seconds)


def document(delay_rows: list[str], wait_rows: list[str], cut_rows: list[str], seconds: float) -> str:
    """The document of all rows."""
    return "\n".join(
        [
            "# How soon changes come",
            "",
            (
                f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, fluxbase-jobs {version('fluxbase-jobs')}, {datetime.now(UTC):%Y-%m-%d}; "
                "an emulator in a process of its own, on loopback. Written by `nox -s realtime`."
            ),
            "",
            f"## From a change in the server to the callback, in ms ({CHANGES} changes, one each {1000 * BETWEEN_SECONDS:g} ms)",
            "",
            "| how | seen | median | 90 % | longest | bound of the median |",
            "| --- | --- | --- | --- | --- | --- |",
            *delay_rows,
            "",
            "A client that polls sees the changes that there are when it looks.",
            "",
            f"## HTTP requests of a wait of {seconds:g} s",
            "",
            "| how | requests | bound |",
            "| --- | --- | --- |",
            *wait_rows,
            "",
            "## A job that logs 1,000 lines while its sockets are cut 50 times at random",
            "",
            f"Each run of `{CUT_TESTS}` is six cases: both clients, on 2026-03 and on 2026-04 with and without jobs.queue.",
            "",
            "| run | cases | seconds |",
            "| --- | --- | --- |",
            *cut_rows,
            "",
        ]
    )


def main() -> int:
    """Measure, or be the server."""
    parser = argparse.ArgumentParser(prog="benchmarks.realtime", description=__doc__)
    parser.add_argument("--serve", metavar="PROFILE", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=WAIT_SECONDS, help="how long the long wait is")
    parser.add_argument("--cuts", type=int, default=5, help="how often the test that cuts sockets runs")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    else:
        (FOLDER / "REALTIME.md").write_text(measured(options.seconds, options.cuts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
