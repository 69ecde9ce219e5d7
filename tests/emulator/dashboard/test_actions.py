"""What the page does to jobs: the server's own checks, and refusals that say why."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fluxbase_jobs.emulator.profiles import APRIL

from tests.emulator.dashboard.conftest import HANDLERS, Page, application
from tests.support.servers.emulator_in_process import serving


def refusal(page: Page, path: str, body: Any = None, **query: Any) -> tuple[int, str]:
    """Status and text of a refused request."""
    answer = page.write(path, body, **query)
    return answer.status_code, answer.json()["error"]


def test_submit_as_developer_or_service(page: Page) -> None:
    """A function for certain roles refuses the developer, as the server does."""
    assert refusal(page, "/jobs", {"job_name": "guarded"}) == (403, "Insufficient permissions: it needs one of ['service_role']")

    job_id = page.write("/jobs", {"job_name": "guarded"}, **{"as": "service"}).json()["id"]

    assert page.until(job_id, "completed")["user_role"] == "service_role"


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"job_name": "nothing"}, 404, "Job function not found"),
        ({}, 400, "job_name is required"),
        ({"job_name": "echo", "payload": [1]}, 400, "payload is not a JSON object"),
        ({"job_name": "echo", "priority": "high"}, 400, "priority is not a JSON integer"),
        ({"job_name": "echo", "priority": 2**40}, 400, "the server would answer 500"),
        ({"job_name": "echo", "payload": {"nul": "\0"}}, 400, "the server would answer 500"),
        ("{", 400, "Expecting property name"),
        ("[]", 400, "the body is not a JSON object"),
    ],
)
def test_submits_that_are_refused(page: Page, body: Any, status: int, text: str) -> None:
    """With the reason."""
    found, message = refusal(page, "/jobs", body)

    assert found == status
    assert text in message


def test_a_body_that_is_too_large(page: Page) -> None:
    """One megabyte, as on the server."""
    assert refusal(page, "/jobs", {"job_name": "echo", "payload": {"text": "x" * 1024 * 1024}})[0] == 413


def test_cancel_ends_a_run(page: Page) -> None:
    """Once; and a job that is not there is not found."""
    job_id = page.submit("sleepy")
    page.until(job_id, "running")

    assert page.write(f"/jobs/{job_id}/cancel").json() == {}

    assert page.job(job_id)["status"] == "cancelled"
    assert refusal(page, f"/jobs/{job_id}/cancel") == (409, "a job that is cancelled cannot be cancelled")
    assert refusal(page, f"/jobs/{uuid4()}/cancel") == (404, "there is no such job")


def test_retry_as_often_as_the_function_allows(page: Page) -> None:
    """Then the page says how often that is."""
    job_id = page.submit("echo", {"fails": "rain"})
    page.until(job_id, "failed")
    page.write(f"/jobs/{job_id}/retry").raise_for_status()
    page.until(job_id, "failed")

    assert refusal(page, f"/jobs/{job_id}/retry") == (
        409,
        "no retry is left: its function has max_retries=1; resubmit the job instead",
    )


def test_retry_is_for_failed_jobs(page: Page) -> None:
    """Others are refused."""
    job_id = page.submit("echo")
    page.until(job_id, "completed")

    assert refusal(page, f"/jobs/{job_id}/retry") == (409, "a job that is completed cannot be retried")


def test_resubmit_makes_a_new_job(page: Page) -> None:
    """With the same payload, for the same user."""
    job_id = page.submit("echo", {"n": 1}, priority=3)
    page.until(job_id, "completed")

    new_id = page.write(f"/jobs/{job_id}/resubmit").json()["id"]

    new = page.until(new_id, "completed")
    assert new_id != job_id
    assert (new["payload"], new["priority"], new["user_email"]) == ('{"n": 1}', 3, "developer@example.com")


@pytest.mark.parametrize("switch", ["off", "flag-off"])
def test_where_jobs_are_switched_off(switch: str) -> None:
    """No job is queued that nobody would run."""
    with serving(*HANDLERS, app=application, profile=APRIL, jobs=switch) as running, Page(base_url=running.url) as page:
        assert refusal(page, "/jobs", {"job_name": "echo"}) == (409, f"jobs are switched off in this emulator (--jobs {switch})")
        assert page.read("/jobs")["jobs"] == []
