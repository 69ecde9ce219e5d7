"""A `Job`: what it has, how it reads the server's text, and what kind of value it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, cast

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidResponse, Job
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, LINES, job, pickle_round_trip, recorded


def read(client: FluxbaseClient, server: LocalServer, **changes: Any) -> Job:
    """The job that the client makes of a body."""
    server.answer(Answer(200, job(**changes)))
    return client.jobs.get(JOB_ID).unwrap()


def test_has_every_wire_field_under_its_name(client: FluxbaseClient, server: LocalServer) -> None:
    """What needs no decoding is there as it came."""
    told = recorded("lifecycle", "poll: completed").json()
    plain = {key: value for key, value in told.items() if key not in {"payload", "result", "progress"} and not key.endswith("_at")}

    found = read(client, server, **told)

    assert {key: getattr(found, key) for key in plain} == plain
    assert len(plain) >= 12


@pytest.mark.parametrize(
    "name", ["created_at", "scheduled_at", "started_at", "last_progress_at", "completed_at", "estimated_completion_at"]
)
def test_moments_are_aware_datetimes(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """With any offset and up to nine digits of a second."""
    first = getattr(read(client, server, **{name: "2030-01-02T03:04:05.123456123+02:00"}), name)
    second = getattr(read(client, server, **{name: "2030-01-02T03:04:05Z"}), name)

    assert first == datetime(2030, 1, 2, 1, 4, 5, 123456, tzinfo=UTC)
    assert second == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert first.utcoffset() is not None


def test_a_moment_without_an_offset_is_no_job(client: FluxbaseClient, server: LocalServer) -> None:
    """It could mean anything, so it is not read as some moment."""
    server.answer(Answer(200, job(started_at="2030-01-02T03:04:05")))

    _, error = client.jobs.get(JOB_ID)

    assert isinstance(error, InvalidResponse)
    assert "started_at" in error.message


@pytest.mark.parametrize("name", ["payload", "result", "progress"])
def test_decodes_json_text(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """Payload, result and progress are values; the text that was sent is kept beside them."""
    found = read(client, server, **{name: '{"a": [1, 2.5, null, "grün"]}'})

    assert getattr(found, name) == {"a": [1, 2.5, None, "grün"]}
    assert getattr(found, f"{name}_text") == '{"a": [1, 2.5, null, "grün"]}'


@pytest.mark.parametrize("text", ["plain words", "", "{", "NaN", "[" * 100_000, "1 2"])
def test_text_that_is_no_json_comes_back_as_text(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """A row written by another hand is no reason to fail."""
    found = read(client, server, payload=text, result=text, progress=text)

    assert (found.payload, found.result, found.progress) == (text, text, text)
    assert (found.payload_text, found.progress_percent, found.progress_message, found.progress_data) == (text, None, None, None)


@pytest.mark.parametrize(("text", "value"), [("null", None), ("7", 7), ('"text"', "text"), ("[1]", [1]), ("true", True)])
def test_json_that_is_no_object_is_decoded_too(client: FluxbaseClient, server: LocalServer, text: str, value: object) -> None:
    """Today's servers send objects only; others may not."""
    found = read(client, server, result=text, progress=text)

    assert (found.result, found.progress, found.progress_percent) == (value, value, None)


@settings(max_examples=50)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_reads(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """Whatever stands in a text field, the job is readable, in all its properties."""
    found = read(client, server, payload=text, result=text, progress=text, status=text, error_message=text)

    assert (found.payload_text, found.status, found.error) == (text, text, text)
    assert text == found.payload_text
    assert found.is_terminal == (text in {"completed", "failed", "cancelled", "interrupted"})
    assert repr(found)


def test_reads_progress_where_only_progress_was_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """A list sends no fields of its own for percent, message and data."""
    found = read(client, server, progress='{"percent": 140, "message": "on", "data": {"row": 3}}', progress_percent=None)

    assert (found.progress_percent, found.progress_message, found.progress_data) == (140, "on", {"row": 3})


def test_prefers_the_progress_fields_of_their_own(client: FluxbaseClient, server: LocalServer) -> None:
    """Where the server sent both, its own reading counts, zero included."""
    found = read(
        client,
        server,
        progress='{"percent": 1, "message": "x", "data": {"x": 1}}',
        progress_percent=0,
        progress_message="m",
        progress_data={"row": 3},
    )

    assert (found.progress_percent, found.progress_message, found.progress_data) == (0, "m", {"row": 3})


def test_progress_of_another_shape_is_no_progress(client: FluxbaseClient, server: LocalServer) -> None:
    """Percent as text, a message as number: None rather than a wrong type."""
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
def test_says_whether_it_has_ended(client: FluxbaseClient, server: LocalServer, status: str, *, terminal: bool) -> None:
    """The status is open text; an unknown one is not final."""
    found = read(client, server, status=status)

    assert (found.status, found.is_terminal, found.succeeded) == (status, terminal, status == "completed")


def test_error_is_the_servers_message(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded failure: the server's only words are `exit status 1`."""
    found = read(client, server, **recorded("failures", "boom: failed").json())

    assert (found.status, found.error, found.error_message, found.succeeded) == ("failed", "exit status 1", "exit status 1", False)


def test_ignores_what_a_newer_server_adds(client: FluxbaseClient, server: LocalServer) -> None:
    """Unknown keys do no harm; `logs` and `payload_text` are ours and not read from the wire."""
    found = read(client, server, style="red", nested={"a": [1]}, logs=[1, 2], payload_text="x", is_terminal="no", result="{}")

    assert (found.logs, found.payload_text, found.is_terminal) == (None, job()["payload"], True)
    assert not hasattr(found, "style")


def test_missing_optional_keys_are_none(client: FluxbaseClient, server: LocalServer) -> None:
    """The server leaves out what is empty."""
    needed = {"id", "namespace", "job_name", "status", "priority", "max_retries", "retry_count", "created_at"}
    body = {key: value for key, value in job().items() if key in needed}
    server.answer(Answer(200, body))

    found = client.jobs.get(JOB_ID).unwrap()

    names = ["payload", "result", "progress", "payload_text", "result_text", "progress_text", "error", "logs", "job_function_id"]
    names += ["progress_percent", "progress_message", "progress_data", "worker_id", "created_by", "user_name", "scheduled_at", "started_at"]
    assert {name: getattr(found, name) for name in names} == dict.fromkeys(names)


@pytest.mark.parametrize("key", ["id", "namespace", "job_name", "status", "priority", "max_retries", "retry_count", "created_at"])
def test_a_job_without_a_required_key_is_refused_by_name(client: FluxbaseClient, server: LocalServer, key: str) -> None:
    """The error names the key and keeps the answer."""
    body = job(**{key: None})
    server.answer(Answer(200, body, {"x-request-id": "r-1"}))

    result = client.jobs.get(JOB_ID)

    assert isinstance(result.error, InvalidResponse)
    assert key in result.error.message
    assert (result.error.status, result.error.request_id, result.meta.status) == (200, "r-1", 200)
    assert f'"{body["worker_id"]}"' in result.error.details


def test_shows_neither_payload_nor_result(client: FluxbaseClient, server: LocalServer) -> None:
    """A job's repr is fit for logs, also after its values were used."""
    found = read(client, server, payload='{"pin": "tiger"}', result='{"pin": "tiger"}', progress='{"percent": 7, "message": "tiger"}')
    assert found.payload == found.result

    for shown in (repr(found), str(found), f"{found}", repr([found])):
        assert "tiger" not in shown
        assert JOB_ID in shown
        assert "echo" in shown
        assert "completed" in shown


@pytest.mark.parametrize("name", ["status", "payload", "result", "progress_percent", "logs", "error", "style", "is_terminal"])
def test_cannot_be_changed(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """No field can be set or deleted, before and after its first use."""
    found = read(client, server)

    for _ in range(2):
        with pytest.raises(AttributeError):
            setattr(found, name, "x")
        with pytest.raises(AttributeError):
            delattr(found, name)
        getattr(found, name, None)


def test_is_equal_by_value_and_hashable_by_id(client: FluxbaseClient, server: LocalServer) -> None:
    """Two readings of one state are equal; two states of one job differ and share a hash."""
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
def test_survives_a_pickle_and_a_copy(
    client: FluxbaseClient, server: LocalServer, copied: Callable[[Job], Job], *, include_logs: bool
) -> None:
    """With its values, its texts and its log, as it is sent between processes."""
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


def test_a_field_of_another_type_is_named(client: FluxbaseClient, server: LocalServer) -> None:
    """The error says where and what, and keeps the body."""
    server.answer(Answer(200, job(priority="high")))

    _, error = client.jobs.get(JOB_ID)

    assert isinstance(error, InvalidResponse)
    assert "$.priority" in error.message
    assert '"high"' in error.details
