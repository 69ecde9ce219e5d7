"""What running servers do with odd jobs, by the rows of SEEN.md: results and reports that the database or the output refuses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from operator import le
from pathlib import Path
from typing import Any, Final

import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.profiles import APRIL, MARCH

from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, eventually, serving

MEGABYTE: Final = 1024 * 1024


@function("give")
def give(payload: dict[str, Any], context: Context) -> Any:
    """Return what the payload says: `size` is the length of a text, `nul` a character that JSON of the database cannot have."""
    for line in payload.get("lines", []):
        context.log(line.replace("NUL", "\0"))
    match payload:
        case {"size": size}:
            return {"text": "x" * size}
        case {"nul": True}:
            return {"text": "a\0b"}
        case {"error": error}:
            return {"success": False, "error": error.replace("NUL", "\0")}
        case {"soft": True}:
            return {"success": False}
        case {"data": size}:
            context.progress(10, "small")
            context.progress(20, "big", {"text": "x" * size})
            context.progress(30, "NUL \0")
            return {}
        case _:
            return payload.get("value")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A server that shows logs."""
    with serving(give, profile=MARCH) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    """A client of it."""
    with running.client() as client:
        yield client


@pytest.mark.parametrize("value", ["text", True, 7, [1, 2]])
def test_result_that_is_no_object_fails_the_job(client: Client, value: object) -> None:
    """With Go's message."""
    job = client.run("give", {"value": value})

    assert (job["status"], job["error_message"].partition(" into ")[0].rpartition(" ")[0]) == (
        "failed",
        "Failed to parse job result: json: cannot unmarshal",
    )


def test_s3_line_over_a_megabyte_loses_the_result(client: Client) -> None:
    """The job is completed without a word; a line of half the size comes through."""
    whole, lost = (client.run("give", {"size": size}) for size in (MEGABYTE // 2, MEGABYTE + 100_000))

    assert (whole["status"], len(whole["result"])) == ("completed", MEGABYTE // 2 + len('{"text": ""}'))
    assert (lost["status"], lost["result"], client.messages(lost["id"])) == ("completed", "{}", [])


def test_s4_line_with_a_nul_is_lost(client: Client) -> None:
    """Its number is used: a gap in the log."""
    job_id = client.run("give", {"lines": ["one", "two NUL", "three"]})["id"]
    log = client.logs(job_id).json()["logs"]

    assert [(line["line_number"], line["message"][:10]) for line in log] == [(1, "one"), (3, "three"), (4, "__RESULT__")]


def test_s6_soft_failure_without_an_error(client: Client) -> None:
    """The error message is present and empty."""
    job = client.run("give", {"soft": True})

    assert (job["status"], job["error_message"], "result" in job) == ("failed", "", False)


def test_progress_that_is_refused_is_lost_alone(client: Client) -> None:
    """Over about 8,000 bytes with its row, or with a NUL: the job goes on."""
    job = client.run("give", {"data": 9_000})

    assert (job["status"], job["progress_percent"], job["progress_message"]) == ("completed", 10, "small")


HANGING: Final = [{"nul": True}, {"error": "x" * 7_001}, {"error": "NUL"}]


@pytest.mark.parametrize("payload", HANGING)
def test_s2_refused_end_leaves_the_job_running(payload: dict[str, Any]) -> None:
    """2026-03 ends such a job by its progress timeout."""
    clock = AdjustableClock()
    with serving(give, profile=MARCH, clock=clock) as running, running.client() as client:
        job_id = client.queue("give", payload)
        client.until(job_id, lambda _: "__RESULT__" in str(client.messages(job_id)))
        assert client.job(job_id)["status"] == "running"
        clock.ahead_seconds += 301

        assert client.ended(job_id)["error_message"] == "Progress timeout exceeded (5m0s)"


def test_s2_april_runs_a_hanging_job_again_after_each_start(tmp_path: Path) -> None:
    """And it hangs again."""
    starts: list[str] = []

    @function("hang")
    def hang(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
        starts.append(context.job_id)
        return {"text": "\0"}

    for number in (1, 2):
        with serving(hang, profile=APRIL, database=tmp_path / "jobs", worker_timeout=0.05) as running, running.client() as client:
            job_id = client.queue("hang") if number == 1 else starts[0]
            eventually(lambda: len(starts), partial(le, number))
            assert client.until(job_id, lambda job: job["status"] == "running")

    assert starts == [job_id] * 2


def test_soft_error_below_the_limit_is_told(client: Client) -> None:
    """Seven thousand characters still are."""
    assert client.run("give", {"error": "x" * 6_900})["error_message"] == "x" * 6_900
