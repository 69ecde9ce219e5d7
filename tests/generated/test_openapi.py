"""openapi.yaml agrees with the recorded exchanges of two real servers, in both directions and without gaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import openapi_spec_validator
import pytest

from contract.recordings import Exchange
from contract import openapi_document
from contract import recordings
from contract.openapi_document import Description

SHARED: Final = Path(__file__).parents[3] / "shared" / "wire"

DOCUMENT: Final = openapi_document.load()
STRICT: Final = Description(DOCUMENT, strict=True)
LOOSE: Final = Description(DOCUMENT, strict=False)

NOT_DESCRIBED: Final = {
    "recorded-2026-03 / submit_validation / unknown route": "no such route",
    "recorded-2026-03 / submit_validation / DELETE a job": "no such route",
    "recorded-2026-03 / credentials / create a client key": "client keys are no part of this client",
    "recorded-2026-04 / submit_validation / unknown route": "no such route",
    "recorded-2026-04 / submit_validation / DELETE a job": "no such route",
    "recorded-2026-04 / credentials / create a client key": "client keys are no part of this client",
    "recorded-2026-03-faults / database_down / health while the database is down": "health is no part of this client",
}
"""Exchanges that match no operation of the document, and why."""

ACCEPTED_ALTHOUGH_INVALID: Final = {
    "recorded-2026-03 / list_filters / list ?limit=abc&offset=xyz": "integers; other text counts as absent",
    "recorded-2026-03 / list_filters / list ?limit=1.5": "an integer; other text counts as absent",
    "recorded-2026-03 / list_filters / list ?include_result=1&limit=1": "a boolean; other text counts as false",
    "recorded-2026-03 / list_filters / list ?include_result=True&limit=1": "a boolean; other text counts as false",
    "recorded-2026-03 / progress_and_logs / logs ?after_line=abc": "an integer; other text counts as absent",
    "recorded-2026-04 / list_filters / list ?limit=abc&offset=xyz": "integers; other text counts as absent",
    "recorded-2026-04 / list_filters / list ?limit=1.5": "an integer; other text counts as absent",
    "recorded-2026-04 / list_filters / list ?include_result=1&limit=1": "a boolean; other text counts as false",
    "recorded-2026-04 / list_filters / list ?include_result=True&limit=1": "a boolean; other text counts as false",
    "recorded-2026-04 / progress_and_logs / logs ?after_line=abc": "an integer; other text counts as absent",
}
"""Requests with a 2xx response although the document has another type for a parameter."""

WITHOUT_RECORDED_SUCCESS: Final = {
    "admin_retry_job": "recorded on a cancelled job only",
    "admin_cancel_job_short": "recorded in its long form",
    "admin_terminate_job_short": "recorded in its long form",
    "admin_retry_job_short": "not recorded",
    "admin_resubmit_job_short": "recorded in its long form",
}
"""Operations without a recorded success, which the document describes from the server's behaviour in its source."""

SHORT_FORM: Final = "_short"
"""The suffix of an operation that is another one under a shorter path, with the same handler in the server."""

RECORDED_ELSEWHERE: Final = {("admin_retry_job", 500): "retry_job"}
"""Failures that were seen on both servers, but recorded for another operation that does the same."""

DEPARTURES: Final = (
    "/paths/~1api~1v1~1jobs/get",
    "/components/schemas/JobPage",
    "/components/schemas/Job/properties/payload",
    "/components/schemas/Job/properties/result",
    "/components/schemas/Job/properties/progress",
    "/components/schemas/Job/properties/error_message",
    "/components/schemas/SubmitJobRequest/properties/payload",
    "/components/schemas/SubmitJobRequest/properties/scheduled_at",
    "/components/parameters/JobId",
    "/paths/~1api~1v1~1jobs~1{job_id}~1retry/post",
    "/paths/~1api~1v1~1jobs~1{job_id}~1logs/get",
)
"""Differences between the document and the official TypeScript SDK's page."""

JOB: Final = """{"id": "7", "namespace": "default", "job_name": "echo", "status": "pending", "priority": 0, "max_retries": 0,
"retry_count": 0, "created_at": "2026-11-23T17:44:03.755783Z"}"""


def _response_violations(exchange: Exchange) -> list[str]:
    operation = STRICT.operation_of(exchange)
    return list(STRICT.response_violations(operation, exchange)) if operation else []


def _request_violations(exchange: Exchange) -> list[str]:
    operation = LOOSE.operation_of(exchange)
    return list(LOOSE.request_violations(operation, exchange)) if operation and exchange.succeeded else []


def _exchange(recording: str, scenario: str, label: str) -> Exchange:
    found = (each for each in recordings.load(recording) if (each.scenario, each.label) == (scenario, label))
    return next(found)


def test_document_is_valid_openapi() -> None:
    """The document is valid OpenAPI 3.1."""
    openapi_spec_validator.validate(DOCUMENT)


@pytest.mark.parametrize("recording", recordings.RECORDINGS)
def test_every_recorded_response_is_described(recording: str) -> None:
    """Status, headers, content type and body, including every key."""
    violations = [(each.name, violation) for each in recordings.load(recording) for violation in _response_violations(each)]
    assert violations == []


def test_every_accepted_request_is_described_or_listed() -> None:
    """Each request with a 2xx response is valid, except for the listed ones, which are not."""
    refused = {each.name for each in recordings.every_exchange() if _request_violations(each)}
    assert refused == set(ACCEPTED_ALTHOUGH_INVALID)


def test_only_listed_exchanges_belong_to_no_operation() -> None:
    """Every exchange matches an operation, except for the listed ones, which match none."""
    unmatched = {each.name for each in recordings.every_exchange() if STRICT.operation_of(each) is None}
    assert unmatched == set(NOT_DESCRIBED)


def test_every_operation_has_a_recorded_success_or_is_listed() -> None:
    """The listed ones have none."""
    succeeded = (STRICT.operation_of(each) for each in recordings.every_exchange() if each.succeeded)
    operations = {operation.name for operation in succeeded if operation}
    assert {each.name for each in STRICT.operations} - operations == set(WITHOUT_RECORDED_SUCCESS)


def _recorded_failures() -> set[tuple[str, int]]:
    """Each operation and 5xx in the recordings; a recording of a long form counts for its short form, too."""
    failed = [(STRICT.operation_of(each), each.status) for each in recordings.every_exchange() if each.status >= 500]
    failures = {(operation.name, status) for operation, status in failed if operation}
    failures |= {(name, status) for (name, status), other in RECORDED_ELSEWHERE.items() if (other, status) in failures}
    names = {each.name for each in STRICT.operations}
    return failures | {(name + SHORT_FORM, status) for name, status in failures if name + SHORT_FORM in names}


def _declared_failures() -> dict[tuple[str, int], Any]:
    """The description of each operation's 5xx."""
    responses = {(each.name, status): response for each in STRICT.operations for status, response in each.responses.items()}
    return {(name, int(status)): response for (name, status), response in responses.items() if status.startswith("5")}


def test_only_recorded_5xx_are_described() -> None:
    """An operation declares a 5xx if, and only if, a recording has it; there are no ranges and defaults."""
    assert set(_declared_failures()) == _recorded_failures()
    assert {status for each in STRICT.operations for status in each.responses if not status.isdigit()} == set()


def test_described_failures_cite_their_recordings() -> None:
    """Each 5xx names exchanges with this status, of this operation or of its long form."""
    recorded = {(each.recording, each.scenario, each.label): each for each in recordings.every_exchange()}
    for (name, status), response in _declared_failures().items():
        cited = [recorded[each["recording"], each["scenario"], each["label"]] for each in response["x-evidence"]]
        shown = {(operation.name, each.status) for each in cited if (operation := STRICT.operation_of(each))}
        long_form = name.removesuffix(SHORT_FORM)
        assert shown == {(RECORDED_ELSEWHERE.get((long_form, status), long_form), status)}


def _violations_with(**changes: Any) -> str:
    """The violations in a recorded response after these changes."""
    honest = _exchange(recordings.MARCH, "lifecycle", "poll: completed")
    assert _response_violations(honest) == []
    return "; ".join(_response_violations(replace(honest, **changes)))


def test_undescribed_status_is_a_violation() -> None:
    """A status that the operation does not have."""
    assert _violations_with(status=418) == "status 418 is not described"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (JOB.replace('"id"', '"identity"'), "'identity' was unexpected"),
        (JOB.replace('"id"', '"identity"'), "'id' is a required property"),
        (JOB.replace('"priority": 0', '"priority": "0"'), "'0' is not of type 'integer'"),
        (JOB.replace("T", " "), "is not a 'date-time'"),
        ("", "the body is no JSON"),
    ],
)
def test_changed_body_is_a_violation(body: str, fault: str) -> None:
    """A body that differs from the description in one point."""
    assert fault in _violations_with(body=body)
    assert _violations_with(body=JOB) == ""


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({"x-request-id": "1", "content-type": "text/html"}, "a body of type text/html is not described"),
        ({"x-request-id": "1", "content-type": "application/json", "x-style": "red"}, "header x-style is not described"),
        ({"x-request-id": "1", "content-type": "application/json", "x-ratelimit-reset": "soon"}, "'soon' is not of type 'integer'"),
        ({"content-type": "application/json"}, "header x-request-id is missing"),
    ],
)
def test_changed_header_is_a_violation(headers: dict[str, str], fault: str) -> None:
    """Headers that are missing, not described or not of their type."""
    assert fault in _violations_with(response_headers=headers)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('{"payload": {}}', "'job_name' is a required property"),
        ('{"job_name": "echo", "payload": [1]}', "[1] is not of type 'object', 'null'"),
        ('{"job_name": "echo", "scheduled_at": "2030-01-02"}', "is not a 'date-time'"),
        (None, "the body is no JSON"),
    ],
)
def test_changed_request_is_a_violation(body: str | None, fault: str) -> None:
    """A request body that the document does not allow."""
    honest = _exchange(recordings.MARCH, "lifecycle", "submit")
    assert _request_violations(honest) == []
    assert fault in "; ".join(_request_violations(replace(honest, request_body=body)))


def test_evidence_points_to_recorded_exchanges() -> None:
    """Each `x-evidence` is a list of exchanges that exist."""
    recorded = {(each.recording, each.scenario, each.label) for each in recordings.every_exchange()}
    for place, node in openapi_document.walk(DOCUMENT):
        if place.endswith("/x-evidence"):
            cited = {(each["recording"], each["scenario"], each["label"]) for each in node}
            assert cited, place
            assert cited <= recorded, place


@pytest.mark.parametrize("place", DEPARTURES)
def test_departures_from_the_official_page_cite_evidence(place: str) -> None:
    """An exchange shows each difference to the official page."""
    assert "x-evidence" in dict(openapi_document.walk(DOCUMENT))[place]


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf", "allOf", "discriminator"])
def test_every_body_decodes_into_one_class(keyword: str) -> None:
    """No schema is a union of classes, which cannot be decoded in one step."""
    places = (place for place, _ in openapi_document.walk(DOCUMENT))
    assert [place for place in places if place.endswith(f"/{keyword}")] == []


def test_unknown_keys_are_never_forbidden() -> None:
    """A newer server may send more keys; only this test is strict."""
    nodes = dict(openapi_document.walk(DOCUMENT))
    assert [place for place, node in nodes.items() if place.endswith("/additionalProperties") and node is False] == []


@pytest.mark.parametrize("recording", recordings.RECORDINGS)
def test_copies_equal_the_shared_recordings(recording: str) -> None:
    """The recordings in this repository are unchanged copies."""
    if not SHARED.is_dir():
        pytest.skip("no shared recordings beside this clone")
    file = f"{recording}.json"
    assert (recordings.FOLDER / file).read_bytes() == (SHARED / file).read_bytes()
