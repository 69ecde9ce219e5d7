"""Retries against a real server that drops, truncates, delays and refuses: what is sent, and what the result is."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import pytest
from fluxbase_jobs import (
    Conflict,
    ConnectionFailed,
    Err,
    FluxbaseClient,
    InvalidInput,
    RateLimited,
    RequestTimeout,
    RetryPolicy,
    ServerFailed,
)

from tests.support.sample_responses import JOB_ID, LINES, job, page
from tests.support.servers.idempotent_server import IdempotentServer
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

FOUND: Final = Answer(200, job())
CREATED: Final = Answer(201, job(status="pending"))
DONE: Final = Answer(200, {"message": "Job cancelled"})
IN_PROGRESS: Final = Answer(409, {"error": "Request In Progress", "code": "IDEMPOTENCY_REQUEST_IN_PROGRESS"})
QUICK: Final = RetryPolicy(first_delay=0.001)
FAULTS: Final = [
    Answer(fault="drop before reading"),
    Answer(fault="drop after reading"),
    Answer(201, job(), fault="half a body"),
    Answer(408, ""),
    Answer(425, ""),
    Answer(429, {"error": "Too many requests"}, {"retry-after": "0"}),
    Answer(502, "<html>"),
    Answer(503, {"error": "service_unavailable", "message": "Unable to verify token status"}),
    Answer(504, "<html>"),
    IN_PROGRESS,
]
VERBS: Final[dict[str, tuple[Callable[[FluxbaseClient], Any], Answer]]] = {
    "submit": (lambda client: client.jobs.submit("resize", {"id": 7}), CREATED),
    "get": (lambda client: client.jobs.get(JOB_ID), FOUND),
    "list": (lambda client: client.jobs.list(), Answer(200, page(job()))),
    "logs": (lambda client: client.jobs.logs(JOB_ID), Answer(200, {"logs": LINES, "count": 2})),
    "cancel": (lambda client: client.jobs.cancel(JOB_ID), DONE),
}


@pytest.fixture
def quick(connect: Connect, server: LocalServer) -> FluxbaseClient:
    """A client that retries without delay."""
    return connect(server.url, "eyJ.a-token", retry=QUICK)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("verb", VERBS)
def test_transient_fault_is_retried(quick: FluxbaseClient, server: LocalServer, verb: str, fault: Answer) -> None:
    """Every verb succeeds, and `meta` counts two attempts."""
    call, answer = VERBS[verb]
    server.answer(fault, answer)

    result = call(quick)

    assert result.ok
    assert result.meta.attempts == 2


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_all_attempts_of_a_submit_are_identical(quick: FluxbaseClient, server: LocalServer, fault: Answer) -> None:
    """With another key the job would run twice, and with another body the server would refuse it."""
    server.answer(fault, fault, CREATED)

    quick.jobs.submit("resize", {"id": 7}).unwrap()

    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1
    assert len({request.body for request in server.requests}) == 1


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_all_attempts_of_cancel_and_retry_have_the_same_key(quick: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """After a dropped connection the server repeats its first response, instead of "already cancelled"."""
    server.answer(Answer(fault="drop after reading"), DONE, FOUND)

    assert getattr(quick.jobs, verb)(JOB_ID).ok
    first, second = server.requests[:2]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_500_of_cancel_and_retry_is_not_retried(quick: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """One POST, and one GET of the job for the reason."""
    server.answer(Answer(500, {"error": "Failed"}), Answer(200, job(status="running")))

    error = getattr(quick.jobs, verb)(JOB_ID).error

    assert error.status == 500
    assert [line.split()[0] for line in server.request_lines] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Answer(fault="drop before reading"), ConnectionFailed),
        (Answer(200, job(), fault="half a body"), ConnectionFailed),
        (Answer(503, "<html>"), ServerFailed),
        (IN_PROGRESS, Conflict),
        (Answer(429, {"error": "Too many requests"}, {"retry-after": "0"}), RateLimited),
    ],
    ids=str,
)
def test_permanent_fault_is_the_error(quick: FluxbaseClient, server: LocalServer, fault: Answer, kind: type[Exception]) -> None:
    """After three attempts, which error and meta count, also when pickled."""
    server.answer(fault)

    result: Err = pickle.loads(pickle.dumps(quick.jobs.submit("resize")))  # noqa: S301  # our own

    assert type(result.error) is kind
    assert (result.error.attempts, result.meta.attempts, result.error.retryable) == (3, 3, True)


@pytest.mark.parametrize("verb", VERBS)
def test_retry_none_is_one_attempt(connect: Connect, server: LocalServer, verb: str) -> None:
    """For one call, or for all calls of a client."""
    server.answer(Answer(503, "<html>"))

    result = VERBS[verb][0](connect(server.url, retry=None))
    again = connect(server.url, retry=QUICK).jobs.get(JOB_ID, retry=None)

    assert (result.error.attempts, again.meta.attempts, len(server.request_lines)) == (1, 1, 2)


def test_retry_policy_of_a_call_replaces_that_of_the_client(connect: Connect, server: LocalServer) -> None:
    """For this call only."""
    server.answer(Answer(503, "<html>"))
    client = connect(server.url, retry=None)

    assert client.jobs.get(JOB_ID, retry=RetryPolicy(attempts=5, first_delay=0.001)).meta.attempts == 5
    assert client.jobs.submit("resize", retry=RetryPolicy(attempts=2, first_delay=0.001)).meta.attempts == 2
    assert client.jobs.get(JOB_ID).meta.attempts == 1


@pytest.mark.parametrize("retry", [3, True, "twice", {"attempts": 3}])
def test_invalid_retry_policy_is_refused(connect: Connect, server: LocalServer, retry: Any) -> None:
    """A call returns an error value, and a client raises."""
    error = connect(server.url).jobs.get(JOB_ID, retry=retry).error

    assert isinstance(error, InvalidInput)
    assert "retry" in error.message
    with pytest.raises(InvalidInput, match="retry"):
        connect(server.url, retry=retry)
    assert server.request_lines == []


@pytest.mark.parametrize("retry_after", ["91", format_datetime(datetime.now(UTC) + timedelta(days=1))], ids=["seconds", "date"])
def test_retry_after_beyond_the_timeout_ends_the_call(connect: Connect, server: LocalServer, retry_after: str) -> None:
    """The error says when to retry."""
    server.answer(Answer(429, {"error": "Too many requests"}, {"retry-after": retry_after}))

    error = connect(server.url).jobs.get(JOB_ID).error

    assert isinstance(error, RateLimited)
    assert (error.retry_after or 0) > 90
    assert (error.attempts, len(server.request_lines)) == (1, 1)


def test_retry_after_is_respected(quick: FluxbaseClient, server: LocalServer) -> None:
    """The next attempt waits as long as the server asks for."""
    server.answer(Answer(503, "", {"retry-after": "1"}), FOUND)

    result = quick.jobs.get(JOB_ID)

    assert result.ok
    assert result.meta.elapsed >= 1


def test_retry_after_date_in_the_past_means_now(quick: FluxbaseClient, server: LocalServer) -> None:
    """A proxy's clock may be slow."""
    server.answer(Answer(503, "", {"retry-after": format_datetime(datetime.now(UTC) - timedelta(hours=1))}), FOUND)

    assert quick.jobs.get(JOB_ID).ok


def test_timed_out_submit_is_retried_with_the_same_key(connect: Connect, server: LocalServer) -> None:
    """After a timeout the job may or may not be queued; the key finds out."""
    server.answer(Answer(201, job(), delay=0.7), IN_PROGRESS, Answer(201, job(), {"idempotency-replayed": "true"}))

    result = connect(server.url, retry=RetryPolicy(attempts=6, first_delay=0.001), timeout=0.3).jobs.submit("resize")

    assert result.unwrap().id == JOB_ID
    assert result.meta.idempotency_replayed
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_permanently_slow_server_is_a_timeout(connect: Connect, server: LocalServer) -> None:
    """After as many requests as the policy allows."""
    server.answer(Answer(201, job(), delay=0.6))

    error = connect(server.url, retry=QUICK, timeout=0.2).jobs.submit("resize").error

    assert isinstance(error, RequestTimeout)
    assert (error.attempts, len(server.request_lines)) == (3, 3)


def test_total_limits_all_attempts(connect: Connect, server: LocalServer) -> None:
    """The current request has the remaining time, and the response after a second is not awaited."""
    server.answer(Answer(200, job(), delay=1.0))

    error = connect(server.url, retry=RetryPolicy(total=0.1), timeout=30).jobs.get(JOB_ID).error

    assert isinstance(error, RequestTimeout)
    assert error.attempts == 1


def test_attempts_of_two_requests_are_added(quick: FluxbaseClient, server: LocalServer) -> None:
    """A job with its log, over an unreliable connection."""
    server.answer(Answer(503), FOUND, Answer(502), Answer(200, {"logs": []}))

    result = quick.jobs.get(JOB_ID, include_logs=True)

    assert (result.unwrap().logs, result.meta.attempts) == ([], 4)


@pytest.mark.parametrize("seed", range(3))
def test_every_submit_creates_one_job(connect: Connect, seed: int) -> None:
    """Although half of the requests fail, some after the job was queued."""
    with IdempotentServer(fault_rate=0.5, seed=seed) as server:
        client = connect(server.url, retry=RetryPolicy(attempts=25, first_delay=0.001, max_delay=0.002))

        ids = [client.jobs.submit("resize", {"n": number}).unwrap().id for number in range(40)]

        assert ids == [job["id"] for job in server.jobs]
        assert server.faults > 20
