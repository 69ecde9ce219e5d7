"""`client.admin.jobs`: authorization, and what all admin verbs have in common."""

from __future__ import annotations

from typing import Any

import fluxbase_jobs
import pytest
from fluxbase_jobs import (
    AuthenticationFailed,
    FluxbaseAdminJobs,
    FluxbaseClient,
    FluxbaseFetch,
    InvalidInput,
    PermissionDenied,
    RequestTimeout,
)

from contract.recordings import APRIL, MARCH
from tests.support.sample_responses import JOB_ID, recorded
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

VERBS: dict[str, tuple[Any, ...]] = {
    "list_jobs": (),
    "get_job": (JOB_ID,),
    "cancel": (JOB_ID,),
    "terminate": (JOB_ID,),
    "retry": (JOB_ID,),
    "resubmit": (JOB_ID,),
    "get_stats": (),
    "list_workers": (),
    "list_namespaces": (),
    "list_functions": (),
    "get_function": ("default", "echo"),
    "delete_function": ("default", "echo"),
    "sync": ([{"name": "a", "code": "b"}],),
}

each_version = pytest.mark.parametrize("version", [MARCH, APRIL])


def refusal(label: str, version: str) -> Answer:
    """A recorded error response of the admin scenario."""
    exchange = recorded("admin", label, version)
    return Answer(exchange.status, exchange.body, exchange.response_headers)


def call_verb(client: FluxbaseClient, verb: str, **options: Any) -> Any:
    """The verb's result, called with its required arguments."""
    return getattr(client.admin.jobs, verb)(*VERBS[verb], **options)


def test_every_verb_is_tested_here() -> None:
    """The table has all public verbs except the iterator."""
    assert {name for name in vars(FluxbaseAdminJobs) if not name.startswith("_")} - {"iterate_jobs"} == set(VERBS)


@each_version
@pytest.mark.parametrize("key", ["sk_live_abc", "pk_live_abc", "fb_tsk_abc", "fbk_abc", lambda: "sk_live_abc"])
def test_key_that_is_not_a_token_has_a_hint(connect: Connect, server: LocalServer, key: Any, version: str) -> None:
    """The server ignores such keys and says that the header is missing; the hint says what is wrong."""
    server.answer(refusal("X-Service-Key on admin", version))
    client = connect(server.url, key)

    for error in [call_verb(client, verb).error for verb in VERBS]:
        assert isinstance(error, AuthenticationFailed)
        assert error.hint is not None
        assert "need a token" in error.hint
        assert "sk_, pk_, fb_" in error.hint
        assert "abc" not in str(error)


@each_version
def test_invalid_token_has_no_hint(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """It has the right form."""
    body = {**recorded("admin", "no credentials", version).json(), "error": "Invalid or expired token", "code": "INVALID_TOKEN"}
    server.answer(Answer(401, body))

    error = client.admin.jobs.list_workers().error

    assert isinstance(error, AuthenticationFailed)
    assert error.hint is None


@each_version
def test_users_are_denied(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """The token is valid, but its role is not sufficient."""
    server.answer(refusal("as a user", version))

    for error in [call_verb(client, verb).error for verb in VERBS]:
        assert isinstance(error, PermissionDenied)
        assert error.code == "INSUFFICIENT_PERMISSIONS"
    assert len(server.requests) == len(VERBS)


def test_every_verb_takes_a_timeout(client: FluxbaseClient, server: LocalServer) -> None:
    """In seconds, for one request, and checked before anything is sent."""
    server.answer(Answer(200, {}, delay=0.5))

    assert all(isinstance(call_verb(client, verb, timeout=-1).error, InvalidInput) for verb in VERBS)
    assert server.requests == []
    assert all(isinstance(call_verb(client, verb, timeout=0.05).error, RequestTimeout) for verb in VERBS)


def test_admin_jobs_can_be_created_from_a_fetch(server: LocalServer) -> None:
    """Like the users' verbs."""
    server.answer(Answer(200, []))

    with FluxbaseFetch(server.url, "eyJ.a-token") as fetch:
        assert FluxbaseAdminJobs(fetch).list_workers().unwrap() == []


def test_admin_models_are_exported() -> None:
    """All names are there, and sorted."""
    assert fluxbase_jobs.__all__ == sorted(fluxbase_jobs.__all__)
    assert all(hasattr(fluxbase_jobs, name) for name in fluxbase_jobs.__all__)
