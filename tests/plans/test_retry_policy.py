"""RetryPolicy: pure decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fluxbase_jobs import FluxbaseError, InvalidInput, PollPolicy, RetryPolicy
from hypothesis import given
from hypothesis import strategies as st

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
