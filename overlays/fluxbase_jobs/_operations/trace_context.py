"""What is added to each submission so that a trace goes on in the job: nothing, until `fluxbase_jobs.otel` sets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..models.inputs import Submission

Carrier: TypeAlias = Callable[[Submission], Submission]
_carrier: Carrier | None = None


def carry(carrier: Carrier | None) -> None:
    """Set what adds the trace to a submission; None: nothing is added."""
    global _carrier  # noqa: PLW0603  # one for the process, as OpenTelemetry's instrumentations are
    _carrier = carrier


def with_trace(submission: Submission) -> Submission:
    """The submission with the current trace. One with an idempotency key stays as it is: under its key it must be the same each time."""
    if _carrier is None or submission.idempotency_key is not None:
        return submission
    return _carrier(submission)
