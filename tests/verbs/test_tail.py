"""`jobs.tail` over real servers, sync and async. Timing is in plans/logs/test_tail.py."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, NotFound

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.emulator_process import Address
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

ENDED = Answer(200, job(completed_at="2020-01-01T00:00:00Z"))


def line(number: int, message: str, level: str = "info") -> dict[str, Any]:
    """A log line as JSON object."""
    shown = {"timestamp": "2020-01-01T00:00:00Z", "category": "execution", "level": level, "message": message}
    return {"id": str(number), "line_number": number, **shown}


def test_tail_follows_the_log_of_a_running_job(connect: Connect, march: Address, caplog: pytest.LogCaptureFixture) -> None:
    """Each line once and in order, without those of the protocol; a logger gets them at their level."""
    client = connect(march.url, march.service_key)
    job_id = client.jobs.submit("steps", {"steps": 3, "delay_ms": 20}).unwrap().id
    caplog.set_level(logging.DEBUG, logger="jobs.steps")

    lines = [result.unwrap() for result in client.jobs.tail(job_id, to_logger=logging.getLogger("jobs.steps"))]

    expected = ["step 1 of 3", "step 2 of 3", "warning: step 2 was even", "step 3 of 3"]
    assert [str(line) for line in lines] == expected
    assert [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "jobs.steps"] == [
        ("WARNING" if "warning" in text else "INFO", text) for text in expected
    ]


def test_tail_reads_the_log_of_a_finished_job_once(client: FluxbaseClient, server: LocalServer) -> None:
    """From the given line on, with two requests."""
    server.answer(ENDED, Answer(200, {"logs": [line(8, "eight"), line(9, "__RESULT__::{}")], "count": 2}))

    (only,) = client.jobs.tail(JOB_ID, after_line=7)

    assert only.unwrap().line_number == 8
    assert [request.target for request in server.requests] == [f"/api/v1/jobs/{JOB_ID}", f"/api/v1/jobs/{JOB_ID}/logs?after_line=7"]


def test_line_numbers_beyond_those_that_can_be_asked_for_end_nothing(connect: Connect, server: LocalServer) -> None:
    """What the server writes is no wrong argument of the caller's."""
    running = {key: value for key, value in job(status="running").items() if key != "completed_at"}
    now = {"timestamp": running["started_at"]}
    first, second = (Answer(200, {"logs": [{**line(2**40 + number, str(number)), **now}], "count": 1}) for number in (1, 2))
    server.answer(Answer(200, running), first, Answer(200, running), second)
    tailed = connect(server.url, realtime=False).jobs.tail(JOB_ID, timeout=20)

    read = [next(tailed), next(tailed)]
    tailed.close()

    assert [result.unwrap().message for result in read] == ["1", "2"]
    assert server.requests[3].query == {"after_line": str(2**31 - 1)}


def test_error_is_the_last_item(client: FluxbaseClient, server: LocalServer) -> None:
    """Another user's log, or an invalid argument."""
    server.answer(ENDED, Answer(404, {"error": "Job not found"}))

    (refused,) = client.jobs.tail(JOB_ID)
    (bad,) = client.jobs.tail(JOB_ID, after_line=-1)

    assert isinstance(refused.error, NotFound)
    assert isinstance(bad.error, InvalidInput)


def test_closed_iterator_sends_no_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """Also if it is closed between two lines of one response."""
    server.answer(Answer(200, job(status="running")), Answer(200, {"logs": [line(1, "one"), line(2, "two")], "count": 2}))
    tailed = client.jobs.tail(JOB_ID)

    assert next(tailed).unwrap().message == "one"
    tailed.close()

    assert next(tailed, None) is None
    assert len(server.requests) == 2
