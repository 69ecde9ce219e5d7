"""What the verbs say that know more than one answer of the server: the whole message, and the hint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from operator import itemgetter
from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, PollPolicy, Submission, SyncFunction

from contract.recordings import APRIL
from tests.support.sample_responses import JOB_ID, job, recorded
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

Call = Callable[[FluxbaseClient], Any]

FAILED: Final = Answer(500, {"error": "Failed", "code": "F1"}, {"x-request-id": "r-1"})
NO: Final = Answer(403, {"error": "no"})
NOT_FOUND: Final = Answer(404, {"error": "Job not found"})
UNAUTHORIZED: Final = Answer(401, {"error": "Invalid or expired token"})
TOKEN_REFUSED: Final = Answer(401, {"error": "Invalid or expired refresh token"})
DOWN: Final = Answer(503, {"error": "the server is down"})
CREATED: Final = Answer(201, job(status="pending", result=None))
QUICK: Final = PollPolicy(initial=0.01, maximum=0.01)
UNSURE: Final = (
    "is the id right? April 2026 servers may also answer so for a job that exists, until they are restarted: call jobs.list to make sure"
)
RESUBMIT: Final = f"jobs.resubmit('{JOB_ID}') queues a new job like it"
WAIT: Final = f"jobs.wait('{JOB_ID}') waits for its end"


def found(**changes: Any) -> Answer:
    """A job."""
    return Answer(200, job(**changes))


def sync(client: FluxbaseClient) -> Any:
    """A verified sync of two functions."""
    return client.admin.jobs.sync([SyncFunction(name=name, code="1") for name in ("first", "second")], namespace="reports", verify=True)


def synced() -> Answer:
    """The answer to it."""
    body = recorded("admin", "sync", APRIL).json()
    return Answer(200, {**body, "details": {"created": ["first"], "updated": ["second"], "deleted": []}})


def stored(name: str, code: str) -> Answer:
    """A function with its code."""
    return Answer(200, {**recorded("admin", "GET /functions/default/echo").json(), "namespace": "reports", "name": name, "code": code})


def error_of(given: Any) -> FluxbaseError:
    """The error of a result, or of the last item of an iterator, which may be a pair."""
    last = given if hasattr(given, "error") else [*given][-1]
    result = last if hasattr(last, "error") else last[1]
    assert isinstance(result.error, FluxbaseError)
    return result.error


EXPLAINED: Final[list[tuple[Call, Answer, str, str | None]]] = [
    (lambda client: client.jobs.cancel(JOB_ID), found(), "the job cannot be cancelled: it is completed already", None),
    (
        lambda client: client.jobs.retry(JOB_ID),
        found(status="pending"),
        "the job cannot be retried: it is pending, and only failed jobs can",
        WAIT,
    ),
    (
        lambda client: client.jobs.retry(JOB_ID),
        found(status="running"),
        "the job cannot be retried: it is running, and only failed jobs can",
        WAIT,
    ),
    (
        lambda client: client.jobs.retry(JOB_ID),
        found(status="cancelled"),
        "the job cannot be retried: it is cancelled, and only failed jobs can",
        RESUBMIT,
    ),
    (
        lambda client: client.jobs.retry(JOB_ID),
        found(status="failed", retry_count=2, max_retries=2),
        "the job cannot be retried: no retries left, 2 of 2 used",
        RESUBMIT,
    ),
    (
        lambda client: client.admin.jobs.terminate(JOB_ID),
        found(status="pending"),
        "the job cannot be terminated: it is pending, and only running jobs can",
        None,
    ),
    (
        lambda client: client.admin.jobs.resubmit(JOB_ID),
        NOT_FOUND,
        "there is no job with this id to resubmit (the server answers that with 500)",
        UNSURE,
    ),
    (
        lambda client: client.admin.jobs.delete_function("reports", "first"),
        NOT_FOUND,
        "there is no function 'first' in the namespace 'reports' (the server answers that with 500)",
        None,
    ),
]


@pytest.mark.parametrize("case", EXPLAINED, ids=itemgetter(2))
def test_a_bare_500_is_explained(client: FluxbaseClient, server: LocalServer, case: tuple[Call, Answer, str, str | None]) -> None:
    """By a second request; what the server itself said is in the error all the same."""
    call, second, message, hint = case
    server.answer(FAILED, second)

    error = error_of(call(client))

    assert (error.message, error.hint) == (message, hint)
    assert (error.status, error.code, error.request_id, error.details) == (500, "F1", "r-1", "Failed")
    assert (error.attempts, error.retryable) == (2, False)
    assert error.job_id == (None if "function" in message else JOB_ID)


LONGER: Final[list[tuple[Call, list[Answer], str]]] = [
    (lambda client: client.jobs.retry(JOB_ID), [Answer(200, {"message": "ok"}), DOWN], "the retry was accepted, but the job"),
    (sync, [synced(), NO], "the sync was made, but the function 'first'"),
    (sync, [synced(), stored("first", "1"), DOWN], "the sync was made, but the function 'second'"),
]


@pytest.mark.parametrize(("call", "answers", "done"), LONGER)
def test_what_was_done_is_said_though_it_cannot_be_read_back(
    client: FluxbaseClient, server: LocalServer, call: Call, answers: list[Answer], done: str
) -> None:
    """So the call must not be tried again, whatever the failure of the second request."""
    server.answer(*answers)

    error = error_of(call(client))

    assert error.message.startswith(f"{done} could not be read back: ")
    assert (error.status, error.retryable) == (answers[-1].status, False)


def test_lost_code_is_named(client: FluxbaseClient, server: LocalServer) -> None:
    """Each function without any, with the way around it, and what the sync reported."""
    server.answer(synced(), stored("first", ""), Answer(200, stored("second", "").body, {"x-request-id": "r-3"}))

    error = error_of(sync(client))

    assert error.message == (
        "the server confirmed the sync, but stored empty code for 'first', 'second' in the namespace 'reports': their jobs will fail with "
        "'Job function has no code'"
    )
    assert error.hint == (
        "April 2026 servers lose the code of every sync; there, put the files into the server's own folder and use from_server_folder"
    )
    assert (error.status, error.attempts, error.details.details.created) == (200, 3, ["first"])


@pytest.mark.parametrize(
    ("second", "message", "hint"),
    [
        (TOKEN_REFUSED, "Invalid or expired token", "the tokens could not be refreshed: Invalid or expired refresh token"),
        (
            DOWN,
            "the server answered 503 with 31 bytes of application/json",
            "this happened while the tokens were refreshed after a 401; the refresh token was not refused",
        ),
    ],
    ids=["refused", "down"],
)
def test_a_401_says_what_became_of_the_refresh(connect: Connect, server: LocalServer, second: Answer, message: str, hint: str) -> None:
    """The refresh token was refused, or the refresh failed for another reason; `meta` is that of the 401."""
    server.answer(UNAUTHORIZED, second)

    result = connect(server.url, "eyJ.a", refresh_token="r1").jobs.get(JOB_ID)

    assert result.error is not None
    assert (result.error.message, result.error.hint) == (message, hint)
    assert (result.error.job_id, result.meta.status, result.meta.attempts) == (JOB_ID, 401, 1)


@pytest.mark.parametrize(("key", "hint"), [(None, "the client was made without a key"), ("eyJ.a", None)])
def test_a_401_without_a_refresh_token(connect: Connect, server: LocalServer, key: Any, hint: str | None) -> None:
    """Says that there was no key; of a key there is nothing more to say."""
    server.answer(UNAUTHORIZED)

    result = connect(server.url, key).jobs.get(JOB_ID)

    assert result.error is not None
    assert (result.error.message, result.error.hint) == ("Invalid or expired token", hint)
    assert (result.meta.status, result.meta.attempts) == (401, 1)


PAIRS: Final[list[Any]] = [("resize", {}), ("resize",)]
ARGUMENTS: Final[list[tuple[Call, str, str | None]]] = [
    (
        lambda client: client.jobs.list(created_by="me"),
        "created_by='me' needs a key that is a user's token",
        "a service key, a client key and a service role's token belong to no user: pass the user's id as created_by",
    ),
    (
        lambda client: client.jobs.submit_many(PAIRS),
        "items[1] must be a tuple of a job name and a payload, or a Submission",
        None,
    ),
    (
        lambda client: client.jobs.submit_many([Submission("resize", scheduled=timedelta(1))], batch_key="k"),
        "scheduled must be a moment where there is a batch_key: a timedelta means another one in each run",
        None,
    ),
    (lambda client: client.jobs.wait(JOB_ID, poll=1), "poll must be a PollPolicy", None),  # type: ignore[arg-type]  # on purpose
    (lambda client: client.jobs.wait(JOB_ID, on_progress=1), "on_progress must be a function or None; got 1", None),  # type: ignore[arg-type]  # on purpose
    (lambda client: client.jobs.wait(JOB_ID, cancel_on_timeout=1), "cancel_on_timeout must be True or False; got 1", None),  # type: ignore[arg-type]  # on purpose
    (lambda client: client.jobs.wait(JOB_ID, cancel_on_exit=1), "cancel_on_exit must be True or False; got 1", None),  # type: ignore[arg-type]  # on purpose
    (lambda client: client.jobs.tail(JOB_ID, to_logger="root"), "to_logger must be a logging.Logger", None),  # type: ignore[arg-type]  # on purpose
    (lambda client: client.jobs.wait_many(["x"]), "job_ids must be a UUID, as text or uuid.UUID; got 'x'", None),
    (lambda client: client.jobs.wait_many([JOB_ID], causes=1), "causes must be True or False; got 1", None),  # type: ignore[arg-type]  # on purpose
    (lambda client: client.jobs.define("resize", dict, dict).read(7), "job must be a Job; got 7", None),  # type: ignore[arg-type]  # on purpose
]


@pytest.mark.parametrize(("call", "message", "hint"), ARGUMENTS)
def test_an_argument_is_refused_with_the_rule(
    client: FluxbaseClient, server: LocalServer, call: Call, message: str, hint: str | None
) -> None:
    """As an error value, in the place of the result."""
    server.answer(CREATED)

    error = error_of(call(client))

    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize("status", ["cancelled", "interrupted"])
def test_a_job_that_did_not_complete_is_named(client: FluxbaseClient, server: LocalServer, status: str) -> None:
    """With its last status."""
    server.answer(CREATED, found(status=status))

    error = error_of(client.jobs.run("resize", poll=QUICK))

    assert (error.message, error.job_id) == (f"job {JOB_ID} was {status}", JOB_ID)


@pytest.mark.parametrize(("answer", "hint"), [(Answer(200, {"message": "ok"}), "it was cancelled"), (NO, "it could not be cancelled: no")])
def test_a_timeout_says_whether_the_job_was_cancelled(client: FluxbaseClient, server: LocalServer, answer: Answer, hint: str) -> None:
    """Where it should be."""
    server.answer(found(status="running", result=None), answer)

    error = error_of(client.jobs.wait(JOB_ID, timeout=0.5, poll=PollPolicy(initial=9), cancel_on_timeout=True))

    assert (error.message, error.hint) == (f"job {JOB_ID} was running after 0.5 s", hint)
