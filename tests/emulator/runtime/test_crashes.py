"""Kill the emulator with SIGKILL at random moments under load: no acknowledged job is lost, no job runs twice at once.

Few crashes by default, because each costs the start of a program: `FLUXBASE_TEST_CRASHES=20` tests more.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from attrs import define, field

from tests.support.servers.emulator_in_process import FINAL, SECRET, Client, Running, eventually, program

CRASHES: Final = int(os.environ.get("FLUXBASE_TEST_CRASHES", "3"))
SUBMITTERS: Final = 3
CHECKED_JOBS: Final = 20
"""How many jobs are checked closely at the end: some are enough."""
HANDLERS: Final = Path(__file__).parents[2] / "support" / "handlers" / "counting_handlers.py"


@define
class Load:
    """Threads that submit jobs, each with its own idempotency key, as long as the server answers."""

    acknowledged: dict[str, str] = field(factory=dict[str, str])
    """Job ids by idempotency key; the key is the job's number."""
    in_flight: set[str] = field(factory=set[str])
    """Keys of requests that got no response."""
    _numbers: Iterator[int] = field(factory=itertools.count)

    def start(self, running: Running) -> list[threading.Thread]:
        """Start the threads."""
        threads = [threading.Thread(target=self._submit_until_it_fails, args=[running]) for _ in range(SUBMITTERS)]
        for thread in threads:
            thread.start()
        return threads

    def _submit_until_it_fails(self, running: Running) -> None:
        with running.client() as client:
            for number in self._numbers:
                key = str(number)
                self.in_flight.add(key)
                try:
                    response = submit(client, key)
                except httpx.TransportError:
                    return
                assert response.status_code == 201, response.text
                self.acknowledged[key] = response.json()["id"]
                self.in_flight.discard(key)


@define
class History:
    """What was observed at each start."""

    load: Load = field(factory=Load)
    pids: list[int] = field(factory=list[int])
    completed: list[set[str]] = field(factory=list[set[str]])
    """The ids of the jobs that were completed shortly after each start; that start may have completed some of them."""

    def check_start(self, client: Client, pid: int, rng: random.Random) -> None:
        """After a start every acknowledged job exists, and every key replays its response."""
        status = {job["id"]: job["status"] for job in client.listed(limit=0)}
        assert set(self.load.acknowledged.values()) <= set(status)
        assert set(status.values()) <= {"pending", "running", "completed"}
        self.pids.append(pid)
        self.completed.append({job_id for job_id, state in status.items() if state == "completed"})
        for key in rng.sample(sorted(self.load.acknowledged), min(5, len(self.load.acknowledged))):
            replay = submit(client, key)
            assert (replay.json()["id"], replay.headers["idempotency-replayed"]) == (self.load.acknowledged[key], "true")
        self._resend_unanswered(client)

    def _resend_unanswered(self, client: Client) -> None:
        """Requests without a response are run, replayed or, if killed in the middle, refused with 409 as on the real server."""
        for key in sorted(self.load.in_flight):
            response = submit(client, key)
            assert response.status_code in {201, 409}
            if response.status_code == 201:
                self.load.acknowledged[key] = response.json()["id"]
        self.load.in_flight.clear()


def submit(client: Client, key: str) -> httpx.Response:
    """Submit the job of this key."""
    return client.submit("counted", {"n": int(key), "seconds": int(key) % 5 / 100}, headers={"idempotency-key": key})


def test_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every acknowledged job completes in the end, by one run that overlaps no other, with its log and progress."""
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    rng, history = random.Random(seed), History()  # noqa: S311  # not a secret
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    options: list[object] = ["--database", tmp_path / "db", "--functions", HANDLERS, "--jwt-secret", SECRET]
    options += ["--profile", "2026-03", "--worker-timeout", 0.2, "--poll-interval", 0.01]
    for crash in range(CRASHES):
        with program(*options) as started, started.running.client() as client:
            history.check_start(client, started.process.pid, rng)
            threads = history.load.start(started.running)
            if crash == 0:  # so that there is something to lose; every other moment is random
                eventually(lambda: len(history.load.acknowledged), lambda count: count > CRASHES)
            time.sleep(rng.uniform(0, 0.5))
            started.process.kill()
            for thread in threads:
                thread.join()
    with program(*options) as started, started.running.client() as client:
        history.check_start(client, started.process.pid, rng)
        check_end(client, history, rng)
    check_runs((tmp_path / "runs").read_text(), history)


def check_end(client: Client, history: History, rng: random.Random) -> None:
    """All jobs complete, and a sample of them has its result, progress and log."""
    eventually(lambda: client.listed(limit=0), lambda jobs: {job["status"] for job in jobs} <= FINAL)
    jobs = client.listed(limit=0)
    acknowledged = history.load.acknowledged
    assert {job["status"] for job in jobs} == {"completed"}
    assert len(acknowledged) > CRASHES
    assert {job["retry_count"] for job in jobs} == {0}
    for key in rng.sample(sorted(acknowledged), min(max(CHECKED_JOBS, CRASHES), len(acknowledged))):
        check_job(client, acknowledged[key], key)


def check_job(client: Client, job_id: str, key: str) -> None:
    """The job has its result, progress and log."""
    job: dict[str, Any] = client.job(job_id)
    messages = [message for _, message in client.messages(job_id)]
    assert (job["result"], job["progress_percent"]) == (f'{{"n": {key}}}', 50)
    assert {"half way", f'__RESULT__::{{"success":true,"result":{{"n":{key}}}}}'} == set(messages)


def check_runs(text: str, history: History) -> None:
    """By the lines that handlers wrote, no key made two jobs, no two runs of a job overlapped and no completed job ran again."""
    runs: dict[str, list[tuple[int, str]]] = {}
    jobs: dict[str, set[str]] = {}
    for line in text.splitlines():
        pid, event, number, job_id = line.split()
        runs.setdefault(job_id, []).append((int(pid), event))
        jobs.setdefault(number, set()).add(job_id)
    assert all(len(ids) == 1 for ids in jobs.values())
    assert set(history.load.acknowledged.values()) <= set(runs)
    for lines in runs.values():
        # A process runs a job once, and only after the process before it was killed.
        assert len(set(lines)) == len(lines)
        by_process = [pid for pid, _ in itertools.groupby(lines, lambda line: line[0])]
        assert len(set(by_process)) == len(by_process)
        assert lines[-1][1] == "end"
    for start, completed in enumerate(history.completed, start=1):
        later = set(history.pids[start:])
        assert not {job_id for job_id in completed if later & {pid for pid, _ in runs[job_id]}}
