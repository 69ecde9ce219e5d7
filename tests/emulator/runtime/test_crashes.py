"""Kill -9 at any moment under load, and start again: nothing that was acknowledged is lost, nothing runs twice at once."""

from __future__ import annotations

import itertools
import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import define, field

from tests.support.emulator_in_process import FINAL, SECRET, Client, Running, eventually, program

if TYPE_CHECKING:
    from collections.abc import Iterator

CRASHES = 20
SUBMITTERS = 3
HANDLERS = Path(__file__).parents[2] / "support" / "handlers" / "counting_handlers.py"


@define
class Load:
    """Threads that submit jobs, each with a key of its own, for as long as the server answers."""

    acknowledged: dict[str, str] = field(factory=dict[str, str])
    """The job's id by its key; the key is the job's number."""
    in_flight: set[str] = field(factory=set[str])
    """Keys whose answer never came."""
    _numbers: Iterator[int] = field(factory=itertools.count)

    def put_on(self, running: Running) -> list[threading.Thread]:
        """Begin to submit."""
        threads = [threading.Thread(target=self._submit_for_ever, args=[running]) for _ in range(SUBMITTERS)]
        for thread in threads:
            thread.start()
        return threads

    def _submit_for_ever(self, running: Running) -> None:
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
class Story:
    """What was seen over all the crashes."""

    load: Load = field(factory=Load)
    pids: list[int] = field(factory=list[int])
    completed: list[set[str]] = field(factory=list[set[str]])
    """For each start the jobs that were completed when it was looked at; some may be its own."""

    def check_start(self, client: Client, pid: int, chance: random.Random) -> None:
        """Look at what a start has found: every acknowledged job, and every key with its answer."""
        status = {job["id"]: job["status"] for job in client.listed(limit=0)}
        assert set(self.load.acknowledged.values()) <= set(status)
        assert set(status.values()) <= {"pending", "running", "completed"}
        self.pids.append(pid)
        self.completed.append({job_id for job_id, state in status.items() if state == "completed"})
        for key in chance.sample(sorted(self.load.acknowledged), min(5, len(self.load.acknowledged))):
            replay = submit(client, key)
            assert (replay.json()["id"], replay.headers["idempotency-replayed"]) == (self.load.acknowledged[key], "true")
        self._repeat_unanswered(client)

    def _repeat_unanswered(self, client: Client) -> None:
        """Repeat what was in flight: it is run, replayed, or, cut in the middle, refused as the real server does (409)."""
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
    """Every acknowledged job is completed in the end, in one run that nothing overlapped, with its log and progress."""
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    chance, story = random.Random(seed), Story()  # noqa: S311 - no secret
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    options: list[object] = ["--database", tmp_path / "db", "--functions", HANDLERS, "--jwt-secret", SECRET]
    options += ["--profile", "2026-03", "--worker-timeout", 0.2, "--poll-interval", 0.01]
    for _ in range(CRASHES):
        with program(*options) as started, started.running.client() as client:
            story.check_start(client, started.process.pid, chance)
            threads = story.load.put_on(started.running)
            time.sleep(chance.uniform(0, 0.5))
            started.process.kill()
            for thread in threads:
                thread.join()
    with program(*options) as started, started.running.client() as client:
        story.check_start(client, started.process.pid, chance)
        check_end(client, story, chance)
    check_runs((tmp_path / "runs").read_text(), story)


def check_end(client: Client, story: Story, chance: random.Random) -> None:
    """Wait until all jobs have ended, and look at some closely."""
    eventually(lambda: client.listed(limit=0), lambda jobs: {job["status"] for job in jobs} <= FINAL)
    jobs = client.listed(limit=0)
    assert {job["status"] for job in jobs} == {"completed"}
    assert len(story.load.acknowledged) > CRASHES
    assert {job["retry_count"] for job in jobs} == {0}
    for key in chance.sample(sorted(story.load.acknowledged), CRASHES):
        check_job(client, story.load.acknowledged[key], key)


def check_job(client: Client, job_id: str, key: str) -> None:
    """Look at result, progress and log of a job."""
    job: dict[str, Any] = client.job(job_id)
    messages = [message for _, message in client.messages(job_id)]
    assert (job["result"], job["progress_percent"]) == (f'{{"n": {key}}}', 50)
    assert {"half way", f'__RESULT__::{{"success":true,"result":{{"n":{key}}}}}'} == set(messages)


def check_runs(text: str, story: Story) -> None:
    """Judge the lines that the handlers wrote."""
    runs: dict[str, list[tuple[int, str]]] = {}
    jobs: dict[str, set[str]] = {}
    for line in text.splitlines():
        pid, word, number, job_id = line.split()
        runs.setdefault(job_id, []).append((int(pid), word))
        jobs.setdefault(number, set()).add(job_id)
    assert all(len(ids) == 1 for ids in jobs.values())  # no key has made two jobs
    assert set(story.load.acknowledged.values()) <= set(runs)
    for lines in runs.values():
        # One process runs a job once; the process before it was dead by then.
        assert len(set(lines)) == len(lines)
        by_process = [pid for pid, _ in itertools.groupby(lines, lambda line: line[0])]
        assert len(set(by_process)) == len(by_process)
        assert lines[-1][1] == "end"
    for start, completed in enumerate(story.completed, start=1):
        later = set(story.pids[start:])
        assert not {job_id for job_id in completed if later & {pid for pid, _ in runs[job_id]}}
