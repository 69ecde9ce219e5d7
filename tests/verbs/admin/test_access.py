"""`client.admin.jobs`: who may, how it is reached, and that both styles say the same."""

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
from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, recorded
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

each_era = pytest.mark.parametrize("era", [MARCH, APRIL])


def refusal(label: str, era: str) -> Answer:
    """A recorded refusal of the admin scenario."""
    exchange = recorded("admin", label, era)
    return Answer(exchange.status, exchange.body, exchange.response_headers)


def ask(client: FluxbaseClient, verb: str, **options: Any) -> Any:
    """The verb's result, with the least that it takes."""
    return getattr(client.admin.jobs, verb)(*VERBS[verb], **options)


def test_every_verb_is_tested_here() -> None:
    """The table holds all public verbs but the iterator."""
    assert {name for name in vars(FluxbaseAdminJobs) if not name.startswith("_")} - {"iterate_jobs"} == set(VERBS)


@each_era
@pytest.mark.parametrize("key", ["sk_live_abc", "pk_live_abc", "fb_tsk_abc", "fbk_abc", lambda: "sk_live_abc"])
def test_a_key_that_is_no_token_is_told_so(connect: Connect, server: LocalServer, key: Any, era: str) -> None:
    """The server does not look at such keys, and says only that something is missing; every verb says what."""
    server.answer(refusal("X-Service-Key on admin", era))
    client = connect(server.url, key)

    for error in [ask(client, verb).error for verb in VERBS]:
        assert isinstance(error, AuthenticationFailed)
        assert error.hint is not None
        assert "need a token" in error.hint
        assert "sk_, pk_, fb_" in error.hint
        assert "abc" not in str(error)


@each_era
def test_a_bad_token_has_no_such_hint(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """It is of the right form."""
    body = {**recorded("admin", "no credentials", era).json(), "error": "Invalid or expired token", "code": "INVALID_TOKEN"}
    server.answer(Answer(401, body))

    error = client.admin.jobs.list_workers().error

    assert isinstance(error, AuthenticationFailed)
    assert error.hint is None


@each_era
def test_users_are_denied(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """The token was good, the role was not."""
    server.answer(refusal("as a user", era))

    for error in [ask(client, verb).error for verb in VERBS]:
        assert isinstance(error, PermissionDenied)
        assert error.code == "INSUFFICIENT_PERMISSIONS"
    assert len(server.requests) == len(VERBS)


def test_every_verb_takes_a_timeout(client: FluxbaseClient, server: LocalServer) -> None:
    """In seconds, for one request; checked before anything is sent."""
    server.answer(Answer(200, {}, delay=0.5))

    assert all(isinstance(ask(client, verb, timeout=-1).error, InvalidInput) for verb in VERBS)
    assert server.requests == []
    assert all(isinstance(ask(client, verb, timeout=0.05).error, RequestTimeout) for verb in VERBS)


def test_can_be_made_from_a_fetch(server: LocalServer) -> None:
    """As the user's verbs can."""
    server.answer(Answer(200, []))

    with FluxbaseFetch(server.url, "eyJ.a-token") as fetch:
        assert FluxbaseAdminJobs(fetch).list_workers().unwrap() == []


def test_what_admins_receive_is_exported() -> None:
    """All names are there, sorted."""
    assert fluxbase_jobs.__all__ == sorted(fluxbase_jobs.__all__)
    assert all(hasattr(fluxbase_jobs, name) for name in fluxbase_jobs.__all__)
