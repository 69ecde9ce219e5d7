"""What all plans that poll share: how long and how often, the pause between two polls, and the error of a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from .._validation import arguments
from ..errors import FluxbaseError, InvalidInput, NotFound, WaitTimeout
from ..models.jobs import Job
from ..policies.poll import PollPolicy
from ..result import Err, Meta, Ok, Result
from .exchange.steps import Instant

OnProgress: TypeAlias = Callable[[Job], object]

CLEANUP_SECONDS: Final = 10.0
"""Seconds for what is left to do after a deadline, like cancelling."""


STUCK_SECONDS: Final = 300.0
"""Seconds without a change after which a running job may hang for ever, and a pending one may have no worker."""
STUCK: Final = (
    f"nothing changed for {STUCK_SECONDS / 60:g} minutes: a job whose worker died, or whose result or error the server cannot store "
    "(a NUL in it, an error of more than 7,000 characters), stays `running`; cancel it if so"
)
NOT_TAKEN: Final = (
    f"no worker took it for {STUCK_SECONDS / 60:g} minutes: all of the server's workers are busy with other jobs, or none runs; cancel it "
    "if it is not wanted any more"
)
EMPTY_RESULT: Final = "{}"
UNCHECKED: Final = "the job completed with {}, as it also does where the server loses its result: run and wait look into its log for that, this verb does not"


@frozen(kw_only=True)
class WaitOptions:
    """The arguments of a verb that waits, not checked yet."""

    timeout: arguments.Seconds
    poll: PollPolicy
    on_progress: OnProgress | None = None
    cancel_on_timeout: bool = False
    cancel_on_exit: bool = False

    def checked(self) -> Waiting:
        """These options, fit for use. Raises InvalidInput, naming the argument."""
        if not arguments.is_a(self.poll, PollPolicy):
            raise InvalidInput("poll must be a PollPolicy")
        arguments.callback("on_progress", self.on_progress)
        return Waiting(
            timeout=arguments.seconds("timeout", self.timeout),
            poll=self.poll,
            on_progress=self.on_progress,
            cancel_on_timeout=arguments.flag("cancel_on_timeout", self.cancel_on_timeout),
            cancel_on_exit=arguments.flag("cancel_on_exit", self.cancel_on_exit),
        )


@frozen(kw_only=True)
class Waiting:
    """How to wait: checked options."""

    timeout: float
    poll: PollPolicy
    on_progress: OnProgress | None
    cancel_on_timeout: bool
    cancel_on_exit: bool


def read_ids(job_ids: Iterable[object]) -> Iterator[tuple[str, InvalidInput | None]]:
    """The ids in their canonical form; one that is none as it was given, with what is wrong with it."""
    for given in job_ids:
        try:
            yield arguments.job_id(given, "job_ids"), None
        except InvalidInput as error:
            yield _label(given), error


def _label(given: object) -> str:
    """An id as it was given, where it is none."""
    try:
        return str(given)
    except Exception:  # noqa: BLE001  # the caller's object may raise anything
        return object.__repr__(given)


def is_refused(result: Result[Any] | None, now: Instant, end: float) -> bool:
    """Whether the server asks for a longer pause than the wait has time for: it can end at once."""
    return isinstance(result, Err) and (result.error.retry_after or 0.0) > max(end - now.monotonic, 0.0)


def is_transient(error: FluxbaseError, *, not_found_too: bool = False) -> bool:
    """Whether the next poll may succeed where this one failed."""
    return error.retryable or (not_found_too and isinstance(error, NotFound))


def is_empty(job: Job) -> bool:
    """Whether a job completed with `{}`, which is its result, or what the server stores where it lost that."""
    return job.succeeded and job.result_text == EMPTY_RESULT


def unchecked(result: Result[Job]) -> Result[Job]:
    """The result of a verb that does not read logs, with a note where the server may have lost the job's own."""
    if isinstance(result, Err) or not is_empty(result.data):
        return result
    return Ok(result.data, with_note(result.meta, UNCHECKED))


def with_note(meta: Meta, note: str) -> Meta:
    """The meta with one more note."""
    return evolve(meta, notes=(*meta.notes, note))


def wait_timeout(job_id: str | None, job: Job | None, timeout: float, last: Result[Any], now: Instant) -> WaitTimeout:
    """The error of a deadline that has passed.

    Args:
        job_id: the job.
        job: as it was last read; None where it could not be read.
        timeout: the time limit, in seconds.
        last: of the last request.
        now: the time.
    """
    if job is None:
        reason = f": {last.error.message}" if isinstance(last, Err) else ""
        return WaitTimeout(f"job {job_id} could not be read within {timeout:g} s{reason}", hint=_may_run(job_id), job_id=job_id)
    return WaitTimeout(
        f"job {job_id} was {job.status} after {timeout:g} s",
        hint=_why_it_goes_on(job, last.meta, now),
        job_id=job_id,
    ).with_(job=job)


def _may_run(job_id: str | None) -> str:
    return f"the job may still run on the server; {_keep_waiting(job_id)}"


def _keep_waiting(job_id: str | None) -> str:
    return f"call jobs.wait({job_id!r}) to keep waiting"


def _why_it_goes_on(job: Job, meta: Meta, now: Instant) -> str:
    """What is known of a job that is not over: that of a hanging one, too, however short this wait was."""
    if job.is_terminal:
        return f"the job has ended; call jobs.logs({job.id!r}) to read the rest of its log"
    unchanged = seconds_since(max(last_change(job), job.scheduled_at or job.created_at), meta, now)
    why = "the job is still running on the server"
    if job.status == "running" and unchanged >= STUCK_SECONDS:
        why = f"{STUCK}; {why}"
    elif job.status == "pending" and job.scheduled_at is not None and job.scheduled_at > now.utc:
        why = f"the job is scheduled, and due at {job.scheduled_at.isoformat(sep=' ', timespec='seconds')}"
    elif job.status == "pending":
        # When a retried job came back into the queue is not told.
        why = NOT_TAKEN if unchanged >= STUCK_SECONDS and job.retry_count == 0 else "no worker has taken it yet"
    return f"{why}; {_keep_waiting(job.id)}"


def last_change(job: Job) -> datetime:
    """The latest of a job's moments."""
    moments = (job.created_at, job.started_at, job.last_progress_at, job.completed_at)
    return max(moment for moment in moments if moment is not None)


def seconds_since(moment: datetime, meta: Meta, now: Instant) -> float:
    """By the server's clock where its response tells the time; else by ours, less a minute that it may be wrong."""
    try:
        server = parsedate_to_datetime(meta.headers["date"])
        server = server if server.tzinfo else server.replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        server = now.utc - timedelta(minutes=1)
    return max(0.0, (server - moment).total_seconds())


def wait_refused(job_id: str | None, job: Job | None, error: FluxbaseError, left: float) -> WaitTimeout:
    """The error of a wait that the server does not let go on before its deadline."""
    status = f"was {job.status} when it was last read" if job else "could not be read"
    reason = f"the server asks to wait {error.retry_after:g} s, more than the {max(left, 0.0):.3g} s left"
    return WaitTimeout(f"job {job_id} {status}: {reason}", hint=_may_run(job_id), job_id=job_id).with_(job=job)
