"""The logger `fluxbase_jobs`: requests, retries, failures and long pauses."""

from __future__ import annotations

import logging

import pytest
from fluxbase_jobs import FluxbaseClient, RetryPolicy
from fluxbase_jobs._drivers import log
from fluxbase_jobs._plans.exchange.steps import Pause

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and text of each log line."""
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "fluxbase_jobs"]


def test_request_is_logged_at_debug(client: FluxbaseClient, server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """With its outcome."""
    caplog.set_level(logging.DEBUG, "fluxbase_jobs")
    server.answer(Answer(200, job()))

    client.jobs.get(JOB_ID).unwrap()

    assert lines(caplog) == [("DEBUG", f"GET /api/v1/jobs/{JOB_ID}: 200")]


def test_retry_is_logged_at_info(connect: Connect, server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """With its reason and the pause before it."""
    caplog.set_level(logging.INFO, "fluxbase_jobs")
    server.answer(Answer(503, {"error": "down"}), Answer(200, job()))

    connect(server.url, retry=RetryPolicy(first_delay=0.001)).jobs.get(JOB_ID).unwrap()

    assert lines(caplog) == [("INFO", f"GET /api/v1/jobs/{JOB_ID}: status 503, attempt 1 of 3; next attempt in 0.0 s")]


def test_failed_call_is_logged_as_warning(connect: Connect, server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """After the last attempt."""
    server.answer(Answer(503, {"error": "down"}))

    assert connect(server.url, retry=RetryPolicy(attempts=2, first_delay=0.001)).jobs.get(JOB_ID).error

    ((level, text),) = lines(caplog)
    assert level == "WARNING"
    assert text.startswith("get() gave up after 2 requests and ")
    assert text.endswith("s: ServerFailed, status 503")


@pytest.mark.parametrize(("seconds", "logged"), [(1.5, [("INFO", "next poll in 1.5 s")]), (0.5, [])])
def test_long_pause_between_polls_is_logged_at_info(
    caplog: pytest.LogCaptureFixture, seconds: float, logged: list[tuple[str, str]]
) -> None:
    """Short pauses are not logged."""
    caplog.set_level(logging.INFO, "fluxbase_jobs")

    log.pausing(Pause(seconds))

    assert lines(caplog) == logged
