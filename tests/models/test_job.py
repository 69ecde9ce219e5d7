"""`Job`: its fields, how it decodes JSON text, and its behaviour as a value."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, cast

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidResponse, Job
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, LINES, job, pickle_round_trip, recorded
from tests.support.servers.local_server import Answer, LocalServer


def read(client: FluxbaseClient, server: LocalServer, **changes: Any) -> Job:
    """The job that the client decodes from a body."""
    server.answer(Answer(200, job(**changes)))
    return client.jobs.get(changes.get("id", JOB_ID)).unwrap()


def test_job_has_every_wire_field(client: FluxbaseClient, server: LocalServer) -> None:
    """Fields that need no decoding have the wire's value."""
    wire = recorded("lifecycle", "poll: completed").json()
    plain = {key: value for key, value in wire.items() if key not in {"payload", "result", "progress"} and not key.endswith("_at")}

    found = read(client, server, **wire)

    assert {key: getattr(found, key) for key in plain} == plain
    assert len(plain) >= 12


@pytest.mark.parametrize(
    "name", ["created_at", "scheduled_at", "started_at", "last_progress_at", "completed_at", "estimated_completion_at"]
)
def test_times_are_aware_datetimes(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """With any offset and up to nine digits of a second."""
    first = getattr(read(client, server, **{name: "2030-01-02T03:04:05.123456123+02:00"}), name)
    second = getattr(read(client, server, **{name: "2030-01-02T03:04:05Z"}), name)

    assert first == datetime(2030, 1, 2, 1, 4, 5, 123456, tzinfo=UTC)
    assert second == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert first.utcoffset() is not None


def test_time_without_offset_is_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """It would be ambiguous."""
    server.answer(Answer(200, job(started_at="2030-01-02T03:04:05")))

    _, error = client.jobs.get(JOB_ID)

    assert isinstance(error, InvalidResponse)
    assert "started_at" in error.message


@pytest.mark.parametrize("name", ["payload", "result", "progress"])
def test_json_text_is_decoded(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """Payload, result and progress are values; their text is kept, too."""
    found = read(client, server, **{name: '{"a": [1, 2.5, null, "grün"]}'})

    assert getattr(found, name) == {"a": [1, 2.5, None, "grün"]}
    assert getattr(found, f"{name}_text") == '{"a": [1, 2.5, null, "grün"]}'


@pytest.mark.parametrize("text", ["plain words", "", "{", "NaN", "[" * 100_000, "1 2"])
def test_invalid_json_text_is_returned_as_text(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """A row that something else wrote must not make the job unreadable."""
    found = read(client, server, payload=text, result=text, progress=text)

    assert (found.payload, found.result, found.progress) == (text, text, text)
    assert (found.payload_text, found.progress_percent, found.progress_message, found.progress_data) == (text, None, None, None)


@pytest.mark.parametrize(("text", "value"), [("null", None), ("7", 7), ('"text"', "text"), ("[1]", [1]), ("true", True)])
def test_json_text_may_be_any_value(client: FluxbaseClient, server: LocalServer, text: str, value: object) -> None:
    """Current servers only send objects; others may not."""
    found = read(client, server, result=text, progress=text)

    assert (found.result, found.progress, found.progress_percent) == (value, value, None)


@settings(max_examples=50)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_readable(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """Whatever a text field contains, all properties of the job work."""
    found = read(client, server, payload=text, result=text, progress=text, status=text, error_message=text)

    assert (found.payload_text, found.status, found.error) == (text, text, text)
    assert text == found.payload_text
    assert found.is_terminal == (text in {"completed", "failed", "cancelled", "interrupted"})
    assert repr(found)


def test_progress_fields_come_from_progress(client: FluxbaseClient, server: LocalServer) -> None:
    """A list has no separate fields for percent, message and data."""
    found = read(client, server, progress='{"percent": 140, "message": "on", "data": {"row": 3}}', progress_percent=None)

    assert (found.progress_percent, found.progress_message, found.progress_data) == (140, "on", {"row": 3})


def test_separate_progress_fields_take_precedence(client: FluxbaseClient, server: LocalServer) -> None:
    """Including zero."""
    found = read(
        client,
        server,
        progress='{"percent": 1, "message": "x", "data": {"x": 1}}',
        progress_percent=0,
        progress_message="m",
        progress_data={"row": 3},
    )

    assert (found.progress_percent, found.progress_message, found.progress_data) == (0, "m", {"row": 3})


def test_progress_of_another_shape_is_none(client: FluxbaseClient, server: LocalServer) -> None:
    """A percentage as text or a message as number is None."""
    found = read(client, server, progress='{"percent": "7", "message": 7, "data": [7]}', progress_percent=None)

    assert (found.progress_percent, found.progress_message, found.progress_data) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "terminal"),
    [
        ("pending", False),
        ("running", False),
        ("completed", True),
        ("failed", True),
        ("cancelled", True),
        ("interrupted", True),
        ("paused", False),
        ("Completed", False),
        ("", False),
    ],
)
def test_is_terminal_by_status(client: FluxbaseClient, server: LocalServer, status: str, *, terminal: bool) -> None:
    """The status is an open string; an unknown one is not terminal."""
    found = read(client, server, status=status)

    assert (found.status, found.is_terminal, found.succeeded) == (status, terminal, status == "completed")


def test_error_is_the_error_message(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded failure: the server only says `exit status 1`."""
    found = read(client, server, **recorded("failures", "boom: failed").json())

    assert (found.status, found.error, found.error_message, found.succeeded) == ("failed", "exit status 1", "exit status 1", False)


def test_unknown_keys_are_ignored(client: FluxbaseClient, server: LocalServer) -> None:
    """`logs` and `payload_text` are our own and are not read from the wire."""
    found = read(client, server, style="red", nested={"a": [1]}, logs=[1, 2], payload_text="x", is_terminal="no", result="{}")

    assert (found.logs, found.payload_text, found.is_terminal) == (None, job()["payload"], True)
    assert not hasattr(found, "style")


def test_missing_optional_keys_are_none(client: FluxbaseClient, server: LocalServer) -> None:
    """The server omits empty fields."""
    needed = {"id", "namespace", "job_name", "status", "priority", "max_retries", "retry_count", "created_at"}
    body = {key: value for key, value in job().items() if key in needed}
    server.answer(Answer(200, body))

    found = client.jobs.get(JOB_ID).unwrap()

    names = ["payload", "result", "progress", "payload_text", "result_text", "progress_text", "error", "logs", "job_function_id"]
    names += ["progress_percent", "progress_message", "progress_data", "worker_id", "created_by", "user_name", "scheduled_at", "started_at"]
    assert {name: getattr(found, name) for name in names} == dict.fromkeys(names)


@pytest.mark.parametrize("key", ["id", "namespace", "job_name", "status", "priority", "max_retries", "retry_count", "created_at"])
def test_missing_required_key_is_named(client: FluxbaseClient, server: LocalServer, key: str) -> None:
    """The error keeps the response."""
    body = job(**{key: None})
    server.answer(Answer(200, body, {"x-request-id": "r-1"}))

    result = client.jobs.get(JOB_ID)

    assert isinstance(result.error, InvalidResponse)
    assert key in result.error.message
    assert (result.error.status, result.error.request_id, result.meta.status) == (200, "r-1", 200)
    assert f'"{body["worker_id"]}"' in result.error.details


def test_repr_hides_payload_and_result(client: FluxbaseClient, server: LocalServer) -> None:
    """The repr may be logged, also after the values were read."""
    found = read(client, server, payload='{"pin": "tiger"}', result='{"pin": "tiger"}', progress='{"percent": 7, "message": "tiger"}')
    assert found.payload == found.result

    for shown in (repr(found), str(found), f"{found}", repr([found])):
        assert "tiger" not in shown
        assert JOB_ID in shown
        assert "echo" in shown
        assert "completed" in shown


@pytest.mark.parametrize("name", ["status", "payload", "result", "progress_percent", "logs", "error", "style", "is_terminal"])
def test_job_is_immutable(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """No field can be set or deleted, before and after its first use."""
    found = read(client, server)

    for _ in range(2):
        with pytest.raises(AttributeError):
            setattr(found, name, "x")
        with pytest.raises(AttributeError):
            delattr(found, name)
        getattr(found, name, None)


def test_equality_by_value_and_hash_by_id(client: FluxbaseClient, server: LocalServer) -> None:
    """Two states of one job differ and have the same hash."""
    first, same, later = read(client, server), read(client, server), read(client, server, status="running")
    assert first.payload

    assert first == same
    assert first != later
    assert first != cast("object", JOB_ID)
    assert {first, same, later} == {first, later}
    assert hash(first) == hash(later)


COPIES: Final[list[Callable[[Job], Job]]] = [pickle_round_trip, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("include_logs", [False, True])
@pytest.mark.parametrize("copied", COPIES)
def test_job_can_be_pickled_and_copied(
    client: FluxbaseClient, server: LocalServer, copied: Callable[[Job], Job], *, include_logs: bool
) -> None:
    """With its values, its texts and its log."""
    server.answer(Answer(200, job()), Answer(200, {"logs": LINES, "count": 2}))
    found = client.jobs.get(JOB_ID, include_logs=include_logs).unwrap()

    assert found.payload
    for again in (copied(found), copied(copied(found))):
        assert again == found
        assert type(again) is Job
        assert hash(again) == hash(found)
        assert (again.payload, again.result, again.payload_text) == (found.payload, found.result, found.payload_text)
        assert again.created_at == found.created_at
        assert [str(line) for line in again.logs or []] == (["a", "b"] if include_logs else [])


def test_field_of_another_type_is_named(client: FluxbaseClient, server: LocalServer) -> None:
    """The error says where and what, and keeps the body."""
    server.answer(Answer(200, job(priority="high")))

    _, error = client.jobs.get(JOB_ID)

    assert isinstance(error, InvalidResponse)
    assert "$.priority" in error.message
    assert '"high"' in error.details
