"""`jobs.logs`: the log lines of a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, InvalidResponse, LogLine, NotFound, ServerFailed

from tests.support.sample_responses import JOB_ID, LINES, pickle_round_trip, recorded
from tests.support.servers.local_server import Answer, LocalServer

LINE = {"id": "1", "timestamp": "2026-11-23T18:44:05.716123+01:00", "category": "execution", "level": "info", "message": "on it"}


def test_log_lines_are_read(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded log: every field under its wire name, with times as datetime."""
    response = recorded("progress_and_logs", "logs ")
    server.answer(Answer(200, response.body))

    lines = client.jobs.logs(response.path.split("/")[-2]).unwrap()

    assert server.request_lines == [f"GET {response.path}"]
    bodies: list[dict[str, Any]] = response.json()["logs"]
    assert len(lines) == len(bodies) == 8
    for line, body in zip(lines, bodies, strict=True):
        assert isinstance(line, LogLine)
        assert line.timestamp == datetime.fromisoformat(body.pop("timestamp"))
        assert {key: getattr(line, key) for key in body} == body
        assert str(line) == f"{line}" == line.message
    assert [line.line_number for line in lines] == list(range(1, 9))


def test_log_line_is_a_value(client: FluxbaseClient, server: LocalServer) -> None:
    """Optional keys are None, and unknown ones ignored; lines are immutable, equal by value, and can be pickled."""
    server.answer(Answer(200, {"logs": [{**LINE, "style": "red"}, LINE], "count": 2}))

    line, same = client.jobs.logs(JOB_ID).unwrap()

    assert line == same == pickle_round_trip(line)
    assert (line.line_number, line.fields, line.execution_id) == (None, None, None)
    assert line.timestamp == datetime(2026, 11, 23, 17, 44, 5, 716123, tzinfo=UTC)
    with pytest.raises(AttributeError):
        line.message = "x"  # type: ignore[misc]  # frozen, on purpose


@pytest.mark.parametrize(
    ("options", "query"),
    [({}, {"after_line": "0"}), ({"after_line": 0}, {"after_line": "0"}), ({"after_line": 2**31 - 1}, {"after_line": "2147483647"})],
)
def test_after_line_is_sent(client: FluxbaseClient, server: LocalServer, options: dict[str, Any], query: dict[str, str]) -> None:
    """In the query."""
    server.answer(Answer(200, {"logs": LINES, "count": 2}))

    client.jobs.logs(JOB_ID.upper(), **options).unwrap()

    (sent,) = server.requests
    assert (sent.method, sent.path, sent.query) == ("GET", f"/api/v1/jobs/{JOB_ID}/logs", query)


@pytest.mark.parametrize("body", [{"logs": None, "count": 0}, {"logs": []}, []])
def test_empty_log_is_an_empty_list(client: FluxbaseClient, server: LocalServer, body: object) -> None:
    """The server sends null."""
    server.answer(Answer(200, body))

    assert client.jobs.logs(JOB_ID).unwrap() == []


def test_bare_list_is_read(client: FluxbaseClient, server: LocalServer) -> None:
    """The envelope may become a bare list one day."""
    server.answer(Answer(200, [LINE]))

    assert [str(line) for line in client.jobs.logs(JOB_ID).unwrap()] == ["on it"]


def test_log_of_unknown_job_is_server_failed(client: FluxbaseClient, server: LocalServer) -> None:
    """Recorded: a 500 and not a 404. It is not retried or explained."""
    server.answer(Answer(500, recorded("progress_and_logs", "logs of an unknown job").body))

    _, error = client.jobs.logs(JOB_ID)

    assert type(error) is ServerFailed
    assert (error.message, error.status, error.job_id, error.retryable) == ("Failed to get job", 500, JOB_ID, False)
    assert error.hint
    assert error.hint.startswith("is the id right?")
    assert len(str(error)) < 200
    assert len(server.requests) == 1


def test_log_of_another_user_is_not_found(client: FluxbaseClient, server: LocalServer) -> None:
    """Recorded: only logs are private."""
    server.answer(Answer(404, recorded("progress_and_logs", "another user's logs").body))

    _, error = client.jobs.logs(JOB_ID)

    assert isinstance(error, NotFound)
    assert error.job_id == JOB_ID


def test_unreadable_line_is_named(client: FluxbaseClient, server: LocalServer) -> None:
    """A line without a time, for example."""
    server.answer(Answer(200, {"logs": [LINE, {**LINE, "timestamp": "soon"}]}))

    _, error = client.jobs.logs(JOB_ID)

    assert isinstance(error, InvalidResponse)
    assert "$.logs[1].timestamp" in error.message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"after_line": -1}, "after_line"),
        ({"after_line": 2**31}, "after_line"),
        ({"after_line": 1.0}, "after_line"),
        ({"after_line": "3"}, "after_line"),
        ({"after_line": True}, "after_line"),
        ({"after_line": None}, "after_line"),
        ({"job_id": "nope"}, "job_id"),
        ({"job_id": None}, "job_id"),
        ({"timeout": float("nan")}, "timeout"),
    ],
)
def test_invalid_after_line_is_refused(client: FluxbaseClient, server: LocalServer, options: dict[str, Any], says: str) -> None:
    """The server would return all lines. Nothing is sent."""
    given: dict[str, Any] = {"job_id": JOB_ID, **options}

    _, error = client.jobs.logs(**given)

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert server.requests == []
