"""The verbs that need one request, or a second one to complete or explain the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from attrs import evolve

from .._context.call_context import Session
from .._operations import auth
from .._operations import jobs as operations
from .._operations.endpoints import USERS, Routes
from .._operations.operation import Operation
from .._validation import arguments
from ..errors import AuthenticationFailed, FluxbaseError, NotAllowedInState
from ..models.jobs import Job, LogLine, Submission, Tokens, with_logs
from ..result import Err, Meta, Ok, Result, both
from .exchange import exchange, whole
from .steps import Plan, now

T = TypeVar("T")
E = TypeVar("E", bound=FluxbaseError)

SECOND_FACTOR: Final = (
    "the account has two-factor authentication: sign in with the second factor elsewhere and pass the access token as key"
)


def submit(session: Session, submission: Submission) -> Plan[Result[Job]]:
    """Queue a job."""
    instant = yield from now()
    return (yield from exchange(session, operations.submit(submission, instant.utc)))


def get(session: Session, job_id: object, include_logs: object) -> Plan[Result[Job]]:
    """Read a job, and its log if asked for; an unreadable log does not lose the job."""
    wanted = arguments.flag("include_logs", include_logs)
    session = yield from whole(session)
    found = yield from exchange(session, operations.get(job_id))
    if not wanted or isinstance(found, Err):
        return found
    lines = yield from exchange(session, operations.logs(job_id, 0))
    meta = evolve(both(found.meta, lines.meta, found.meta), logs_error=lines.error)
    return Ok(with_logs(found.data, lines.data), meta)


def logs(session: Session, job_id: object, after_line: object) -> Plan[Result[list[LogLine]]]:
    """Read the lines of a job's log after a line number."""
    return (yield from exchange(session, operations.logs(job_id, after_line)))


def cancel(session: Session, job_id: object, routes: Routes = USERS) -> Plan[Result[None]]:
    """Cancel a job."""
    session = yield from whole(session)
    done = yield from exchange(session, routes.cancel(job_id))
    return (yield from explained(session, done, routes.get(job_id), _why_not_cancelled)) if isinstance(done, Err) else done


def retry(session: Session, job_id: object, routes: Routes = USERS) -> Plan[Result[Job]]:
    """Put a failed job back into the queue, then read it: the server's answer does not contain it."""
    session = yield from whole(session)
    accepted = yield from exchange(session, routes.retry(job_id))
    if isinstance(accepted, Err):
        return (yield from explained(session, accepted, routes.get(job_id), _why_not_retried))
    found = yield from exchange(session, routes.get(job_id))
    meta = both(accepted.meta, found.meta, found.meta)
    return Ok(found.data, meta) if isinstance(found, Ok) else unread(found.error, "the retry was accepted, but the job", meta)


def sign_in(session: Session, email: object, password: object) -> Plan[Result[Tokens]]:
    """Exchange an email and a password for tokens."""
    answered = yield from exchange(session, auth.sign_in(email, password))
    if isinstance(answered, Err):
        return answered
    told, meta = answered.data, answered.meta
    if told.requires_2fa:
        message, hint = told.message or "the server asks for a second factor and sent no tokens", SECOND_FACTOR
        error = AuthenticationFailed(message, status=meta.status, request_id=meta.request_id, hint=hint, attempts=meta.attempts)
        return Err(error, meta)
    return Ok(Tokens(access_token=str(told.access_token), refresh_token=told.refresh_token or None, expires_in=told.expires_in), meta)


def unread(error: FluxbaseError, what: str, meta: Meta) -> Err:
    """The failure to read back what was done: not worth a repeat of the whole."""
    error.message = f"{what} could not be read back: {error.message}"
    error.retryable = False
    error.attempts = meta.attempts
    return Err(error, meta)


def explained(session: Session, failed: Err, look: Operation[Job], reason_of: Callable[[Job], str | None]) -> Plan[Err]:
    """The failure of a change; where it is the server's bare 500, with the reason that the job's state shows.

    That 500 is what a lost race and exhausted retries look like (recorded, failures), so it is worth a look and never worth a repeat.
    """
    if failed.error.status != 500:
        return failed
    found = yield from exchange(session, look)
    reason = None if isinstance(found, Err) else reason_of(found.data)
    meta = both(failed.meta, found.meta, failed.meta)
    failed.error.attempts = meta.attempts
    if reason is None:
        return Err(failed.error, meta)
    error = instead(NotAllowedInState, reason, failed.error, meta)
    error.job_status = found.data.status
    return Err(error, meta)


def instead(kind: type[E], message: str, told: FluxbaseError, meta: Meta) -> E:
    """The error in place of a bare 500, where a look at the state of things has shown the reason."""
    return kind(
        message,
        code=told.code,
        status=told.status,
        request_id=told.request_id,
        details=told.message,
        attempts=meta.attempts,
        job_id=told.job_id,
    )


def _why_not_cancelled(job: Job) -> str | None:
    return f"the job cannot be cancelled: it is {job.status} already" if job.is_terminal else None


def _why_not_retried(job: Job) -> str | None:
    if job.status != "failed":
        return f"the job cannot be retried: it is {job.status}, and only failed jobs can"
    if job.retry_count >= job.max_retries:
        return f"the job cannot be retried: no retries left, {job.retry_count} of {job.max_retries} used"
    return None
