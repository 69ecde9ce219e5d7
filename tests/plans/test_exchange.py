"""The plan of one exchange: what is tried again, when, with what, and when it ends. No network, no clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest
from attrs import evolve
from fluxbase_jobs import Conflict, ConnectionFailed, Err, FluxbaseError, RateLimited, RequestTimeout, RetryPolicy, ServerFailed, Submission
from fluxbase_jobs._operations import auth
from fluxbase_jobs._operations import jobs as operations
from fluxbase_jobs._operations.operation import Operation
from fluxbase_jobs._transports.messages import RawResponse
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, job
from tests.support.scripted_driver import NOON, Script, exchange, reply, settings

DROPPED = ConnectionFailed("no complete answer (ReadError)", retryable=True)
SLOW = RequestTimeout("no complete answer within 30 s", retryable=True)
FOUND = reply(200, job())
IN_PROGRESS = reply(409, {"error": "Request In Progress", "code": "IDEMPOTENCY_REQUEST_IN_PROGRESS"})
PASSING = [DROPPED, SLOW, *(reply(status) for status in (408, 425, 429, 502, 503, 504)), IN_PROGRESS]
LASTING = [reply(status) for status in (400, 403, 404, 409, 413, 422, 500, 501, 505, 520, 302)]


@pytest.mark.parametrize("failure", PASSING, ids=str)
def test_a_passing_failure_is_tried_again(failure: RawResponse | FluxbaseError) -> None:
    """Broken connections, timeouts, the statuses of overload, and a key in progress."""
    script = Script([failure, failure, FOUND])

    result = script.run(exchange(settings(), operations.get(JOB_ID)))

    assert result.unwrap().id == JOB_ID
    assert (len(script.sent), result.meta.attempts) == (3, 3)


@pytest.mark.parametrize("failure", LASTING, ids=str)
def test_a_permanent_failure_is_not_tried_again(failure: RawResponse) -> None:
    """A 500, a refusal, a page that is no answer: a repeat would change nothing."""
    script = Script([failure, FOUND])

    result = script.run(exchange(settings(), operations.get(JOB_ID)))

    assert isinstance(result, Err)
    assert (len(script.sent), result.meta.attempts, result.error.attempts) == (1, 1, 1)


def test_a_broken_body_is_not_tried_again() -> None:
    """A complete answer that cannot be read was an answer all the same."""
    script = Script([reply(200, {"id": 7}), FOUND])

    assert not script.run(exchange(settings(), operations.get(JOB_ID))).ok
    assert len(script.sent) == 1


@pytest.mark.parametrize("verb", [operations.cancel, operations.retry])
def test_the_500_of_cancel_and_retry_is_never_tried_again(verb: object) -> None:
    """A lost race and exhausted retries answer with the same 500."""
    script = Script([reply(500, {"error": "Failed to retry job"})])

    result = script.run(exchange(settings(attempts=9), verb(JOB_ID)))  # type: ignore[operator]

    assert isinstance(result.error, ServerFailed)
    assert len(script.sent) == 1


@pytest.mark.parametrize(
    "make", [partial(auth.sign_in, "ada@example.com", "a-password"), partial(auth.refresh, "r1")], ids=["sign in", "refresh"]
)
@pytest.mark.parametrize("failure", PASSING, ids=str)
def test_what_has_no_key_and_is_no_read_is_sent_once(failure: RawResponse | FluxbaseError, make: Callable[[], Operation[Any]]) -> None:
    """Signing in and refreshing: a second one is another one."""
    script = Script([failure])

    assert not script.run(exchange(settings(), make())).ok
    assert len(script.sent) == 1


def test_all_attempts_carry_the_same_key_and_bytes() -> None:
    """That is what makes a repeated submit safe."""
    script = Script([DROPPED, reply(503), SLOW, reply(201, job(job_name="resize"))])

    script.run(exchange(settings(attempts=4), operations.submit(Submission("resize", {"id": 7}), NOON))).unwrap()

    assert len(script.sent) == 4
    assert len(set(script.sent_headers("idempotency-key"))) == 1
    assert {send.request["content"] for send in script.sent} == {b'{"job_name":"resize","payload":{"id":7}}'}


def test_it_gives_up_after_the_last_attempt() -> None:
    """The last failure is the result, with the number of requests."""
    script = Script([DROPPED, reply(503), reply(502)])

    result = script.run(exchange(settings(attempts=3), operations.get(JOB_ID)))

    assert isinstance(result.error, ServerFailed)
    assert (result.error.status, result.error.attempts, result.meta.attempts, len(script.sent)) == (502, 3, 3, 3)


def test_pauses_grow_and_are_drawn_evenly() -> None:
    """Full jitter: each pause lies anywhere below a bound that doubles up to the highest."""
    script = Script([DROPPED], random=0.5)

    script.run(exchange(settings(attempts=6, first_delay=1.0, factor=2.0, max_delay=5.0), operations.get(JOB_ID)))

    assert script.pauses == [0.5, 1.0, 2.0, 2.5, 2.5]


def test_the_default_policy_is_the_promised_one() -> None:
    """Three attempts, half a second doubling to 8, 90 seconds in all."""
    assert RetryPolicy() == RetryPolicy(attempts=3, first_delay=0.5, factor=2, max_delay=8, total=90)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["7", format_datetime(NOON + timedelta(seconds=7))], ids=["seconds", "date"])
def test_retry_after_is_honoured(status: int, retry_after: str) -> None:
    """In seconds or as a date; the pause is not shorter than it."""
    script = Script([reply(status, retry_after=retry_after), FOUND], random=0.0)

    assert script.run(exchange(settings(), operations.get(JOB_ID))).ok
    assert script.pauses == [7.0]


def test_not_all_come_back_at_the_same_moment() -> None:
    """The jitter comes on top of Retry-After, or all clients of a limited server would return as one."""
    script = Script([reply(429, retry_after="7"), FOUND], random=0.5)

    script.run(exchange(settings(first_delay=2.0), operations.get(JOB_ID)))

    assert script.pauses == [8.0]


@pytest.mark.parametrize("retry_after", ["91", "9" * 400, format_datetime(NOON + timedelta(days=1))])
def test_a_retry_after_beyond_the_end_ends_it_at_once(retry_after: str) -> None:
    """Nobody waits for what will come too late."""
    script = Script([reply(429, retry_after=retry_after)])

    error = script.run(exchange(settings(), operations.get(JOB_ID))).error

    assert isinstance(error, RateLimited)
    assert (error.retry_after or 0) > 90
    assert (error.attempts, script.pauses) == (1, [])


@given(
    attempts=st.integers(1, 50),
    total=st.floats(0.01, 200),
    timeout=st.floats(0.01, 200),
    seconds=st.floats(0, 300),
    retry_after=st.integers(0, 400),
)
def test_no_call_outlasts_its_total(*, attempts: int, total: float, timeout: float, seconds: float, retry_after: int) -> None:
    """Whatever the server does: the last request gets what is left, and no pause goes beyond."""
    script = Script([reply(503), reply(503, retry_after=str(retry_after)), DROPPED], seconds=seconds)

    result = script.run(exchange(settings(attempts=attempts, total=total, timeout=timeout), operations.get(JOB_ID)))

    assert script.clock <= total + 0.01
    assert 1 <= len(script.sent) <= attempts
    assert all(send.timeout <= timeout for send in script.sent)
    assert result.meta.attempts == len(script.sent)


def test_a_key_in_progress_is_waited_for() -> None:
    """The first request still runs on the server; the next one gets its answer."""
    script = Script([SLOW, IN_PROGRESS, reply(201, job(job_name="resize"), idempotency_replayed="true")])

    result = script.run(exchange(settings(), operations.submit(Submission("resize"), NOON)))

    assert result.unwrap().id == JOB_ID
    assert result.meta.idempotency_replayed
    assert len(set(script.sent_headers("idempotency-key"))) == 1


def test_a_key_that_stays_in_progress_is_a_conflict() -> None:
    """A server that died in between says so for a day."""
    error = Script([IN_PROGRESS]).run(exchange(settings(), operations.submit(Submission("resize"), NOON))).error

    assert isinstance(error, Conflict)
    assert (error.attempts, error.retryable) == (3, True)


def test_elapsed_counts_requests_and_pauses() -> None:
    """From the start of the call to its end."""
    script = Script([DROPPED, FOUND], seconds=2.0, random=0.5)

    assert script.run(exchange(settings(first_delay=1.0), operations.get(JOB_ID))).meta.elapsed == 4.5
    assert Script([DROPPED], seconds=2.0).run(exchange(settings(attempts=1), operations.get(JOB_ID))).meta.elapsed == 2.0
    assert Script([reply(403)], seconds=2.0).run(exchange(settings(), operations.get(JOB_ID))).meta.elapsed == 2.0


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("1.5", 1.5),
        (".5", 0.5),
        ("+2", 2.0),
        ("-3", 0.0),
        ("-0.5", 0.0),
        ("Tue, 01 Jan 2030 12:00:07 GMT", 7.0),
        ("Tuesday, 01-Jan-30 12:00:07 GMT", 7.0),
        ("Tue Jan  1 12:00:07 2030", 7.0),
        ("Tue, 01 Jan 2030 11:00:00 GMT", 0.0),
        ("soon", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("1,5", None),
        ("5, 7, 2", 7.0),
        ("5, soon", None),
        ("", None),
    ],
)
def test_every_form_of_a_retry_after_counts(sent: str, seconds: float | None) -> None:
    """Seconds with fractions and the three dates of HTTP; what is neither is ignored."""
    script = Script([reply(429, {"error": "slow down"}, retry_after=sent)])

    error = script.run(exchange(settings(attempts=1), operations.get(JOB_ID))).error

    assert error is not None
    assert error.retry_after == seconds


@pytest.mark.parametrize("date", ["Tue, 01 Jan 2030 14:00:00 GMT", "Tue, 01 Jan 2030 10:00:00 GMT"])
def test_a_date_counts_from_the_servers_clock(date: str) -> None:
    """Ours is two hours off: the response says what the server's shows."""
    hour = date.split()[4].partition(":")[0]
    script = Script([reply(429, {"error": "slow down"}, retry_after=f"Tue, 01 Jan 2030 {hour}:00:07 GMT", date=date)])

    error = script.run(exchange(settings(attempts=1), operations.get(JOB_ID))).error

    assert error is not None
    assert error.retry_after == 7.0


@pytest.mark.parametrize("seconds", ["120.5", "90"])
def test_a_retry_after_beyond_the_time_left_ends_at_once_and_says_so(seconds: str) -> None:
    """Nothing is waited for that cannot come."""
    script = Script([reply(429, {"error": "slow down"}, retry_after=seconds)])

    result = script.run(exchange(settings(), operations.get(JOB_ID)))

    assert result.error is not None
    assert result.error.hint == f"the server asks to wait {seconds} s, more than the 90 s left"
    assert (len(script.sent), script.pauses, result.meta.status) == (1, [], 429)


def test_a_retry_after_that_is_too_long_is_said_beside_another_hint() -> None:
    """The refresh after a 401 was the request that was too much."""
    refused, limited = reply(401, {"error": "Invalid or expired token"}), reply(429, {"error": "slow down"}, retry_after="120")
    script = Script([refused, limited], seconds=10.0)

    error = script.run(exchange(settings(refresh_token="r1"), operations.get(JOB_ID))).error

    assert isinstance(error, RateLimited)
    assert error.hint == (
        "this happened while the tokens were refreshed after a 401; the refresh token was not refused; the server asks to wait 120 s, more "
        "than the 70 s left"
    )


@pytest.mark.parametrize(("status", "options"), [(429, {"attempts": 1}), (400, {})], ids=["the only attempt", "a lasting failure"])
def test_a_retry_after_is_not_spoken_of_where_no_attempt_would_follow(status: int, options: dict[str, Any]) -> None:
    """The time is not the reason."""
    script = Script([reply(status, {"error": "no"}, retry_after="120")])

    error = script.run(exchange(settings(**options), operations.get(JOB_ID))).error

    assert error is not None
    assert (error.hint, len(script.sent)) == (None, 1)


def test_a_body_that_repeats_the_key_has_its_retry_after_all_the_same() -> None:
    """The key is taken out of what is said, and the date counts as ever."""
    date = format_datetime(NOON + timedelta(seconds=7))
    script = Script([reply(429, {"error": "the token eyJ.a-token may send no more"}, retry_after=date)])

    error = script.run(exchange(settings(attempts=1), operations.get(JOB_ID))).error

    assert isinstance(error, RateLimited)
    assert "eyJ.a-token" not in f"{error} {error!r}"
    assert error.retry_after == 7.0


def test_the_headers_of_a_request_go_before_those_of_the_client() -> None:
    """Each once, however either is written; those of the client that the request has not are added."""
    client = evolve(settings(), headers={"idempotency-key": "mine", "content-type": "text/plain", "x-tenant": "a"})
    script = Script([reply(201, job(job_name="resize"))])

    script.run(exchange(client, operations.submit(Submission("resize", idempotency_key="order-7"), NOON))).unwrap()

    (send,) = script.sent
    names = [name.lower() for name in send.request["headers"]]
    assert len(names) == len(set(names))
    assert script.sent_headers("idempotency-key") == ["order-7"]
    assert script.sent_headers("content-type") == ["application/json"]
    assert script.sent_headers("x-tenant") == ["a"]


def test_a_request_whose_time_is_over_gets_a_moment() -> None:
    """The function that gives the key took all of it: the request fails for the time and for nothing else."""
    script = Script([FOUND])

    def key() -> str:
        script.clock += 100
        return "eyJ.a-token"

    script.run(exchange(settings(key=key), operations.get(JOB_ID)))

    assert [send.timeout for send in script.sent] == [0.001]
