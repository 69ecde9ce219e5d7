"""What a request left behind that failed without saying so: a bare 500, explained by reading the job, or a submit that was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from ..._operations.operation import KEY_HEADER, Operation
from ..._validation.arguments import is_a, plain_text
from ...errors import FluxbaseError, NotAllowedInState, NotFound
from ...models.inputs import Submission
from ...models.jobs import Job
from ...result import Err, Meta, Ok, Result
from .steps import Plan, Send, record_sends

E = TypeVar("E", bound=FluxbaseError)


def with_reason(failed: Err, reading: Plan[Result[Job]], reason_of: Callable[[Job], str | None]) -> Plan[Err]:
    """The failure of a change; where it is the server's bare 500, with the reason that the job's state shows.

    The server answers a lost race and exhausted retries with that 500 (recorded, failures): reading the job explains it, and sending the
    change again never helps.
    """
    if failed.error.status != 500:
        return failed
    found = yield from reading
    refused = None if isinstance(found, Err) else not_allowed(found, failed.error, reason_of, failed.meta)
    if refused is not None:
        return refused
    meta = failed.meta.plus(found.meta)
    return Err(failed.error.with_(attempts=meta.attempts), meta)


def not_allowed(found: Ok[Job], error: FluxbaseError, reason_of: Callable[[Job], str | None], before: Meta | None = None) -> Err | None:
    """The error of a change that a job's state, as it was read, does not allow, in place of the server's; None where the state allows it."""
    reason = reason_of(found.data)
    if reason is None:
        return None
    meta = found.meta if before is None else before.plus(found.meta)
    return Err(replace_error(NotAllowedInState, reason, error, meta).with_(job_status=found.data.status), meta)


def with_function_name(submitted: Result[Job], submission: Submission) -> Result[Job]:
    """A submit's result; where the server does not know the function, the error names it, as a batch has many."""
    if isinstance(submitted.error, NotFound) and "function" in submitted.error.message:
        return Err(submitted.error.with_(message=f"{submitted.error.message}: {plain_text(submission.job_name)}"), submitted.meta)
    return submitted


def unless_interrupted(sending: Plan[Result[Job]], lost: Plan[str]) -> Plan[Result[Job]]:
    """A submit's result. Interrupted while the request is in flight, add to the exception what `lost` says of the job."""
    sends: list[Send] = []
    try:
        return (yield from record_sends(sending, sends))
    except GeneratorExit:
        raise  # no step may follow
    except BaseException as interruption:
        if sends:
            interruption.add_note((yield from lost))
        raise
    finally:
        lost.close()


def lost_submit(operation: Operation[Job], submission: Submission | None = None) -> Plan[str]:
    """What to say of a submit whose response nobody read. Under the same key the server answers with the same job."""
    yield from ()
    if submission is not None and is_a(submission.scheduled, timedelta):
        return "the job may have been queued"  # a timedelta goes with no key
    return f"the job may have been queued; the same call with idempotency_key={operation.request['headers'][KEY_HEADER]!r} finds it"


def replace_error(kind: type[E], message: str, error: FluxbaseError, meta: Meta) -> E:
    """An error of another kind in place of a bare 500, which keeps the server's message."""
    return kind(
        message,
        code=error.code,
        status=error.status,
        request_id=error.request_id,
        details=error.message,
        attempts=meta.attempts,
        job_id=error.job_id,
    )


def read_back_failed(error: FluxbaseError, what: str, meta: Meta) -> Err:
    """The change succeeded but reading it back failed; the call must not be retried."""
    unread = error.with_(message=f"{what} could not be read back: {error.message}", retryable=False, attempts=meta.attempts)
    return Err(unread, meta)


def reason_not_cancelled(job: Job) -> str | None:
    """Why a job in this state cannot be cancelled; None where it can."""
    return f"the job cannot be cancelled: it is {job.status} already" if job.is_terminal else None


def reason_not_retried(job: Job) -> str | None:
    """Why a job in this state cannot be retried; None where it can."""
    if job.status != "failed":
        return f"the job cannot be retried: it is {job.status}, and only failed jobs can"
    if job.retry_count >= job.max_retries:
        return f"the job cannot be retried: no retries left, {job.retry_count} of {job.max_retries} used"
    return None


def with_retrys_alternative(refused: Err) -> Err:
    """The refusal of a retry, with the verb that fits the job's state."""
    error = refused.error
    if not isinstance(error, NotAllowedInState) or error.hint:
        return refused
    is_going_on = error.job_status in {"pending", "running"}
    verb, effect = ("wait", "waits for its end") if is_going_on else ("resubmit", "queues a new job like it")
    return Err(error.with_(hint=f"jobs.{verb}('{error.job_id}') {effect}"), refused.meta)
