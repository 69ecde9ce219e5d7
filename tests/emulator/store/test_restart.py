"""What a database file keeps when the emulator restarts."""

from __future__ import annotations

import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from fluxbase_jobs.emulator.profiles import APRIL, MARCH
from fluxbase_jobs.emulator.store import UnusableDatabaseError

from tests.support.handlers import observable_handlers as probes
from tests.support.servers.emulator_in_process import HANDLERS, SECRET, AdjustableClock, program, serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The path of a new database."""
    return tmp_path / "jobs.sqlite"


def test_jobs_keys_and_sessions_are_kept(database: Path) -> None:
    """Jobs, users, sessions, client keys and idempotency keys survive a restart."""
    with serving(database=database) as running, running.client() as client:
        job = client.run("echo", {"n": 1})
        tokens = client.post("/api/v1/auth/signup", json={"email": "a@b.c", "password": "correct-horse-9"}).json()
        client_key = client.post("/api/v1/client-keys", json={"name": "k", "scopes": ["*"]}).json()["key"]
        submitted = client.submit("echo", headers={"idempotency-key": "k"}).json()
    with serving(database=database) as running, running.client() as client:
        found = client.job(job["id"])
        refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        by_key = client.get("/api/v1/jobs", headers={"authorization": "", "x-client-key": client_key})
        replayed = client.submit("echo", headers={"idempotency-key": "k"})

    assert found == job
    assert (refreshed.status_code, by_key.status_code) == (200, 200)
    assert (replayed.json(), replayed.headers["idempotency-replayed"]) == (submitted, "true")


def test_printed_keys_are_good_after_a_restart(database: Path) -> None:
    """With a database file the keys of yesterday's start open today's emulator; a secret of one's own is not replaced by it."""
    with program("--database", database) as first:
        first.end(signal.SIGTERM)
    with program("--database", database) as second:
        token = jwt.decode(first.running.service_key, options={"verify_signature": False})
        for key in (first.running.service_key, first.running.user_key):
            with second.running.client(key) as client:
                assert client.get("/api/v1/jobs").status_code == 200
        second.end(signal.SIGTERM)
    with program("--database", database, "--jwt-secret", SECRET) as third, third.running.client(first.running.service_key) as client:
        assert client.get("/api/v1/jobs").status_code == 401

    assert token["exp"] - token["iat"] == 30 * 24 * 3600
    assert "keys are good for 30 days, also after a restart; stop with Ctrl-C" in first.start_up


def test_april_logs_appear_after_a_restart(database: Path) -> None:
    """Log lines hidden by an April server are readable after its next start, but not those written since."""
    with serving(database=database, profile=APRIL) as running, running.client() as client:
        job_id = client.run("flaky")["id"]
        hidden = client.logs(job_id).json()
    with serving(database=database, profile=APRIL) as running, running.client() as client:
        shown = client.messages(job_id)
        client.retry(job_id)
        client.ended(job_id)
        shown_after_retry = client.messages(job_id)
    with serving(database=database, profile=MARCH) as running, running.client() as client:
        numbers = [line["line_number"] for line in client.logs(job_id).json()["logs"]]

    assert hidden == {"count": 0, "logs": None}
    assert shown == shown_after_retry
    assert shown[0] == ("error", "Job execution error: flaky failure")
    # The real server counts in memory: after a restart the numbers begin again.
    assert numbers == [1, 1, 2, 2]


@pytest.fixture
def left_behind(database: Path) -> dict[str, Any]:
    """A job that was running when its server stopped."""
    probes.reset()
    with serving(*vars(probes).values(), database=database) as running, running.client() as client:
        job = client.until(client.queue("gated"), lambda job: job["status"] == "running")
    probes.gate.set()
    return job


def test_running_jobs_are_put_back(database: Path, left_behind: dict[str, Any]) -> None:
    """A job that was running when the server stopped is still running after the next start, and pending after the worker timeout."""
    clock = AdjustableClock()
    with serving(*vars(probes).values(), database=database, clock=clock, worker_timeout=30) as running, running.client() as client:
        client.run("decorated")
        still = client.job(left_behind["id"])["status"]
        clock.ahead_seconds = 31
        done = client.ended(left_behind["id"])

    assert (still, done["status"], done["retry_count"]) == ("running", "completed", 0)
    assert done["worker_id"] != left_behind["worker_id"]


def test_left_behind_job_can_be_cancelled(database: Path, left_behind: dict[str, Any]) -> None:
    """Such a job can be cancelled before the timeout, and stays cancelled."""
    clock = AdjustableClock()
    with serving(*vars(probes).values(), database=database, clock=clock, worker_timeout=30) as running, running.client() as client:
        client.cancel(left_behind["id"])
        clock.ahead_seconds = 31
        client.run("decorated")
        client.run("decorated")

        assert client.job(left_behind["id"])["status"] == "cancelled"


def test_function_that_is_gone(database: Path) -> None:
    """A job whose function no longer exists fails when it is due."""
    with serving(database=database, poll_interval=1000) as running, running.client() as client:
        job_id = client.queue("echo")
    with serving(*vars(probes).values(), database=database) as running, running.client() as client:
        job = client.ended(job_id)

    assert (job["status"], job["error_message"]) == ("failed", "Job function not found: job function not found: default/echo")


def test_killed_server(database: Path) -> None:
    """Every job whose submit was answered survives a kill -9."""
    options = ("--database", database, "--functions", HANDLERS, "--jwt-secret", SECRET)
    with program(*options) as first, first.running.client() as client:
        jobs = [client.queue("echo", {"n": n}) for n in range(20)]
        first.end(signal.SIGKILL)
    with serving(database=database, worker_timeout=0.05) as running, running.client() as client:
        results = {n: client.ended(job_id)["result"] for n, job_id in enumerate(jobs)}

    assert results == {n: f'{{"echo": {{"n": {n}}}}}' for n in range(20)}


def test_two_emulators_on_one_file(database: Path) -> None:
    """A file in use is refused, because two emulators would run each other's jobs."""
    with serving(database=database), pytest.raises(UnusableDatabaseError, match="in use by another emulator"), serving(database=database):
        pass


def test_foreign_files(tmp_path: Path) -> None:
    """A file that is not a database, or another program's, is refused and not changed."""
    text, foreign = tmp_path / "text", tmp_path / "foreign"
    text.write_text("no database at all, but long enough to look at" * 100)
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE songs (title)")
    connection.close()
    before = foreign.read_bytes()

    with pytest.raises(UnusableDatabaseError, match="file is not a database"), serving(database=text):
        pass
    with pytest.raises(UnusableDatabaseError, match="its tables are not those"), serving(database=foreign):
        pass
    assert text.read_text().startswith("no database")
    assert foreign.read_bytes() == before
