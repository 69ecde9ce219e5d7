"""When a request is sent again, and after how long: pure decisions, as values that a user can replace."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from ..errors import FluxbaseError
from .validators import as_integer, as_number, at_least_one, count, in_seconds, positive

TRANSIENT_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504})
"""Statuses after which the same request may succeed later."""


@frozen(kw_only=True)
class RetryPolicy:
    """How often and how long a call is retried.

    Reads, and requests with an idempotency key, are sent again after a failed connection, a timeout, 408, 425, 429, 502, 503, 504, and 409
    while the same key is in progress. A 500 is never retried: for cancel and retry it means that the change is not possible.

    Args:
        attempts: how many requests at most.
        first_delay: seconds before the second one at most; each delay is drawn evenly from 0 to its bound (full jitter).
        factor: what the bound is multiplied by each time.
        max_delay: the highest bound, in seconds.
        total: seconds for the whole call; no request and no pause goes beyond them.

    Raises:
        InvalidInput: a number is not as described.
    """

    attempts: int = field(default=3, converter=as_integer, validator=count)
    first_delay: float = field(default=0.5, converter=in_seconds, validator=positive)
    factor: float = field(default=2.0, converter=as_number, validator=at_least_one)
    max_delay: float = field(default=8.0, converter=in_seconds, validator=positive)
    total: float = field(default=90.0, converter=in_seconds, validator=positive)

    def delay(self, error: FluxbaseError, attempt: int, left: float, random: float) -> float | None:
        """The seconds to wait before the next request, or None to give up.

        Args:
            error: why the last one failed.
            attempt: how many were sent, from 1.
            left: the seconds left of `total`.
            random: a random number from 0 to 1.
        """
        if not error.retryable or attempt >= self.attempts:
            return None
        wait = self._bound(attempt) * random
        if error.retry_after is not None:
            wait += error.retry_after
        return wait if wait < left else None

    def _bound(self, attempt: int) -> float:
        try:
            return min(self.max_delay, self.first_delay * self.factor ** (attempt - 1))
        except OverflowError:  # two to the power of 1,024 is no float
            return self.max_delay
