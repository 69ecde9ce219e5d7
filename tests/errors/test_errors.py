"""Errors: how error bodies are read, and what all error values have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import fluxbase_jobs
import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, NotAllowedInState, RateLimited
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.recordings import APRIL, FAULTS, LIMITS, MARCH, Exchange
from tests.support.sample_responses import JOB_ID, pickle_round_trip, recorded
from tests.support.servers.local_server import Answer, LocalServer

BASES: Final = {
    "FluxbaseError": "Exception",
    "InvalidInput": "FluxbaseError",
    "ConnectionFailed": "FluxbaseError",
    "RequestTimeout": "FluxbaseError",
    "InvalidResponse": "FluxbaseError",
    "Rejected": "FluxbaseError",
    "AuthenticationFailed": "Rejected",
    "PermissionDenied": "Rejected",
    "NotFound": "Rejected",
    "Conflict": "Rejected",
    "PayloadTooLarge": "Rejected",
    "Unprocessable": "Rejected",
    "RateLimited": "Rejected",
    "NotAllowedInState": "Rejected",
    "ServerFailed": "FluxbaseError",
    "JobFailed": "FluxbaseError",
    "JobCancelled": "FluxbaseError",
    "ResultLost": "FluxbaseError",
    "ResultMismatch": "FluxbaseError",
    "WaitTimeout": "FluxbaseError",
}
"""The error classes and their base classes."""


def error_of(client: FluxbaseClient, server: LocalServer, answer: Answer) -> FluxbaseError:
    """The error value for a response."""
    server.answer(answer)
    error = client.jobs.get(JOB_ID).error
    assert error is not None
    return error


def recorded_answer(exchange: Exchange) -> Answer:
    """The recorded response."""
    return Answer(exchange.status, exchange.body, exchange.response_headers)


RECORDED: Final[list[tuple[tuple[str, str, str], dict[str, Any]]]] = [
    (
        ("submit_validation", "namespace 'nope'", MARCH),
        {"kind": "NotFound", "message": "Job function not found", "code": None, "details": {"job": "echo"}},
    ),
    (
        ("submit_validation", "admin-only function", APRIL),
        {
            "kind": "PermissionDenied",
            "message": "Insufficient permissions",
            "details": {"required_roles": ["admin"], "user_role": "authenticated"},
        },
    ),
    (
        ("lifecycle", "cancel a completed job", APRIL),
        {"kind": "NotAllowedInState", "message": "Job cannot be cancelled", "job_status": "completed", "details": {"status": "completed"}},
    ),
    (
        ("auth_tokens", "signin with a wrong password", APRIL),
        {"kind": "AuthenticationFailed", "message": "Invalid email or password", "code": "INVALID_CREDENTIALS"},
    ),
    (
        ("submit_validation", "over 1 MB", MARCH),
        {
            "kind": "PayloadTooLarge",
            "message": "Payload Too Large: Request body exceeds maximum size of 1.0 MB for API endpoints",
            "code": "PAYLOAD_TOO_LARGE",
            "hint": "Reduce size of your request body or use chunked upload for large files",
            "details": {"endpoint_type": "API", "max_bytes": 1048576},
        },
    ),
    (
        ("idempotency", "parallel", MARCH),
        {
            "kind": "Conflict",
            "code": "IDEMPOTENCY_REQUEST_IN_PROGRESS",
            "hint": "Please wait and retry in a few seconds",
            "retryable": True,
        },
    ),
    (("idempotency", "same key, other body", APRIL), {"kind": "Unprocessable", "code": "IDEMPOTENCY_REQUEST_BODY_MISMATCH"}),
    (("idempotency", "key too long", APRIL), {"kind": "Rejected", "code": "IDEMPOTENCY_KEY_TOO_LONG"}),
    (
        ("database_down", "get while the database is down", FAULTS),
        {"kind": "ServerFailed", "message": "Unable to verify token status", "code": "service_unavailable", "retryable": True},
    ),
    (
        ("rate_limited", "limited get", LIMITS),
        {
            "kind": "RateLimited",
            "message": "Rate limit exceeded: API rate limit exceeded. Maximum 100 requests per minute allowed.",
            "code": "RATE_LIMIT_EXCEEDED",
            "retry_after": 60.0,
            "retryable": True,
        },
    ),
    (
        ("jobs_disabled_in_config", "list", LIMITS),
        {"kind": "NotFound", "message": "Not Found", "details": {"path": "/api/v1/jobs"}},
    ),
]


@pytest.mark.parametrize(("exchange", "expected"), RECORDED, ids=[" / ".join(exchange) for exchange, _ in RECORDED])
def test_recorded_errors_are_read(
    client: FluxbaseClient, server: LocalServer, exchange: tuple[str, str, str], expected: dict[str, Any]
) -> None:
    """Message, code, hint, details and request id of each of the five body shapes."""
    example = recorded(*exchange)

    error = error_of(client, server, recorded_answer(example))

    fields = {"kind": type(error).__name__, **vars(error)}
    assert {name: fields[name] for name in expected} == expected
    assert (error.status, error.request_id, error.attempts) == (example.status, example.response_headers["x-request-id"], 1)
    assert error.retryable == expected.get("retryable", False)
    assert error.message


MADE_UP: Final[list[tuple[int, Any, dict[str, Any]]]] = [
    (401, {"error": "token_revoked", "message": "Token has been revoked"}, {"message": "Token has been revoked", "code": "token_revoked"}),
    (
        401,
        {
            "error": "Service role token has been revoked",
            "error_code": "token_revoked",
            "revocation_reason": "emergency_revocation",
        },
        {"message": "Service role token has been revoked", "code": "token_revoked"},
    ),
    (500, {"error": "Internal Server Error", "code": 500}, {"message": "Internal Server Error", "code": 500}),
    (503, {"error": "Feature is not enabled", "code": "FEATURE_DISABLED", "feature_key": "app.jobs.enabled"}, {"code": "FEATURE_DISABLED"}),
    (400, {"message": "only a message"}, {"message": "only a message"}),
    (500, {"error": "x", "details": "raw words"}, {"details": "raw words"}),
    (500, {"error": "x", "request_id": "r-9"}, {"request_id": "r-9"}),
    (404, {"error": {"nested": "words"}}, {"code": None, "hint": None}),
    (404, {"error": 5, "message": [], "code": [], "hint": {}, "request_id": 7}, {"code": None, "hint": None, "request_id": None}),
    (404, {"error": "", "message": ""}, {"code": None}),
    (400, "plain words", {"code": None, "message": "the server answered 400: plain words", "details": "plain words"}),
    (400, {"error": 5}, {"details": {"error": 5}}),
    (400, {"error": True, "hint": 7}, {"hint": None, "details": {"error": True, "hint": 7}}),
    (502, "<Error><Message>no upstream</Message></Error>", {"message": "the server answered 502: no upstream"}),
    (502, "<Error><Code>7</Code></Error>", {"details": "<Error><Code>7</Code></Error>"}),
    (400, {"error": "invalid_grant", "error_description": "used up"}, {"message": "used up", "code": "invalid_grant"}),
    (403, {"error": "Forbidden", "detail": "quota"}, {"message": "Forbidden: quota", "details": {"detail": "quota"}}),
    (502, {"fault": {"faultstring": "quota", "detail": {"errorcode": "x"}}}, {"message": "the server answered 502: quota"}),
    (502, '{"error": "\\ud800"}', {"details": '{"error": "\\ud800"}'}),
    (502, b"\x1f\x8b\x00", {"details": None}),
    (502, "no upstream\r\n\tin the rack", {"message": "the server answered 502: no upstream in the rack"}),
    (502, {"errors": [{"why": {"message": "no upstream"}}]}, {"message": "the server answered 502: no upstream"}),
]


@pytest.mark.parametrize(("status", "body", "expected"), MADE_UP)
def test_unrecorded_error_bodies_are_read(
    client: FluxbaseClient, server: LocalServer, status: int, body: Any, expected: dict[str, Any]
) -> None:
    """An integer code, wrong types and empty bodies included: there is always a message."""
    error = error_of(client, server, Answer(status, body))

    assert {name: getattr(error, name) for name in expected} == expected
    assert error.message
    assert error.status == status


def test_plain_text_is_quoted_in_the_message(client: FluxbaseClient, server: LocalServer) -> None:
    """The server's HTTP library responds with plain text; its beginning is quoted."""
    error = error_of(client, server, Answer(431, "Request Header Fields Too Large " + "x" * 5000, {"content-type": "text/plain"}))

    assert "Request Header Fields Too Large" in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text/plain; charset=ISO-8859-1", "größe".encode("latin-1"), "größe"),
        ('text/html; charset="windows-1252"', "<title>5 € used up</title>".encode("cp1252"), "5 € used up"),
        ("text/plain;charset=utf-16", "größe".encode("utf-16"), "größe"),
        ("application/json; charset=iso-8859-1", '{"error": {"message": "größe"}}'.encode("latin-1"), "größe"),
        ("text/plain; charset=iso-8859-1", "größe".encode(), "größe"),
        ("text/plain; charset=iso-what", b"gr\xf6sse", "gr\ufffdsse"),
    ],
)
def test_an_error_may_be_in_another_character_set(client: FluxbaseClient, server: LocalServer, kind: str, body: bytes, words: str) -> None:
    """Old gateways have one; UTF-8 is read as such, whatever its type says."""
    error = error_of(client, server, Answer(403, body, {"content-type": kind}))

    assert error.message == f"the server answered 403: {words}"
    assert words in str(error.details)


def test_request_id_comes_from_the_header(client: FluxbaseClient, server: LocalServer) -> None:
    """The header takes precedence over the body."""
    error = error_of(client, server, Answer(500, {"error": "x", "request_id": "of the body"}, {"x-request-id": "of the header"}))

    assert error.request_id == "of the header"


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("7", {}, 7.0),
        (" 7 ", {}, 7.0),
        ("7, 9", {}, 9.0),
        ("0", {"retry_after": 60}, 0.0),
        (None, {"retry_after": 60}, 60.0),
        (None, {"retry_after": 1.5}, 1.5),
        (None, {"retry_after": "1.5"}, 1.5),
        ("soon", {"retry_after": 60}, 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", {}, 0.0),
        ("Thu, 01 Jan 1970 00:00:00 -0000", {}, 0.0),
        (None, {}, None),
        ("-5", {}, 0.0),
        ("\u0667", {}, None),
        (None, {"retry_after": -1}, 0.0),
        (None, {"retry_after": "soon"}, None),
        (None, {"retry_after": None}, None),
        (None, [], None),
    ],
)
def test_retry_after_in_seconds_date_or_body(
    client: FluxbaseClient, server: LocalServer, header: str | None, body: Any, seconds: float | None
) -> None:
    """None if the response says nothing."""
    raw = {} if header is None else {"retry-after": header.encode().decode("latin-1")}

    error = error_of(client, server, Answer(429, body, raw))

    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.retryable) == (seconds, True)


def test_retry_after_date_counts_from_the_response(client: FluxbaseClient, server: LocalServer) -> None:
    """From the time at which the response arrived."""
    moment = datetime.now(UTC) + timedelta(hours=1)

    error = error_of(client, server, Answer(429, {}, {"retry-after": format_datetime(moment, usegmt=True)}))

    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert 3000 < error.retry_after <= 3600


dates = st.from_regex(r"(Mon, )?[0-9]{1,3} Jan [0-9]{1,25} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3} ([+-][0-9]{1,25}|GMT)", fullmatch=True)
texts = st.text(st.characters(min_codepoint=33, max_codepoint=126))


@settings(max_examples=100)
@given(header=dates | texts | st.integers(0).map(str), number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
@example(header="Mon, 01 Jan 99999999999999999999 00:00:00 GMT", number=0)
@example(header="Mon, 01 Jan 2024 00:00:00 +99999999999999999", number=0)
@example(header="9" * 400, number=0)
@example(header="", number=10**400)
def test_any_retry_after_is_read(client: FluxbaseClient, server: LocalServer, header: str, number: float) -> None:
    """The value is None or a number of seconds that is not negative."""
    error = error_of(client, server, Answer(429, {"retry_after": number}, {"retry-after": header}))

    assert isinstance(error, RateLimited)
    assert error.retry_after is None or error.retry_after >= 0


def classes() -> dict[str, type[FluxbaseError]]:
    """The error classes of the package by name."""
    exported = {name: getattr(fluxbase_jobs, name) for name in fluxbase_jobs.__all__}
    return {name: kind for name, kind in exported.items() if isinstance(kind, type) and issubclass(kind, FluxbaseError)}


def test_error_classes_and_their_bases() -> None:
    """Each class has the documented base, and there are no others."""
    assert {name: kind.__mro__[1].__name__ for name, kind in classes().items()} == BASES
    assert issubclass(fluxbase_jobs.InvalidInput, ValueError)


FIELDS: Final[dict[str, Any]] = {
    "code": "CODE",
    "status": 418,
    "request_id": "r-1",
    "hint": "try tea",
    "details": {"pot": [1, None]},
    "retryable": True,
    "attempts": 3,
    "job_id": JOB_ID,
}


def make_error(kind: type[FluxbaseError]) -> FluxbaseError:
    """An error of this class with a value in every field."""
    error = kind("no coffee", **FIELDS)
    if isinstance(error, RateLimited):
        error.retry_after = 7.5
    if isinstance(error, NotAllowedInState):
        error.job_status = "running"
    return error


COPIES: Final[list[Callable[[FluxbaseError], FluxbaseError]]] = [pickle_round_trip, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("copied", COPIES)
def test_errors_can_be_pickled_and_copied(name: str, copied: Callable[[FluxbaseError], FluxbaseError]) -> None:
    """With all fields."""
    error = make_error(classes()[name])

    again = copied(error)

    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert vars(error).items() >= {"message": "no coffee", **FIELDS}.items()
    assert (str(again), repr(again), again.args) == (str(error), repr(error), error.args)


@pytest.mark.parametrize("name", BASES)
def test_errors_are_true_and_have_a_message(name: str) -> None:
    """`if error:` works. The text includes the hint, but not the details, which may be anything."""
    error = make_error(classes()[name])

    assert error
    assert bool(classes()[name](""))
    assert str(error) == "no coffee (try tea)"
    assert repr(error) == f"{name}('no coffee', code='CODE', status=418, job_id='{JOB_ID}')"
    with pytest.raises(FluxbaseError, match="no coffee"):
        raise error


@pytest.mark.parametrize("name", BASES)
def test_only_the_message_is_required(name: str) -> None:
    """All other fields have a default."""
    error = classes()[name]("no coffee")

    known = {**dict.fromkeys(FIELDS), "retryable": False, "attempts": 0}
    assert {field: getattr(error, field) for field in known} == known
    assert (str(error), repr(error)) == ("no coffee", f"{name}('no coffee')")
