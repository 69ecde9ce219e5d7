"""`jobs.resubmit`: a new job like an ended one."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, NotAllowedInState, NotFound, PayloadTooLarge

from tests.support.sample_responses import JOB_ID, job, page
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.servers.server_under_test import wait_for_end

NEW_ID = JOB_ID[:-1] + "2"
NEW = Answer(201, job(id=NEW_ID, status="pending"))
TEXT = '{"a": 12345678901234567890, "b": 0.10000000000000000001, "c": 1.0, "ü": [null]}'


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "interrupted"])
def test_sends_the_stored_payload_as_it_is(client: FluxbaseClient, server: LocalServer, status: str) -> None:
    """Byte for byte, so that no number changes; with name, namespace and priority, and nothing else."""
    old = job(status=status, job_name="resize", namespace="media", priority=7, payload=TEXT, scheduled_at="2026-01-01T00:00:00Z")
    server.answer(Answer(200, old), NEW)

    result = client.jobs.resubmit(JOB_ID)

    assert result.unwrap().id == NEW_ID
    assert server.request_lines == [f"GET /api/v1/jobs/{JOB_ID}", "POST /api/v1/jobs/submit"]
    sent = server.requests[1]
    assert f'"payload":{TEXT}'.encode() in sent.body
    assert {**sent.json(), "payload": 0} == {"job_name": "resize", "namespace": "media", "priority": 7, "payload": 0}
    assert len(sent.headers["idempotency-key"]) >= 20
    assert result.meta.attempts == 2


def test_a_job_is_read_again_whatever_is_known_of_it(client: FluxbaseClient, server: LocalServer) -> None:
    """One from a list has no payload."""
    server.answer(Answer(200, job(payload=None, status="running")), Answer(200, job(payload='{"n": 1}')), NEW)
    known = client.jobs.get(JOB_ID).unwrap()

    client.jobs.resubmit(known, idempotency_key="again-7").unwrap()

    assert server.requests[2].json()["payload"] == {"n": 1}
    assert server.requests[2].headers["idempotency-key"] == "again-7"


def test_a_job_without_payload_has_none(client: FluxbaseClient, server: LocalServer) -> None:
    """Nothing is sent for it."""
    server.answer(Answer(200, job(payload=None)), NEW)

    client.jobs.resubmit(JOB_ID).unwrap()

    assert "payload" not in server.requests[1].json()


@pytest.mark.parametrize("status", ["pending", "running", "a status of tomorrow"])
def test_only_ended_jobs(client: FluxbaseClient, server: LocalServer, status: str) -> None:
    """The error names the state."""
    server.answer(Answer(200, job(status=status)))

    result = client.jobs.resubmit(JOB_ID)

    assert isinstance(result.error, NotAllowedInState)
    assert status in result.error.message
    assert (result.error.job_status, result.error.job_id, result.error.attempts) == (status, JOB_ID, 1)
    assert len(server.requests) == 1


def test_a_payload_of_the_maximum_fits_again(client: FluxbaseClient, server: LocalServer) -> None:
    """PostgreSQL stores it with blanks, which are left out where they make it too large; numbers stay as they are."""
    text = '{"a": 12345678901234567890, "b": [' + ", ".join(["1.0"] * 240_000) + "]}"
    server.answer(Answer(200, job(job_name="echo", namespace="media", priority=7, payload=text)), NEW)

    client.jobs.resubmit(JOB_ID, idempotency_key="again-7").unwrap()

    sent = server.requests[1]
    assert len(sent.body) <= 1_048_576
    assert text.replace(" ", "").encode() in sent.body
    assert {**sent.json(), "payload": 0} == {"job_name": "echo", "namespace": "media", "priority": 7, "payload": 0}
    assert sent.headers["idempotency-key"] == "again-7"


def test_a_payload_that_just_fits_is_sent_as_it_is(client: FluxbaseClient, server: LocalServer) -> None:
    """Blanks are left out where the request is larger than the server takes, not before."""
    frame = len(b'{"job_name":"echo","payload":{"a": ""},"namespace":"default","priority":0}')
    text = '{"a": "' + "x" * (1_048_576 - frame) + '"}'
    server.answer(Answer(200, job(job_name="echo", namespace="default", priority=0, payload=text)), NEW)

    client.jobs.resubmit(JOB_ID).unwrap()

    assert len(server.requests[1].body) == 1_048_576
    assert text.encode() in server.requests[1].body


@pytest.mark.parametrize("text", ["[1]", "plain text", '{"a":', "5.25"])
def test_a_payload_that_is_no_object_is_not_sent(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """Nor quoted."""
    server.answer(Answer(200, job(payload=text)))

    _, error = client.jobs.resubmit(JOB_ID)

    assert isinstance(error, InvalidInput)
    assert error.message == f"job {JOB_ID} cannot be submitted again: its stored payload is no JSON object"
    assert len(server.requests) == 1


@pytest.mark.parametrize(("answers", "kind"), [([Answer(404, {})], NotFound), ([Answer(200, job()), Answer(413, {})], PayloadTooLarge)])
def test_errors_are_those_of_the_server(client: FluxbaseClient, server: LocalServer, answers: list[Answer], kind: type[Exception]) -> None:
    """Of the reading or of the submit."""
    server.answer(*answers)

    result = client.jobs.resubmit(JOB_ID)

    assert isinstance(result.error, kind)
    assert result.error is not None
    assert result.error.attempts == len(answers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"job": "nope"}, "job must be a UUID, as text or uuid.UUID; got 'nope'"),
        (
            {"job": JOB_ID, "idempotency_key": "two words"},
            "idempotency_key must be 1 to 256 visible ASCII characters without blanks",
        ),
    ],
)
def test_refuses_bad_arguments(client: FluxbaseClient, server: LocalServer, options: dict[str, Any], message: str) -> None:
    """The argument is named as the caller knows it, and nothing is sent."""
    error = client.jobs.resubmit(**options).error

    assert isinstance(error, InvalidInput)
    assert error.message == message
    assert server.requests == []


def test_a_failed_job_without_retries_runs_again(live_client: FluxbaseClient) -> None:
    """On real servers, where `retry` refuses it."""
    old = wait_for_end(live_client, live_client.jobs.submit("boom", {"n": 1.5}, priority=3).unwrap().id)
    assert isinstance(live_client.jobs.retry(old).error, NotAllowedInState)

    new = live_client.jobs.resubmit(old).unwrap()

    assert new.id != old.id
    assert (new.job_name, new.namespace, new.priority, live_client.jobs.get(new).unwrap().payload) == ("boom", old.namespace, 3, {"n": 1.5})


def test_a_job_that_the_server_denies_is_read_again(client: FluxbaseClient, server: LocalServer) -> None:
    """April 2026 servers deny jobs that exist; the list, which shows them, has no payloads."""
    ended, denied = Answer(200, job()), Answer(404, {"error": "Job not found"})
    server.answer(ended, denied, Answer(200, page(job())), denied, ended, NEW)
    client.jobs.get(JOB_ID).unwrap()

    result = client.jobs.resubmit(JOB_ID)

    assert (result.unwrap().id, result.meta.false_not_found) == (NEW_ID, 2)
