"""`jobs.submit`: what is sent, what is refused, and what is returned."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from fluxbase_jobs import Conflict, FluxbaseClient, InvalidInput, NotFound, OnBehalfOf, PermissionDenied, Unprocessable
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, job, recorded
from tests.support.servers.local_server import Answer, LocalServer

CREATED = Answer(201, job(status="pending", result=None))


def test_submit_sends_only_given_options(client: FluxbaseClient, server: LocalServer) -> None:
    """Without options the body only has the name. Every submit has a new idempotency key."""
    server.answer(CREATED)

    job, error = client.jobs.submit("resize")
    client.jobs.submit("resize")

    assert error is None
    assert (job.id, job.status) == (JOB_ID, "pending")
    first, second = server.requests
    assert (first.method, first.target) == ("POST", "/api/v1/jobs/submit")
    assert first.json() == {"job_name": "resize"}
    assert first.headers["content-type"] == "application/json"
    assert first.headers["authorization"] == "Bearer eyJ.a-token"
    assert len(first.headers["idempotency-key"]) == 32
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_submit_sends_every_option(client: FluxbaseClient, server: LocalServer) -> None:
    """`scheduled` is sent as scheduled_at in UTC, because the server ignores the name that the TypeScript client uses."""
    server.answer(CREATED)
    user = OnBehalfOf(UUID(JOB_ID), user_email="ada@example.com", user_role="authenticated")
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))

    client.jobs.submit("resize", {"id": 7}, namespace="media", priority=-5, scheduled=moment, on_behalf_of=user, idempotency_key="order-7")

    sent = server.requests[0]
    assert sent.headers["idempotency-key"] == "order-7"
    assert sent.json() == {
        "job_name": "resize",
        "payload": {"id": 7},
        "namespace": "media",
        "priority": -5,
        "scheduled_at": "2030-01-02T01:04:05Z",
        "on_behalf_of": {"user_id": JOB_ID, "user_email": "ada@example.com", "user_role": "authenticated"},
    }


@pytest.mark.parametrize(
    ("scheduled", "sent"),
    [
        ("2030-01-02T03:04:05+02:00", "2030-01-02T01:04:05Z"),
        ("2030-01-02T03:04:05.123456789Z", "2030-01-02T03:04:05.123456Z"),
        (datetime(2030, 1, 2, tzinfo=UTC), "2030-01-02T00:00:00Z"),
    ],
)
def test_scheduled_as_datetime(client: FluxbaseClient, server: LocalServer, scheduled: Any, sent: str) -> None:
    """Sent in UTC and to the microsecond, as the server's database stores it."""
    server.answer(CREATED)

    client.jobs.submit("resize", scheduled=scheduled).unwrap()

    assert server.requests[0].json()["scheduled_at"] == sent


def test_scheduled_as_timedelta(client: FluxbaseClient, server: LocalServer) -> None:
    """Counted from now."""
    server.answer(CREATED)
    before = datetime.now(UTC)

    client.jobs.submit("resize", scheduled=timedelta(hours=1)).unwrap()

    sent = datetime.fromisoformat(server.requests[0].json()["scheduled_at"])
    assert before + timedelta(hours=1) <= sent <= datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("scheduled", "notes"),
    [
        (timedelta(0), ()),
        (datetime(2120, 1, 1, tzinfo=UTC), ()),
        (datetime(2020, 1, 1, tzinfo=UTC), ("scheduled lies in the past: the job runs as soon as a worker takes it",)),
    ],
)
def test_a_moment_in_the_past_is_noted(client: FluxbaseClient, server: LocalServer, scheduled: Any, notes: tuple[str, ...]) -> None:
    """The server takes it, but hardly anybody means it. Now is not the past."""
    server.answer(CREATED)

    assert client.jobs.submit("resize", scheduled=scheduled).meta.notes == notes


@attrs.frozen
class AttrsPoint:
    x: int
    y: list[int]


@dataclasses.dataclass
class DataPoint:
    x: int
    y: list[int]


class StructPoint(msgspec.Struct, rename={"x": "x", "vertical": "y"}):
    x: int
    vertical: list[int]


class PydanticPoint(pydantic.BaseModel):
    x: int
    y: list[int]


@pytest.mark.parametrize(
    "model", [AttrsPoint(1, [2]), DataPoint(1, [2]), StructPoint(1, [2]), PydanticPoint(x=1, y=[2]), {"x": 1, "y": [2]}]
)
def test_models_as_payload(client: FluxbaseClient, server: LocalServer, model: object) -> None:
    """Attrs classes, dataclasses, Structs and pydantic models are sent as objects, also inside one another."""
    server.answer(CREATED)

    client.jobs.submit("resize", model).unwrap()
    client.jobs.submit("resize", {"points": [model]}).unwrap()

    assert [request.json()["payload"] for request in server.requests] == [{"x": 1, "y": [2]}, {"points": [{"x": 1, "y": [2]}]}]


class Tagged(msgspec.Struct, tag=True):
    x: int


def test_tag_of_a_struct_is_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """As msgspec would encode it."""
    server.answer(CREATED)

    client.jobs.submit("resize", Tagged(1)).unwrap()

    assert server.requests[0].json()["payload"] == {"type": "Tagged", "x": 1}


class Unwritable(pydantic.BaseModel):
    """A model whose values are no JSON, bytes that are no text for one."""

    data: bytes = b"\xff"


def test_unencodable_model_is_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """The model's error is an error value."""
    error = client.jobs.submit("resize", {"point": Unwritable()}).error

    assert isinstance(error, InvalidInput)
    assert "payload.point" in error.message
    assert server.requests == []


class Style(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


def test_enums_are_sent_as_their_values(client: FluxbaseClient, server: LocalServer) -> None:
    """Members of string and integer enums."""
    server.answer(CREATED)

    client.jobs.submit("resize", {"style": Style.RED, Style.RED: Size.BIG}).unwrap()

    assert server.requests[0].json()["payload"] == {"style": "red", "red": 3}


CYCLE: dict[str, Any] = {"again": []}
CYCLE["again"] += [CYCLE, CYCLE]


def nested(levels: int) -> dict[str, Any]:
    """An object so many levels deep."""
    made: dict[str, Any] = {"a": 1}
    for _ in range(levels - 1):
        made = {"a": made}
    return made


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ([1], "payload must be a JSON object"),
        ("text", "payload must be a JSON object"),
        (7, "payload must be a JSON object"),
        ({"a": [{"b": math.nan}]}, "payload.a[0].b must be a finite number"),
        ({"a": -math.inf}, "payload.a must be a finite number"),
        ({"a": 2**53}, "payload.a must lie within"),
        ({"a": -(2**53)}, "payload.a must lie within"),
        ({1: "a"}, "payload has a key that is not text"),
        ({"a": {None: 1}}, "payload.a has a key that is not text"),
        ({"a": "x\0y"}, "payload.a must not contain a NUL"),
        ({"a\0": 1}, "must not contain a NUL"),
        ({"a": "\ud800"}, "payload.a must not contain a lone surrogate"),
        ({"a": b"x"}, "payload.a must be JSON"),
        ({"a": {1}}, "payload.a must be JSON"),
        (CYCLE, "payload.again[0] must not contain itself"),
        ({"a": "x" * 1_048_576}, "1,048,576"),
        (object(), "payload must be JSON"),
    ],
)
def test_payloads_that_would_be_changed_are_refused(client: FluxbaseClient, server: LocalServer, payload: Any, says: str) -> None:
    """The error names the path and the rule, and nothing is sent."""
    job, error = client.jobs.submit("resize", payload)

    assert job is None
    assert isinstance(error, InvalidInput)
    assert says in error.message
    assert server.requests == []


def test_payloads_up_to_the_limits_are_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """500 levels, the largest exact integers, and a body of exactly 1,048,576 bytes are within them."""
    server.answer(CREATED)
    frame = len(b'{"job_name":"resize","payload":{"a":""}}')

    client.jobs.submit("resize", nested(500)).unwrap()
    client.jobs.submit("resize", {"a": [2**53 - 1, 1 - 2**53]}).unwrap()
    client.jobs.submit("resize", {"a": "x" * (1_048_576 - frame)}).unwrap()
    _, error = client.jobs.submit("resize", {"a": "x" * (1_048_577 - frame)})

    assert len(server.requests[2].body) == 1_048_576
    assert isinstance(error, InvalidInput)
    assert error.message == "payload makes a request of 1,048,577 bytes; the server takes 1,048,576"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"job_name": ""}, "job_name"),
        ({"job_name": None}, "job_name"),
        ({"job_name": "a\0b"}, "job_name"),
        ({"namespace": ""}, "namespace"),
        ({"namespace": 5}, "namespace"),
        ({"priority": 2**31}, "priority"),
        ({"priority": -(2**31) - 1}, "priority"),
        ({"priority": 1.0}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": "7"}, "priority"),
        ({"scheduled": datetime(2030, 1, 1)}, "scheduled"),  # noqa: DTZ001  # without an offset, on purpose
        ({"scheduled": "2030-01-02T03:04:05"}, "scheduled"),
        ({"scheduled": "2030-01-02"}, "scheduled"),
        ({"scheduled": "20300102T030405Z"}, "scheduled"),
        ({"scheduled": "2030-02-30T03:04:05Z"}, "scheduled"),
        ({"scheduled": "tomorrow"}, "scheduled"),
        ({"scheduled": 1893553445}, "scheduled"),
        ({"scheduled": timedelta.max}, "scheduled"),
        ({"scheduled": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))}, "scheduled"),
        ({"on_behalf_of": "bob"}, "on_behalf_of"),
        ({"on_behalf_of": OnBehalfOf(JOB_ID, user_role="")}, "on_behalf_of.user_role"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "x" * 257}, "idempotency_key"),
        ({"idempotency_key": "grün"}, "idempotency_key"),
        ({"idempotency_key": "a b"}, "idempotency_key"),
        ({"idempotency_key": 5}, "idempotency_key"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "5"}, "timeout"),
    ],
)
def test_invalid_arguments_are_refused(client: FluxbaseClient, server: LocalServer, arguments: dict[str, Any], says: str) -> None:
    """The error names the argument, is a ValueError too, and nothing is sent."""
    given: dict[str, Any] = {"job_name": "resize", **arguments}

    job, error = client.jobs.submit(**given)

    assert job is None
    assert isinstance(error, InvalidInput)
    assert isinstance(error, ValueError)
    assert error.message.startswith(says)
    assert server.requests == []


@pytest.mark.parametrize(
    ("scenario", "label", "kind"),
    [
        ("submit_validation", "job_name 'no-such-job'", NotFound),
        ("submit_validation", "disabled function", PermissionDenied),
        ("submit_validation", "admin-only function", PermissionDenied),
        ("idempotency", "same key, other body", Unprocessable),
    ],
)
def test_recorded_refusals_are_errors(
    client: FluxbaseClient, server: LocalServer, scenario: str, label: str, kind: type[Exception]
) -> None:
    """With the right class and the server's message."""
    response = recorded(scenario, label)
    server.answer(Answer(response.status, response.body, response.response_headers))

    _, error = client.jobs.submit("resize")

    assert type(error) is kind
    assert error is not None
    assert error.status == response.status
    assert response.json()["error"] in error.message
    assert error.request_id == response.response_headers["x-request-id"]


def test_meta_shows_a_replayed_response(client: FluxbaseClient, server: LocalServer) -> None:
    """A repeated key gets the first response."""
    response = recorded("idempotency", "replay")
    server.answer(CREATED, Answer(response.status, response.body, response.response_headers))

    assert not client.jobs.submit("echo", idempotency_key="k").meta.idempotency_replayed
    assert client.jobs.submit("echo", idempotency_key="k").meta.idempotency_replayed


def test_key_in_progress_is_retryable(client: FluxbaseClient, server: LocalServer) -> None:
    """The server responds with 409 while the first request with the key runs."""
    body = {"error": "Request In Progress", "code": "IDEMPOTENCY_REQUEST_IN_PROGRESS", "message": "still running", "hint": "wait"}
    server.answer(Answer(409, body))

    _, error = client.jobs.submit("resize")

    assert isinstance(error, Conflict)
    assert (error.code, error.hint, error.retryable) == ("IDEMPOTENCY_REQUEST_IN_PROGRESS", "wait", True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), json_values))
def test_accepted_payloads_arrive_unchanged(client: FluxbaseClient, server: LocalServer, payload: dict[str, Any]) -> None:
    """A payload is never changed silently: it arrives as it was, or is refused and not sent."""
    server.requests.clear()
    server.answer(CREATED)

    result = client.jobs.submit("resize", payload)

    if result.ok:
        assert server.requests[0].json()["payload"] == payload
    else:
        assert isinstance(result.error, InvalidInput)
        assert "NUL" in result.error.message
        assert server.requests == []
