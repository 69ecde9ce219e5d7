"""Submitting many jobs: one plan for each item, under keys that follow from the batch's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final, TypeAlias, TypeVar, cast

from attrs import evolve, frozen

from .._context.call_context import CallContext, CallOptions, ClientSettings
from .._operations.operation import derived
from .._validation import arguments
from ..errors import InvalidInput
from ..models.inputs import Submission
from ..models.jobs import Job
from ..result import Ok, Result
from . import jobs
from .call import call
from .steps import Plan

Item: TypeAlias = tuple[str, object] | Submission
ItemT = TypeVar("ItemT", bound=Item)

MAX_RESUBMISSIONS: Final = 20
MAX_WORKERS: Final = 1000


@frozen(kw_only=True)
class Batch:
    """How a batch is keyed."""

    key: str | None
    retry_failed: bool

    def __attrs_post_init__(self) -> None:
        if self.key is not None:
            arguments.idempotency_key(self.key, "batch_key")
        arguments.flag("retry_failed", self.retry_failed)


def workers(concurrency: object) -> int:
    """How many requests may run at once."""
    return arguments.integer("concurrency", concurrency, 1, MAX_WORKERS)


def submissions(
    client: ClientSettings, options: CallOptions, items: Iterable[ItemT], batch: Batch
) -> Iterator[tuple[ItemT, Plan[Result[Job]]]]:
    """Each item with the plan that submits it, made lazily."""
    for position, item in enumerate(items):
        yield item, call(_submit_one, client, options, item, batch, position)


def _submit_one(context: CallContext, item: object, batch: Batch, position: int) -> Plan[Result[Job]]:
    """Submit one item under its key; where that only replays an earlier failure and `retry_failed` is set, under the next key."""
    submission = _keyed(_submission(item), batch, position)
    key = submission.idempotency_key
    result = yield from jobs.submit(context, submission)
    if key is None or not batch.retry_failed:
        return result
    for number in range(1, MAX_RESUBMISSIONS):
        if isinstance(result, Ok) or not result.meta.idempotency_replayed:
            break
        result = yield from jobs.submit(context, evolve(submission, idempotency_key=derived(key, f"~{number}")))
    return result


def _submission(item: object) -> Submission:
    if isinstance(item, Submission):
        return item
    pair = cast("tuple[object, ...]", item) if isinstance(item, tuple) else ()
    if len(pair) == 2:
        return Submission(cast("str", pair[0]), pair[1])
    raise InvalidInput("items must be tuples of a job name and a payload, or Submissions")


def _keyed(submission: Submission, batch: Batch, position: int) -> Submission:
    """The submission under the batch's key and its own, or its position."""
    if batch.key is None:
        return submission
    if isinstance(submission.scheduled, timedelta):
        raise InvalidInput("scheduled must be a moment where there is a batch_key: a timedelta means another one in each run")
    own = submission.idempotency_key
    # Positions and own keys are marked differently: an own key "1" is not the second position.
    ending = f"#{position}" if own is None else f":{arguments.idempotency_key(own)}"
    return evolve(submission, idempotency_key=derived(batch.key, ending))
