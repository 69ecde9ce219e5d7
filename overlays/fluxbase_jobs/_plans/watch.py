"""Watching a job: the loop that `watch`, `wait` and `run` share."""

from __future__ import annotations

from typing import Any, Final, cast

from attrs import frozen

from .._context.call_context import Session
from .._operations import jobs as operations
from .._validation import arguments
from ..errors import FluxbaseError, InvalidInput, NotFound, WaitTimeout
from ..models.jobs import Job
from ..policies.poll import PollPolicy
from ..result import Err, Result
from .exchange import exchange, refusing_stream
from .steps import Emit, Instant, Pause, Plan, Stream, now

AFTERMATH: Final = 10.0
"""Seconds for what is left to do after a deadline, like cancelling."""


@frozen(kw_only=True)
class Patience:
    """How long and how often to look, as the caller said it."""

    timeout: arguments.Seconds
    poll: PollPolicy
    just_submitted: bool = False
    """Whether a first 404 is forgiven: the server answers one when its database stumbles."""

    def checked(self) -> float:
        """The timeout in seconds. Raises InvalidInput for what is not as it should be."""
        if not isinstance(cast("object", self.poll), PollPolicy):
            raise InvalidInput("poll must be a PollPolicy")
        return arguments.seconds("timeout", self.timeout)


@refusing_stream
def watch(session: Session, job_id: object, patience: Patience) -> Stream[Result[Job]]:
    """Each change of the job once, its final state last; else an error last."""
    timeout = patience.checked()
    started = yield from now()
    operation = operations.get(job_id)
    instant, end = started, started.monotonic + timeout
    last: Job | None = None
    interval: float | None = None
    forgiving = patience.just_submitted
    while instant.monotonic < end:
        result = yield from exchange(session.within(end - instant.monotonic), operation)
        instant = yield from now()
        if isinstance(result, Err) and not passing(result.error, forgiving=forgiving):
            yield Emit(result)
            return
        forgiving = forgiving and isinstance(result, Err) and not isinstance(result.error, NotFound)
        job = result.data
        changed = job is not None and (last is None or _shown(job) != _shown(last))
        last = job or last
        if changed:
            yield Emit(result)
        if job is not None and job.is_terminal:
            return
        interval = patience.poll.interval(interval, job, instant.utc, instant.random, changed=changed)
        instant = yield from rest(interval, result, instant, end)
    yield Emit(Err(late(operation.job_id, last, timeout)))


def rest(interval: float, result: Result[Any] | None, instant: Instant, end: float) -> Plan[Instant]:
    """Wait for the next look: as long as planned, or as the server asked, but not beyond the end."""
    asked = (result.error.retry_after or 0.0) if isinstance(result, Err) else 0.0
    yield Pause(max(0.0, min(max(interval, asked), end - instant.monotonic)))
    return (yield from now())


def passing(error: FluxbaseError, *, forgiving: bool = False) -> bool:
    """Whether a failed look may be followed by a good one."""
    return error.retryable or (forgiving and isinstance(error, NotFound))


def _shown(job: Job) -> tuple[object, ...]:
    """What makes two looks different to a caller."""
    return job.status, job.progress_text, job.progress_percent, job.progress_message, job.retry_count, job.error_message


def late(job_id: str | None, job: Job | None, timeout: float) -> WaitTimeout:
    """The error of a deadline that has passed."""
    status = f"was {job.status}" if job else "could not be read"
    error = WaitTimeout(
        f"job {job_id} {status} after {timeout:g} s",
        hint=f"it goes on; wait for it again with jobs.wait({job_id!r})",
        job_id=job_id,
    )
    error.job = job
    return error
