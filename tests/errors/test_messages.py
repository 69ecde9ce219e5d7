"""The texts of errors: what is taken from a body, and how an argument is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, OnBehalfOf

from tests.support.sample_responses import JOB_ID, LINES, job
from tests.support.servers.local_server import Answer, LocalServer

DEEP: Final = '{"error": "too deep", "code": "DEEP", "more": ' + "[" * 600 + "]" * 600 + "}"


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (DEEP, "application/json", "too deep"),
        ("<oops", "text/plain", "<oops"),
        ("one\r\ntwo\tthree", "application/octet-stream", "one two three"),
        ("<html><title>Bad\nGateway</title></html>", "text/html", "Bad Gateway"),
        ('{"error": {"message": "inside"}}', "application/json", "inside"),
        ('["a", "b"]', "application/json", "a; b"),
    ],
)
def test_a_text_in_the_body_is_in_the_message(client: FluxbaseClient, server: LocalServer, body: str, kind: str, text: str) -> None:
    """Wherever it stands."""
    server.answer(Answer(500, body, {"content-type": kind}))

    error = client.jobs.get(JOB_ID).error

    assert error is not None
    assert text in error.message


def test_the_code_of_a_body_that_is_nested_too_deep_is_kept(client: FluxbaseClient, server: LocalServer) -> None:
    """Its texts and numbers are read, the rest is not."""
    server.answer(Answer(422, DEEP))

    error = client.jobs.get(JOB_ID).error

    assert error is not None
    assert error.code == "DEEP"


def test_another_jobs_lines_are_named_as_such(client: FluxbaseClient, server: LocalServer) -> None:
    """So that a reader knows what is wrong with the answer."""
    server.answer(Answer(200, {"logs": [{**LINES[0], "execution_id": str(uuid4())}]}))

    error = client.jobs.logs(JOB_ID).error

    assert error is not None
    assert "it is about another job" in error.message


REFUSED: Final[dict[str, Callable[[FluxbaseClient], Any]]] = {
    "namespace must be text and not empty; got 7": lambda client: client.admin.jobs.get_stats(namespace=7),  # type: ignore[arg-type]  # on purpose
    "on_behalf_of must be a UUID, as text or uuid.UUID; got 'bob'": lambda client: client.jobs.submit("resize", on_behalf_of="bob"),
    "on_behalf_of must be a user's id or an OnBehalfOf": lambda client: client.jobs.submit("resize", on_behalf_of={}),  # type: ignore[arg-type]  # on purpose
    "on_behalf_of.user_id must be a UUID, as text or uuid.UUID; got 'bob'": lambda client: client.jobs.submit(
        "resize", on_behalf_of=OnBehalfOf("bob")
    ),
    "on_behalf_of.user_email must be text and not empty; got ''": lambda client: client.jobs.submit(
        "resize", on_behalf_of=OnBehalfOf(JOB_ID, user_email="")
    ),
    "on_behalf_of.user_role must be text and not empty; got ''": lambda client: client.jobs.submit(
        "resize", on_behalf_of=OnBehalfOf(JOB_ID, user_role="")
    ),
    "priority must be an integer from -2147483648 to 2147483647; got 1.5": lambda client: client.jobs.submit("resize", priority=1.5),  # type: ignore[arg-type]  # on purpose
    "scheduled must be a datetime beside an idempotency_key: a timedelta counts from now, so that each call would be another request": (
        lambda client: client.jobs.submit("resize", scheduled=timedelta(1), idempotency_key="k")
    ),
    "after_line must be an integer from 0 to 2147483647; got -1": lambda client: client.jobs.logs(JOB_ID, after_line=-1),
    "limit must be an integer from 1 to 2147483647; got 0": lambda client: client.jobs.list(limit=0),
    "offset must be an integer from 0 to 2147483647; got -1": lambda client: client.jobs.list(offset=-1),
    "worker_id must be a UUID, as text or uuid.UUID; got 'w'": lambda client: client.admin.jobs.list_jobs(worker_id="w"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_an_argument_is_named(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """And the field of one that has fields, with the rule and what was given."""
    error = REFUSED[text](client).error

    assert type(error) is InvalidInput
    assert error.message == text
    assert server.requests == []


def test_a_user_may_be_named_by_a_uuid(client: FluxbaseClient, server: LocalServer) -> None:
    """As by its text."""
    server.answer(Answer(201, job(status="pending")))

    client.jobs.submit("resize", on_behalf_of=UUID(JOB_ID)).unwrap()

    assert server.requests[0].json()["on_behalf_of"] == {"user_id": JOB_ID}
