"""Why a job failed: the server's reason, or the text that the job threw, which only its log has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
from attrs import frozen

from ..._context.call_context import CallContext
from ..._operations import jobs as operations
from ..._operations.readers import RESULT_LINE, is_servers_own_line
from ...errors import FluxbaseError, JobFailed
from ...models.jobs import Job, LogLine
from ...result import Err
from ..log_lines import merged
from ..polling import CLEANUP_SECONDS
from .request import exchange
from .steps import Plan, pause, read_clock

THROWN: Final = "Job execution error: "
LOG_PAUSE: Final = 0.6
"""Seconds between two reads of a failed job's log: the server writes its log each second."""
LOG_SECONDS: Final = 2.0
"""Seconds after which the log is not read again."""
LOG_TAIL: Final = 20
BARE_FAILURE: Final = "exit status 1"
"""The server's `error_message` for every thrown error (recorded, failures)."""
NO_TEXT: Final = "the job threw an error without a message"
NO_CAUSE: Final = (
    "the text that the job threw is in its log, which this server did not show: April 2026 servers show it after their next start, "
    "and any server only to the job's own user and to service roles; an emulator shows it in its terminal, and to clients with "
    "--profile 2026-03"
)
OUTPUT_LOST: Final = (
    "the text that the job threw is not in its log: servers lose what a job prints in its last moment, more of it the busier they are"
)
NOT_READ: Final = "the text that the job threw is in its log, which could not be read in time; call jobs.logs to read it"
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
_UNCAUGHT: Final = re.compile(r"error: (?:Uncaught (?:\(in promise\) )?)?(?:Error: )?(.*)", re.DOTALL)
"""How the runtime reports an error that nobody caught, and source code that it could not parse."""


@frozen
class Cause:
    """What one read of a failed job's log showed."""

    lines: Sequence[LogLine] = ()
    thrown: str | None = None
    error: FluxbaseError | None = None
    """Why the log could not be read."""
    shown: bool = False
    """Whether the server shows the job's log over HTTP, or all of it came over the WebSocket."""

    def is_final(self, job: Job) -> bool:
        """Whether another read would not show more."""
        return self.thrown is not None or self.error is not None or job.error_message != BARE_FAILURE

    def failure(self, job: Job, hint: str | None = None) -> JobFailed:
        """The job's failure as an error. `hint` is where to find the text, if it was not found."""
        hint = hint or (OUTPUT_LOST if self.shown else NO_CAUSE)
        bare = job.error_message == BARE_FAILURE
        log_tail = [line for line in self.lines if not line.message.startswith(RESULT_LINE) and not is_servers_own_line(line)]
        message = (self.thrown if bare else None) or job.error_message or "the job failed"
        error = JobFailed(message, hint=hint if bare and self.thrown is None else None, job_id=job.id)
        return error.with_(job=job, log_tail=log_tail[-LOG_TAIL:])


def read_cause(context: CallContext, job: Job) -> Plan[Cause]:
    """Read a failed job's log once, unless the lines that were heard over the WebSocket show the cause."""
    heard = context.client.memory.heard(job.id)
    text = thrown(heard, job)
    if text is not None:
        return Cause(heard, text)
    read = yield from exchange(context, operations.logs(job.id, 0))
    if isinstance(read, Err):
        return Cause(heard, error=read.error)
    heard = context.client.memory.heard(job.id)  # again: the last lines may have come meanwhile
    lines = merged(read.data, heard)
    return Cause(lines, thrown(lines, job), shown=bool(read.data) or context.client.memory.heard_all(job.id))


def failure_of(context: CallContext, job: Job) -> Plan[JobFailed]:
    """A job's failure with its cause; the log lags behind the job, so it is read for a while."""
    now = yield from read_clock()
    end = now.monotonic + LOG_SECONDS
    lines: Sequence[LogLine] = ()
    shown = context.client.memory.shows_logs is True
    while True:
        cause = yield from read_cause(context.until(now.monotonic + CLEANUP_SECONDS, now.monotonic), job)
        lines, shown = cause.lines or lines, cause.shown or shown
        now = yield from read_clock()
        if cause.is_final(job) or now.monotonic + LOG_PAUSE > end:
            return Cause(lines, cause.thrown, shown=shown).failure(job)
        now = yield from pause(LOG_PAUSE)


def thrown(lines: Sequence[LogLine], job: Job) -> str | None:
    """What this attempt of the job threw; None where its log does not show that.

    The line with the result holds a text of several lines whole. A job that ended before it could write that line left the report of the
    runtime, or nothing.
    """
    attempt = [line.message for line in lines if of_last_attempt(line, job)]
    results = [message for message in attempt if message.startswith(RESULT_LINE)]
    reported = _reported(results[-1]) if results else None
    if reported is not None:
        return reported or NO_TEXT
    texts = [message[len(THROWN) :] for message in attempt if message.startswith(THROWN.rstrip())]
    if texts:
        return texts[-1] or NO_TEXT
    uncaught = [found[1].strip() for message in attempt if (found := _UNCAUGHT.fullmatch(_ANSI.sub("", message)))]
    return (uncaught[-1] or NO_TEXT) if uncaught else None


def of_last_attempt(line: LogLine, job: Job) -> bool:
    """Whether a line is of the job's last attempt: a retried job's log holds the earlier ones too, and clocks of servers differ."""
    return job.retry_count == 0 or job.started_at is None or line.timestamp >= job.started_at


def returned(result_line: str) -> Any:
    """The result in the line with the result; None where it holds none."""
    return _told(result_line).get("result")


def _reported(result_line: str) -> str | None:
    """The error in the line with the result; None where it holds none."""
    told = _told(result_line)
    error = told.get("error")
    return error if told.get("success") is False and isinstance(error, str) else None


def _told(result_line: str) -> dict[str, Any]:
    """What the line with the result tells; nothing where it cannot be read."""
    try:
        told: Any = msgspec.json.decode(result_line.removeprefix(RESULT_LINE))
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}
