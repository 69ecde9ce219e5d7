"""What all plans that poll share: how long and how often, the pause between two polls, and the error of a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from attrs import frozen

from .._validation import arguments
from ..errors import FluxbaseError, InvalidInput, NotFound, WaitTimeout
from ..models.jobs import Job
from ..policies.poll import PollPolicy
from ..result import Err, Result
from .exchange.steps import Instant, Plan, pause

OnProgress: TypeAlias = Callable[[Job], object]

CLEANUP_SECONDS: Final = 10.0
"""Seconds for what is left to do after a deadline, like cancelling."""


STUCK_SECONDS: Final = 300.0
"""Seconds without a change after which a running job may hang for ever."""
STUCK: Final = (
    f"nothing changed for {STUCK_SECONDS / 60:g} minutes: a job whose worker died, or whose result or error the server cannot store "
    "(a NUL in it, an error of more than 7,000 characters), stays `running`; cancel it if so"
)


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
            yield _job_id(given), None
        except InvalidInput as error:
            yield _label(given), error


def _job_id(given: object) -> str:
    try:
        return arguments.job_id(given, "job_ids")
    except InvalidInput:
        raise
    except Exception as fault:  # noqa: BLE001  # the caller's object may raise anything
        raise InvalidInput(f"job_ids must be jobs or UUIDs; reading one raised {type(fault).__name__}") from None


def _label(given: object) -> str:
    """An id as it was given, where it is none."""
    try:
        return str(given)
    except Exception:  # noqa: BLE001  # the caller's object may raise anything
        return object.__repr__(given)


def pause_until_next_poll(interval: float, result: Result[Any] | None, now: Instant, end: float) -> Plan[Instant]:
    """Wait for the planned interval, or for the server's Retry-After, but not beyond the end."""
    retry_after = (result.error.retry_after or 0.0) if isinstance(result, Err) else 0.0
    return (yield from pause(max(0.0, min(max(interval, retry_after), end - now.monotonic))))


def is_refused(result: Result[Any] | None, now: Instant, end: float) -> bool:
    """Whether the server asks for a longer pause than the wait has time for: it can end at once."""
    return isinstance(result, Err) and (result.error.retry_after or 0.0) > max(end - now.monotonic, 0.0)


def is_transient(error: FluxbaseError, *, not_found_too: bool = False) -> bool:
    """Whether the next poll may succeed where this one failed."""
    return error.retryable or (not_found_too and isinstance(error, NotFound))


def wait_timeout(job_id: str | None, job: Job | None, timeout: float, unchanged: float = 0.0) -> WaitTimeout:
    """The error of a deadline that has passed. `unchanged` is for how many seconds the job did not change."""
    hint = f"the job is still running on the server; call jobs.wait({job_id!r}) to keep waiting"
    if job is not None and job.status == "running" and unchanged >= STUCK_SECONDS:
        hint = f"{STUCK}; {hint}"
    if job is not None and job.is_terminal:
        hint = f"the job has ended; call jobs.logs({job_id!r}) to read the rest of its log"
    status = f"was {job.status}" if job else "could not be read"
    return WaitTimeout(
        f"job {job_id} {status} after {timeout:g} s",
        hint=hint,
        job_id=job_id,
    ).with_(job=job)


def wait_refused(job_id: str | None, job: Job | None, error: FluxbaseError, left: float) -> WaitTimeout:
    """The error of a wait that the server does not let go on before its deadline."""
    status = f"was {job.status} when it was last read" if job else "could not be read"
    reason = f"the server asks to wait {error.retry_after:g} s, more than the {max(left, 0.0):.3g} s left"
    return WaitTimeout(
        f"job {job_id} {status}: {reason}",
        hint=f"the job may still run on the server; call jobs.wait({job_id!r}) to keep waiting",
        job_id=job_id,
    ).with_(job=job)
