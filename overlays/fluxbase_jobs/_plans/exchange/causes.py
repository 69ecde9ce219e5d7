"""Why a job failed: the text that it threw, which only its log has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from ..._context.call_context import CallContext
from ..._operations import jobs as operations
from ..._operations.readers import RESULT_LINE
from ...errors import FluxbaseError, JobFailed
from ...models.jobs import Job, LogLine
from ...result import Err
from ..polling import CLEANUP_SECONDS
from .request import exchange
from .steps import Instant, Plan, pause, read_clock

THROWN: Final = "Job execution error: "
LOG_PAUSE: Final = 0.6
"""Seconds between two reads of a failed job's log: the server writes its log each second."""
LOG_SECONDS: Final = 2.0
"""Seconds after which the log is not read again."""
LOG_TAIL: Final = 20
BARE_FAILURE: Final = "exit status 1"
"""The server's `error_message` for every thrown error (recorded, failures)."""
NO_CAUSE: Final = (
    "the text that the job threw is in its log, which this server did not show: April 2026 servers show it after their next start, "
    "and any server only to the job's own user and to service roles"
)
NOT_READ: Final = "the text that the job threw is in its log, which could not be read in time; call jobs.logs to read it"


@frozen
class Cause:
    """What one read of a failed job's log showed."""

    lines: Sequence[LogLine] = ()
    thrown: str | None = None
    error: FluxbaseError | None = None
    """Why the log could not be read."""

    def is_final(self, job: Job) -> bool:
        """Whether another read would not show more."""
        return self.thrown is not None or self.error is not None or job.error_message != BARE_FAILURE

    def failure(self, job: Job, hint: str = NO_CAUSE) -> JobFailed:
        """The job's failure as an error. `hint` is where to find the text, if it was not found."""
        known = self.thrown or job.error_message != BARE_FAILURE
        log_tail = [line for line in self.lines if not line.message.startswith(RESULT_LINE)][-LOG_TAIL:]
        message = self.thrown or job.error_message or "the job failed"
        return JobFailed(message, hint=None if known else hint, job_id=job.id).with_(job=job, log_tail=log_tail)


def read_cause(context: CallContext, job: Job, now: Instant) -> Plan[Cause]:
    """Read a failed job's log once."""
    read = yield from exchange(context, operations.logs(job.id, 0), now)
    return Cause(error=read.error) if isinstance(read, Err) else Cause(read.data, _thrown(read.data, job))


def failure_of(context: CallContext, job: Job) -> Plan[JobFailed]:
    """A job's failure with its cause; the log lags behind the job, so it is read for a while."""
    now = yield from read_clock()
    end = now.monotonic + LOG_SECONDS
    lines: Sequence[LogLine] = ()
    while True:
        cause = yield from read_cause(context.until(now.monotonic + CLEANUP_SECONDS, now.monotonic), job, now)
        lines = lines if cause.error else cause.lines
        now = yield from read_clock()
        if cause.is_final(job) or now.monotonic + LOG_PAUSE > end:
            return Cause(lines, cause.thrown).failure(job)
        now = yield from pause(LOG_PAUSE)


def _thrown(lines: Sequence[LogLine], job: Job) -> str | None:
    """What this attempt of the job threw; a retried job's log holds the earlier attempts too."""
    texts = [
        line.message.removeprefix(THROWN)
        for line in lines
        if line.message.startswith(THROWN) and (job.started_at is None or line.timestamp >= job.started_at)
    ]
    return texts[-1] if texts else None
