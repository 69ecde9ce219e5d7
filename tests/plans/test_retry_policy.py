"""RetryPolicy and PollPolicy: pure decisions."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, InvalidInput, Job, PollPolicy, RetryPolicy
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 2**31 - 1),
    first_delay=st.floats(1e-9, 1e9),
    factor=st.floats(1, 1e9),
    max_delay=st.floats(1e-9, 1e9),
    total=st.floats(1e-9, 1e9),
)


def failure(*, retryable: bool = True, retry_after: float | None = None) -> FluxbaseError:
    """A failure that the server may have put a time to."""
    error = FluxbaseError("a failure", retryable=retryable)
    error.retry_after = retry_after
    return error


@given(policy=POLICIES, attempt=st.integers(1, 10_000), left=st.floats(0, 1e12), random=st.floats(0, 1))
def test_a_delay_lies_below_its_bound_and_within_what_is_left(policy: RetryPolicy, attempt: int, left: float, random: float) -> None:
    """However many attempts and however steep: no number is too large."""
    delay = policy.delay(failure(), attempt, left, random)

    if delay is not None:
        assert attempt < policy.attempts
        assert 0 <= delay <= policy.max_delay
        assert delay < left


@given(
    policy=POLICIES,
    attempt=st.integers(1, 10_000),
    left=st.floats(0, 1e12),
    random=st.floats(0, 1),
    retry_after=st.floats(0, allow_nan=False),
)
def test_a_delay_is_never_shorter_than_the_retry_after(
    policy: RetryPolicy, attempt: int, left: float, random: float, retry_after: float
) -> None:
    """A Retry-After is respected, or the call ends."""
    delay = policy.delay(failure(retry_after=retry_after), attempt, left, random)

    assert delay is None or retry_after <= delay < left


@given(policy=POLICIES, left=st.floats(0, 1e12), random=st.floats(0, 1))
def test_what_would_fail_again_is_not_tried_again(policy: RetryPolicy, left: float, random: float) -> None:
    """Only passing failures are worth an attempt, and only as many as allowed."""
    assert policy.delay(failure(retryable=False), 1, left, random) is None
    assert policy.delay(failure(), policy.attempts, left, random) is None


@pytest.mark.parametrize(
    "options",
    [
        {"attempts": 0},
        {"attempts": True},
        {"attempts": 2.0},
        {"first_delay": 0},
        {"first_delay": -1},
        {"factor": 0.5},
        {"factor": float("nan")},
        {"max_delay": float("inf")},
        {"total": 0},
        {"total": "90"},
    ],
)
def test_a_policy_refuses_numbers_that_make_no_sense(options: dict[str, Any]) -> None:
    """By the argument's name."""
    with pytest.raises(InvalidInput, match=next(iter(options))):
        RetryPolicy(**options)


def test_policies_take_timedeltas() -> None:
    """As everywhere, seconds may come as a timedelta."""
    assert RetryPolicy(total=timedelta(minutes=1)) == RetryPolicy(total=60.0)
    assert PollPolicy(maximum=timedelta(seconds=5)) == PollPolicy(maximum=5.0)


@pytest.mark.parametrize(("attempt", "bound"), [(1, 1.0), (2, 3.0), (3, 9.0), (4, 27.0), (5, 60.0), (6, 60.0)])
def test_the_bound_grows_by_the_factor(attempt: int, bound: float) -> None:
    """Up to the longest delay; the delay is a random part of it."""
    policy = RetryPolicy(attempts=10, first_delay=1, factor=3, max_delay=60)

    assert policy.delay(failure(), attempt, 1000, 1.0) == bound
    assert policy.delay(failure(), attempt, 1000, 0.25) == bound / 4


def test_a_retry_after_comes_before_the_random_part() -> None:
    """Otherwise all clients that a server turned away would come back at the same moment."""
    assert RetryPolicy(first_delay=2).delay(failure(retry_after=10), 1, 1000, 0.5) == 11.0


def test_a_delay_of_all_that_is_left_is_too_long() -> None:
    """No time would be left for the request."""
    policy = RetryPolicy(first_delay=2)

    assert policy.delay(failure(), 1, 2.0, 1.0) is None
    assert policy.delay(failure(), 1, 2.1, 1.0) == 2.0


def test_the_last_attempt_is_the_last() -> None:
    """Of three attempts two are followed by a delay."""
    delays = [RetryPolicy(attempts=3).delay(failure(), attempt, 1000, 0.0) for attempt in (1, 2, 3)]

    assert delays == [0.0, 0.0, None]


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        (RetryPolicy, {"factor": 0.99}, "factor must be a number from 1, and finite"),
        (RetryPolicy, {"factor": float("inf")}, "factor must be a number from 1, and finite"),
        (RetryPolicy, {"factor": "2"}, "factor must be a number from 1, and finite"),
        (RetryPolicy, {"attempts": "x"}, "attempts must be an integer from 1 to 2147483647; got 'x'"),
        (RetryPolicy, {"attempts": 0}, "attempts must be an integer from 1 to 2147483647; got 0"),
        (
            RetryPolicy,
            {"total": "x"},
            "total must be a positive number of seconds, at most 1,000,000,000, or a timedelta; got 'x'",
        ),
        (PollPolicy, {"jitter": 1.01}, "jitter must be a number from 0 to 1"),
        (PollPolicy, {"jitter": -0.01}, "jitter must be a number from 0 to 1"),
        (PollPolicy, {"jitter": None}, "jitter must be a number from 0 to 1"),
    ],
)
def test_numbers_outside_their_range_are_named(policy: Any, options: dict[str, Any], message: str) -> None:
    """With what would be taken."""
    with pytest.raises(InvalidInput) as refused:
        policy(**options)

    assert refused.value.message == message


def test_numbers_at_the_ends_of_their_range_are_taken() -> None:
    """The limits themselves are allowed."""
    assert PollPolicy(jitter=1, factor=1).jitter == 1
    assert PollPolicy(jitter=0).jitter == 0
    assert RetryPolicy(factor=sys.float_info.max, attempts=1).factor == sys.float_info.max


def test_timedeltas_are_seconds() -> None:
    """Wherever seconds are."""
    assert RetryPolicy(total=timedelta(minutes=2)).total == 120.0
    assert PollPolicy(initial=timedelta(milliseconds=250)).initial == 0.25


NOW: Final = datetime(2026, 11, 27, tzinfo=UTC)
POLL: Final = PollPolicy(initial=1, factor=3, maximum=20, jitter=0)


def interval(found: Job | None, *, changed: bool = False) -> float:
    """The next interval after one of four seconds."""
    return POLL.interval(4.0, found, NOW, 0.5, changed=changed)


def read(client: FluxbaseClient, server: LocalServer, status: str, scheduled_in: float | None) -> Job:
    """A job as the client reads it."""
    at = {} if scheduled_in is None else {"scheduled_at": (NOW + timedelta(seconds=scheduled_in)).isoformat()}
    server.answer(Answer(200, job(status=status, **at)))
    return client.jobs.get(JOB_ID).unwrap()


@pytest.mark.parametrize(
    ("status", "scheduled_in", "seconds"),
    [
        ("pending", None, 12.0),
        ("pending", -4.1, 12.0),
        ("pending", -4.0, 2.0),
        ("pending", -1.0, 2.0),
        ("pending", 0.0, 2.0),
        ("pending", 1.0, 12.0),
        ("pending", 45.0, 45.0),
        ("pending", 600.0, 60.0),
        ("running", None, 10.0),
        ("running", -1.0, 10.0),
        ("running", 600.0, 10.0),
    ],
)
def test_the_interval_follows_the_jobs_state(
    client: FluxbaseClient, server: LocalServer, status: str, scheduled_in: float | None, seconds: float
) -> None:
    """A pending job is asked for less often than a running one, and often just after it became due."""
    assert interval(read(client, server, status, scheduled_in)) == seconds


def test_the_interval_where_nothing_was_read_or_something_changed() -> None:
    """A poll that failed counts as one without a change."""
    assert interval(None) == 12.0
    assert interval(None, changed=True) == 2.0
    assert POLL.interval(None, None, NOW, 0.5, changed=False) == 1.0
    assert POLL.interval(19.0, None, NOW, 0.5, changed=False) == 20.0
