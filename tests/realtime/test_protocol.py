"""The frames of the WebSocket, as they were recorded from both servers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fluxbase_jobs._realtime import protocol
from fluxbase_jobs._realtime.protocol import Acknowledged, JobChanged, LineLogged, Refused

from contract.recordings import realtime_sessions

SESSIONS = [(recording, name) for recording in ("2026-03", "2026-04", "2026-04-enabled") for name in realtime_sessions(recording)]
JOB = {
    "id": "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11",
    "namespace": "default",
    "job_name": "steps",
    "status": "running",
    "priority": 0,
    "max_retries": 0,
    "retry_count": 0,
    "created_at": "2026-11-23T17:50:37.324333+00:00",
}


def received(recording: str, session: str) -> list[Any]:
    """The events of a recorded session."""
    frames = realtime_sessions(recording)[session]
    return [event for frame in frames if frame["from"] == "server" for event in protocol.read(frame["frame"])]


def sent(recording: str, session: str) -> list[Any]:
    """What the recorder sent."""
    return [json.loads(frame["frame"]) for frame in realtime_sessions(recording)[session] if frame["from"] == "client"]


def change(**changes: Any) -> str:
    """A change frame."""
    record = {**JOB, **changes}
    return json.dumps({"type": "postgres_changes", "payload": {"type": "UPDATE", "schema": "jobs", "table": "queue", "record": record}})


@pytest.mark.parametrize(("recording", "session"), SESSIONS)
def test_every_recorded_frame_is_understood(recording: str, session: str) -> None:
    """Each frame of the server is one event, however many come in one message."""
    frames = [frame["frame"] for frame in realtime_sessions(recording)[session] if frame["from"] == "server"]
    lines = [json.loads(line) for frame in frames for line in frame.splitlines() if line.strip()]

    assert len(received(recording, session)) == len([line for line in lines if line["type"] != "heartbeat"])


@pytest.mark.parametrize("recording", ["2026-03", "2026-04-enabled"])
def test_a_change_is_the_job_as_http_sends_it(recording: str) -> None:
    """With the progress as text, the function's id by its name, and moments with a time zone."""
    changes = [event.job for event in received(recording, "all my jobs: one steps job") if isinstance(event, JobChanged)]

    assert [job.status for job in changes[::2]] == ["pending", "running", "running", "running", "running", "completed"]
    assert [job.progress_percent for job in changes[::2]] == [None, None, 33, 66, 100, 100]
    assert changes[-1].progress_message == "step 3"
    assert changes[-1].progress_data == {"of": 3, "step": 3}
    assert changes[-1].job_function_id
    assert changes[-1].completed_at is not None
    assert changes[-1].completed_at.tzinfo is not None
    assert (changes[-1].result, changes[-1].payload) == (None, None)


@pytest.mark.parametrize("recording", ["2026-03", "2026-04", "2026-04-enabled"])
def test_log_lines_have_their_number(recording: str) -> None:
    """The server's own line is the first one."""
    lines = [event for event in received(recording, "one job by id with its logs") if isinstance(event, LineLogged)]

    assert [event.line.line_number for event in lines] == list(range(1, len(lines) + 1))
    assert lines[0].line.message == "Created execution log subscription"
    assert lines[1].line.message == "step 1 of 3"
    assert {event.job_id for event in lines} == {lines[0].line.execution_id}


def test_acks_say_what_they_are_for() -> None:
    """The changes of some jobs, or one log: matched by what they say, as frames come in any order."""
    first, second, *_ = received("2026-03", "one job by id with its logs")
    job_id = sent("2026-03", "one job by id with its logs")[1]["config"]["execution_id"]

    assert isinstance(first, Acknowledged)
    assert first.job_ids == {job_id}
    assert first.subscription_id
    assert isinstance(second, Acknowledged)
    assert second.log_of == job_id


def test_refusals_keep_the_servers_text() -> None:
    """A table that is not enabled, and a log of somebody else."""
    assert received("2026-04", "all my jobs: one steps job") == [Refused("table jobs.queue not enabled for realtime")]
    assert received("2026-03", "logs of a job that is not mine") == [Refused("execution not found")]


def test_questions_are_those_that_were_recorded() -> None:
    """One job by its id, and its log."""
    changes, log = sent("2026-03", "one job by id with its logs")
    job_id = log["config"]["execution_id"]

    assert json.loads(protocol.subscribe([job_id])) == changes
    assert json.loads(protocol.subscribe_log(job_id)) == log
    assert json.loads(protocol.subscribe(["b", "a"]))["config"]["filter"] == "id=in.(a,b)"


def test_several_frames_in_one_message_are_all_read() -> None:
    """With line breaks between them, blanks, or nothing."""
    message = (
        change(status="running") + "\n" + change(status="completed") + "  " + change(status="failed") + change(status="pending") + "\n"
    )

    assert [event.job.status for event in protocol.read(message) if isinstance(event, JobChanged)] == [
        "running",
        "completed",
        "failed",
        "pending",
    ]
    assert [type(event) for event in protocol.read(message.encode())] == [JobChanged] * 4


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "[]",
        "17",
        '{"type": "heartbeat"}',
        '{"type": "new kind", "payload": {}}',
        '{"type": "postgres_changes", "payload": {"table": "queue", "record": {"id": 7}}}',
        '{"type": "postgres_changes", "payload": {"table": "other", "record": {}}}',
        '{"type": "execution_log", "payload": {"execution_id": "x", "line_number": "y"}}',
        '{"type": "execution_log", "payload": []}',
        '{"type": "ack", "payload": {"unsubscribed": true}}',
        "[" * 100_000,
    ],
)
def test_what_is_unknown_or_unreadable_is_passed_over(message: str) -> None:
    """A newer server may send more, and a broken frame must not end the socket's reader."""
    assert list(protocol.read(message)) == []


def test_a_token_stands_in_no_repr() -> None:
    """It is only in the frame itself."""
    assert json.loads(protocol.access_token("eyJ.secret")) == {"type": "access_token", "token": "eyJ.secret"}
    assert "secret" not in repr(list(protocol.read(protocol.access_token("eyJ.secret"))))
