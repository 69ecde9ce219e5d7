"""What the page reads of jobs: lists and their filters, one job with all that is known, and its log."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from fluxbase_jobs.emulator.profiles import APRIL

from tests.emulator.dashboard.conftest import HANDLERS, MARKUP, Page, application
from tests.support.servers.emulator_in_process import Running, eventually, serving


def ids(answer: Any) -> list[str]:
    """The ids of a list's jobs."""
    return [job["id"] for job in answer["jobs"]]


def test_a_job_with_all_that_is_known(page: Page) -> None:
    """Texts of payload, result and progress are those of the database: no digit is lost."""
    job_id = page.submit("echo", {"n": 1.5, "text": "ü"}, priority=7)

    job = page.until(job_id, "completed")

    assert job["payload"] == '{"n": 1.5, "text": "ü"}'
    assert job["result"] == '{"echoed": {"n": 1.5, "text": "ü"}}'
    assert job["progress"].startswith('{"data": {"part": 1}, "message": "half way", "percent": 50')
    assert (job["percent"], job["message"], job["priority"], job["error"], job["cause"]) == (50, "half way", 7, "", None)
    assert (job["user_email"], job["user_role"]) == ("developer@example.com", "authenticated")
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["completed"]
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]
    assert (job["timeout_seconds"], job["has_function"], job["lines"]) == (300, True, 2)


def test_markup_is_data(page: Page) -> None:
    """Names, lines and values come as JSON, with their markup unchanged; the page shows them as texts."""
    job_id = page.submit(MARKUP, {"<p>": "</script>"})
    page.until(job_id, "completed")

    answer = page.get(f"/_emulator/api/jobs/{job_id}")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["name"] == MARKUP
    assert page.lines(job_id)[0] == "<u>line</u>"
    assert MARKUP in [each["name"] for each in page.read("/functions")["functions"]]


def test_filters(page: Page) -> None:
    """By status, function and any text; the numbers of all jobs stay."""
    word = uuid4().hex
    done, failed = page.submit("echo", {"word": word.upper()}), page.submit("echo", {"word": word, "fails": "milk"})
    later = page.submit("sleepy", {"word": word}, scheduled_at="2099-01-01T00:00:00Z")
    page.until(done, "completed")
    page.until(failed, "failed")

    assert ids(page.read("/jobs", contains=word)) == [later, failed, done]
    assert ids(page.read("/jobs", contains=word, status="failed")) == [failed]
    assert ids(page.read("/jobs", contains=word, namespace="default", name="sleepy")) == [later]
    assert ids(page.read("/jobs", contains=word, namespace="reports", name="sleepy")) == []
    assert ids(page.read("/jobs", contains=done)) == [done]
    assert page.read("/jobs", contains=word)["counts"]["pending"] >= 1
    assert page.write(f"/jobs/{later}/cancel").status_code == 200


def test_pages_of_the_list(page: Page) -> None:
    """`more` says whether there are older jobs; odd numbers mean the default."""
    word = uuid4().hex
    submitted = [page.submit("echo", {"word": word}) for _ in range(3)]

    first, second = (page.read("/jobs", contains=word, limit=2, offset=offset) for offset in (0, 2))

    assert (ids(first), first["more"]) == (submitted[:0:-1], True)
    assert (ids(second), second["more"]) == (submitted[:1], False)
    assert ids(page.read("/jobs", contains=word, limit="-1", offset="x")) == submitted[::-1]


def test_an_error_and_its_cause(page: Page) -> None:
    """The server keeps what a handler raises from the job; the page shows both."""
    job_id = page.submit("echo", {"fails": "milk"})

    job = page.until(job_id, "failed")

    assert (job["error"], job["cause"]) == ("exit status 1", "no milk today")


def test_attempts_are_kept(page: Page) -> None:
    """A retry overwrites the job's row, not what the page shows of the attempt before."""
    job_id = page.submit("echo", {"fails": "tea"})
    page.until(job_id, "failed")

    assert page.write(f"/jobs/{job_id}/retry").status_code == 200
    page.until(job_id, "failed")

    attempts = page.job(job_id)["attempts"]
    assert [(attempt["outcome"], attempt["error"]) for attempt in attempts] == [("failed", "exit status 1")] * 2
    assert all(attempt["started_at"] and attempt["ended_at"] and attempt["worker_id"] for attempt in attempts)


def test_an_interrupted_attempt_is_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The start after one that was stopped puts running jobs back."""
    settings: dict[str, Any] = {"database": tmp_path_factory.mktemp("db") / "db", "worker_timeout": 0.01, "profile": APRIL}
    with serving(*HANDLERS, app=application, **settings) as running, Page(base_url=running.url) as page:
        job_id = page.submit("sleepy")
        page.until(job_id, "running")
    with serving(*HANDLERS, app=application, **settings) as running, Page(base_url=running.url) as page:
        attempts = eventually(lambda: page.job(job_id)["attempts"], lambda attempts: len(attempts) == 2)
        page.write(f"/jobs/{job_id}/cancel").raise_for_status()

    assert [attempt["outcome"] for attempt in attempts] == ["interrupted", "running"]


def test_the_log_shows_what_the_profile_hides(page: Page, march_page: Page, april_dashboard: Running) -> None:
    """Clients of 2026-04 read no line before the server's next start; on 2026-03 nothing is hidden."""
    job_id, march_id = page.submit("echo"), march_page.submit("echo")
    page.until(job_id, "completed")
    march_page.until(march_id, "completed")

    with april_dashboard.client(april_dashboard.service_key) as client:
        assert client.messages(job_id) == []
    assert page.lines(job_id)[0] == march_page.lines(march_id)[0] == "first line"
    assert {line["hidden"] for line in page.read(f"/jobs/{job_id}/log")["lines"]} == {True}
    assert {line["hidden"] for line in march_page.read(f"/jobs/{march_id}/log")["lines"]} == {False}


def test_a_log_is_followed_by_its_numbers(page: Page) -> None:
    """`after` is the number of the last line that the page has."""
    job_id = page.submit("echo")
    page.until(job_id, "completed")
    log = page.read(f"/jobs/{job_id}/log")

    assert log["total"] == len(log["lines"]) == 2
    assert page.lines(job_id, after=log["lines"][0]["number"]) == page.lines(job_id)[1:]
    assert page.lines(job_id, after=log["lines"][-1]["number"]) == []


def test_functions_with_their_next_runs(page: Page) -> None:
    """Three of each that has a schedule."""
    functions = {each["name"]: each for each in page.read("/functions")["functions"]}
    runs = functions["daily"]["next_runs"]

    assert len(runs) == 3
    assert [later - run for run, later in pairwise(runs)] == [24 * 3600 * 1000] * 2
    assert {run // 1000 % 86400 for run in runs} == {6 * 3600}
    assert (functions["echo"]["schedule"], functions["echo"]["next_runs"]) == (None, None)
    assert (functions["echo"]["description"], functions["echo"]["max_retries"]) == ("Say it again", 1)
    assert functions["guarded"]["require_roles"] == ["service_role"]


def test_a_schedule_that_cannot_be_followed(page: Page, april_dashboard: Running) -> None:
    """It is shown without a next run; a function without a handler is marked."""
    with april_dashboard.client(april_dashboard.service_key) as admin:
        admin.sync("synced", {"name": "odd", "schedule": "61 * * * *"})
        functions = {each["name"]: each for each in page.read("/functions")["functions"]}
        admin.sync("synced", delete_missing=True)

    assert (functions["odd"]["schedule"], functions["odd"]["next_runs"] or []) == ("61 * * * *", [])
    assert functions["odd"]["has_handler"] is False


def test_the_profile_and_what_it_hides(page: Page, march_page: Page) -> None:
    """Without keys and secrets."""
    april, march = page.read("/overview")["profile"], march_page.read("/overview")["profile"]

    assert (april["name"], march["name"]) == ("2026-04", "2026-03")
    assert april["hides_logs"]
    assert not march["hides_logs"]
    assert any("Log lines" in text for text in april["hidden"])
    assert not any("Log lines" in text for text in march["hidden"])
    assert april["settings"]["database"] == "in memory"
    assert "secret" not in str(page.read("/overview")).lower()
    assert "eyJ" not in str(page.read("/overview"))
