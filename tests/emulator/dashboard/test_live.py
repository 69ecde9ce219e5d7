"""The stream of changes: what an open page is told, and when it is told to read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from attrs import evolve

from tests.emulator.dashboard.conftest import Page
from tests.support.servers.emulator_in_process import Running, eventually


def changes(events: Iterator[tuple[str, Any]], job_id: str, until: str) -> list[dict[str, Any]]:
    """The rows of a job up to a status."""
    rows: list[dict[str, Any]] = []
    for name, data in events:
        rows += [row for row in data["jobs"] if row["id"] == job_id] if name == "changes" else []
        if rows and rows[-1]["status"] == until:
            return rows
    raise AssertionError(rows)


def test_changes_of_a_job(page: Page) -> None:
    """Its row with the progress, the numbers of all jobs, and that its log has grown."""
    with page.events() as events:
        assert next(events) == ("ready", {})
        job_id = page.submit("sleepy", {"percent": 30})
        page.until(job_id, "running")
        eventually(lambda: page.job(job_id)["percent"], lambda percent: percent == 30)
        page.write(f"/jobs/{job_id}/cancel")

        rows = changes(events, job_id, "cancelled")

    assert rows[-1]["percent"] == 30
    assert rows[-1]["name"] == "sleepy"


def test_new_lines_are_told(page: Page) -> None:
    """By the id of their job: the page reads the lines of the job that it shows."""
    with page.events() as events:
        next(events)
        job_id = page.submit("echo")

        assert any(name == "changes" and job_id in data["logs"] for name, data in events)


def test_counts_come_along(page: Page) -> None:
    """With the changes of jobs."""
    before = page.read("/overview")["counts"].get("completed", 0)
    with page.events() as events:
        next(events)
        job_id = page.submit("echo")
        counts = [data["counts"] for name, data in events_until(events, job_id, "completed") if name == "changes"]

    assert counts[-1]["completed"] > before


def events_until(events: Iterator[tuple[str, Any]], job_id: str, status: str) -> Iterator[tuple[str, Any]]:
    """The events up to a job's status."""
    for name, data in events:
        yield name, data
        if name == "changes" and any((row["id"], row["status"]) == (job_id, status) for row in data["jobs"]):
            return


def test_many_changes_at_once(page: Page, april_dashboard: Running) -> None:
    """A page that would get thousands of rows is told to read its list again."""
    assert april_dashboard.emulator
    jobs = april_dashboard.emulator.services.jobs
    job = jobs.get(page.submit("echo", scheduled_at="2099-01-01T00:00:00Z"))
    assert job
    with page.events() as events:
        next(events)
        for number in range(1000):
            jobs.add(evolve(job, id=f"{uuid4()}", created_at=number))
        told = next(data for name, data in events if name == "changes" and data["many"])

    assert told["jobs"] == []


def test_changed_functions_are_told(page: Page, april_dashboard: Running) -> None:
    """By a sync, or as the handlers file is read again."""
    with page.events() as events:
        next(events)
        with april_dashboard.client(april_dashboard.service_key) as admin:
            admin.sync("live", {"name": "new"})

        assert any(name == "changes" and data["functions"] for name, data in events)


def test_hits_of_faults_are_told(page: Page, april_dashboard: Running) -> None:
    """The page reads the faults again."""
    page.write("/faults", {"preset": "submit-503"}).raise_for_status()
    with page.events() as events, april_dashboard.client() as client:
        next(events)
        client.submit("echo")

        assert next(name for name, _ in events if name != "changes") == "faults"


def test_a_closed_page_leaves_nothing_behind(page: Page, april_dashboard: Running) -> None:
    """Its listeners are gone, so that changes cost nothing where nobody looks."""
    assert april_dashboard.emulator
    jobs = april_dashboard.emulator.services.jobs
    before = len(jobs.listeners.calls)
    with page.events() as events:
        next(events)
        assert len(jobs.listeners.calls) == before + 1

    eventually(lambda: len(jobs.listeners.calls), lambda number: number == before)
