"""The arguments that several verbs share, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, TypeVar, cast
from uuid import UUID

from .._context.call_context import CallOptions, RetryOption
from .._plans.polling import OnProgress, WaitOptions
from .._validation.arguments import Seconds
from ..models.inputs import OnBehalfOf, Submission
from ..policies.poll import PollPolicy

Payload: TypeAlias = Mapping[str, object] | object | None
In = TypeVar("In")
Out = TypeVar("Out")

WAIT_TIMEOUT: Final = 900.0
DEFAULT_POLL: Final = PollPolicy()
SUBMISSION_OPTIONS: Final = frozenset({"priority", "scheduled", "on_behalf_of", "idempotency_key"})
BATCH_OPTIONS: Final = SUBMISSION_OPTIONS - {"idempotency_key"}
WAIT_OPTIONS: Final = frozenset({"timeout", "poll", "on_progress", "cancel_on_timeout", "cancel_on_exit"})


class SubmitOptions(CallOptions, total=False):
    """What a definition's `submit` takes beside the payload."""

    priority: int | None
    scheduled: datetime | timedelta | str | None
    on_behalf_of: str | UUID | OnBehalfOf | None
    idempotency_key: str | None


class BatchOptions(CallOptions, total=False):
    """What a definition's `submit_many` takes for all of its jobs."""

    priority: int | None
    scheduled: datetime | timedelta | str | None
    on_behalf_of: str | UUID | OnBehalfOf | None


class AwaitOptions(RetryOption, total=False):
    """What a definition's `wait` takes beside the job; `timeout` is that of the wait."""

    timeout: Seconds
    poll: PollPolicy
    on_progress: OnProgress | None
    cancel_on_timeout: bool
    cancel_on_exit: bool


class RunOptions(SubmitOptions, total=False):
    """What a definition's `run` takes beside the payload; `timeout` is that of the wait."""

    timeout: Seconds
    poll: PollPolicy
    on_progress: OnProgress | None
    cancel_on_timeout: bool
    cancel_on_exit: bool


def split_submit_options(job_name: str, payload: object, namespace: str | None, options: Any) -> tuple[Submission, CallOptions]:
    """A definition's `submit` options: those that describe the job, and those of the call."""
    described = {name: options[name] for name in SUBMISSION_OPTIONS if name in options}
    call = {name: value for name, value in options.items() if name not in SUBMISSION_OPTIONS}
    return Submission(job_name, payload, namespace=namespace, **described), cast("CallOptions", call)


def split_run_options(job_name: str, payload: object, namespace: str | None, options: Any) -> tuple[Submission, WaitOptions, RetryOption]:
    """A definition's `run` options: those that describe the job, those of the wait, and those of the call."""
    submission, rest = split_submit_options(job_name, payload, namespace, options)
    return (submission, *split_wait_options(rest))


def split_wait_options(options: Any) -> tuple[WaitOptions, RetryOption]:
    """A definition's `wait` options: those of the wait, and those of the call."""
    waiting = {"timeout": WAIT_TIMEOUT, "poll": DEFAULT_POLL, **options}
    call = {name: waiting.pop(name) for name in waiting.keys() - WAIT_OPTIONS}
    return WaitOptions(**cast("Any", waiting)), cast("RetryOption", call)


def split_batch_options(options: Any) -> tuple[dict[str, Any], CallOptions]:
    """A definition's `submit_many` options: those that describe the jobs, and those of the call."""
    described = {name: options[name] for name in BATCH_OPTIONS if name in options}
    return described, cast("CallOptions", {name: value for name, value in options.items() if name not in BATCH_OPTIONS})
