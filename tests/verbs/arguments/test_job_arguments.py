"""What several verbs share: a job in place of its id, jobs of one user, known statuses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, InvalidInput, Job

from tests.support.sample_responses import JOB_ID, job, page
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

USER: Final = "0c5f7a0e-1111-4222-8333-444444444444"
BY_JOB: Final[dict[str, Callable[[FluxbaseClient, Any], Any]]] = {
    "get": lambda client, given: client.jobs.get(given),
    "get with its log": lambda client, given: client.jobs.get(given, include_logs=True),
    "cancel": lambda client, given: client.jobs.cancel(given),
    "retry": lambda client, given: client.jobs.retry(given),
    "resubmit": lambda client, given: client.jobs.resubmit(given),
    "logs": lambda client, given: client.jobs.logs(given),
    "wait": lambda client, given: client.jobs.wait(given),
    "watch": lambda client, given: list(client.jobs.watch(given)),
    "tail": lambda client, given: next(client.jobs.tail(given)),
    "wait_many": lambda client, given: list(client.jobs.wait_many([given])),
    "admin get_job": lambda client, given: client.admin.jobs.get_job(given),
    "admin cancel": lambda client, given: client.admin.jobs.cancel(given),
    "admin terminate": lambda client, given: client.admin.jobs.terminate(given),
    "admin retry": lambda client, given: client.admin.jobs.retry(given),
    "admin resubmit": lambda client, given: client.admin.jobs.resubmit(given),
}


@pytest.mark.parametrize("verb", BY_JOB)
def test_a_job_is_taken_for_its_id(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """By every verb that is about a job."""
    server.answer(Answer(200, job()))
    known = client.jobs.get(JOB_ID).unwrap()
    server.requests.clear()
    server.answer(Answer(404, {"error": "Job not found"}))

    BY_JOB[verb](client, known)

    assert f"/{JOB_ID}" in server.requests[0].path


def test_a_job_without_a_real_id_is_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """Its id goes into a path. No answer makes one; a program may."""
    server.answer(Answer(200, job()))
    known = Job.from_any({**client.jobs.get(JOB_ID).unwrap().to_dict(), "id": "../admin"})

    assert isinstance(client.jobs.cancel(known).error, InvalidInput)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["done", "Failed", "", 5, ["failed"]])
def test_unknown_statuses_are_refused(client: FluxbaseClient, server: LocalServer, status: Any) -> None:
    """By all lists: the server would find nothing. The message names those there are."""
    errors = [
        client.jobs.list(status=status).error,
        next(client.jobs.iterate(status=status)).error,
        client.admin.jobs.list_jobs(status=status).error,
        next(client.admin.jobs.iterate_jobs(status=status)).error,
    ]

    assert all(isinstance(error, InvalidInput) and "interrupted" in error.message for error in errors)
    assert server.requests == []


def token(**claims: Any) -> str:
    """A JWT with these claims."""
    return f"eyJ.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


DEEP: Final = f"eyJ.{base64.urlsafe_b64encode(b'[' * 3000).decode()}.x"


def rows(first: int, last: int, **changes: Any) -> list[dict[str, Any]]:
    """Jobs of a list."""
    return [job(id=str(UUID(int=number)), payload=None, **changes) for number in range(first, last)]


MIXED: Final = Answer(200, page(*rows(0, 2, created_by=None), *rows(2, 4, created_by=USER), *rows(4, 6, created_by=JOB_ID)))


@pytest.mark.parametrize("created_by", [USER, USER.upper(), UUID(USER), "me"])
def test_the_jobs_of_one_user(connect: Connect, server: LocalServer, created_by: Any) -> None:
    """Filtered by the client: the server has no such filter."""
    server.answer(MIXED)
    client = connect(server.url, token(sub=USER))

    listed = [each.id for each in client.jobs.list(created_by=created_by, limit=3).unwrap()]
    iterated = [result.unwrap().id for result in client.jobs.iterate(created_by=created_by)]

    assert listed == iterated == [str(UUID(int=number)) for number in (2, 3)]
    assert all("created_by" not in request.query for request in server.requests)


def test_filters_of_the_client_go_together(connect: Connect, server: LocalServer) -> None:
    """With each other, and with those of the server."""
    server.answer(Answer(200, page(*rows(0, 2, created_by=USER, namespace="media"), *rows(2, 4, created_by=USER), *rows(4, 6))))

    found = connect(server.url).jobs.list(created_by=USER, namespace="default", status="failed").unwrap()

    assert [each.id for each in found] == [str(UUID(int=number)) for number in (2, 3)]
    assert server.requests[0].query["status"] == "failed"


def test_who_me_is_can_be_asked_at_each_call(connect: Connect, server: LocalServer) -> None:
    """The key may be a function."""
    server.answer(MIXED)

    assert len(connect(server.url, lambda: token(sub=USER)).jobs.list(created_by="me").unwrap()) == 2


@pytest.mark.parametrize(
    "key", ["sk_a-key", "fbk_a-key", None, "eyJ.a-token", token(sub="service_role"), token(role="anon"), token(sub=7), DEEP]
)
def test_a_key_without_a_user_has_no_me(connect: Connect, server: LocalServer, key: Any) -> None:
    """An error with a hint, and nothing is sent; the key is not quoted."""
    client = connect(server.url, key)

    for error in (client.jobs.list(created_by="me").error, next(client.jobs.iterate(created_by="me")).error):
        assert isinstance(error, InvalidInput)
        assert error.message.startswith("created_by")
        assert error.hint
        assert key is None or key not in str(error)
    assert server.requests == []


@pytest.mark.parametrize("created_by", ["", "ada", 5, True])
def test_refuses_what_is_no_user(client: FluxbaseClient, server: LocalServer, created_by: Any) -> None:
    """By name."""
    error = client.jobs.list(created_by=created_by).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("created_by")
    assert server.requests == []


def test_a_user_without_jobs_ends_after_twenty_pages(connect: Connect, server: LocalServer) -> None:
    """With an error that points to iterate."""
    table = rows(0, 2200)
    starts = [max(0, number * 100 - 1) for number in range(22)]
    server.answer(*(Answer(200, page(*table[start : start + 100 + (start > 0)])) for start in starts))

    error = connect(server.url).jobs.list(created_by=USER, namespace="default").error

    assert isinstance(error, FluxbaseError)
    assert f"match namespace 'default' and created_by {USER!r}, a filter" in error.message
    assert "iterate" in str(error)
    assert len(server.requests) == 20
