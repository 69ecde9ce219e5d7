"""Submitting many jobs: one plan for each item, under keys that follow from the batch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from datetime import timedelta
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar, cast

from attrs import evolve, field, frozen

from .._context.call_context import CallContext, CallOptions, ClientSettings
from .._operations import jobs as operations
from .._operations.operation import Operation, derived
from .._validation import arguments
from ..errors import InvalidInput
from ..models.inputs import Submission
from ..models.jobs import Job
from ..result import Err, Ok, Result
from .exchange.call import call
from .exchange.request import after, exchange
from .exchange.steps import Instant, Invoke, Plan, read_clock
from .exchange.stuck_keys import JobsOfBatch, is_stuck, look_up

T = TypeVar("T")
Item: TypeAlias = tuple[str, object] | Submission
ItemT = TypeVar("ItemT", bound=Item)

OnSubmitted: TypeAlias = Callable[[int, int | None], object]

ITEMS: Final = "pairs of a job name and a payload, or Submissions"
MAX_RESUBMISSIONS: Final = 20
MAX_WORKERS: Final = 1000
_RESUME: Final = "run the batch again with the same batch_key within 24 hours to submit only the items that are missing"
_NOT_RESUMABLE: Final = "with a batch_key, running the batch again would submit only the items that are missing"


@frozen(kw_only=True)
class Batch:
    """How a batch is keyed, and which jobs its items have."""

    key: str | None
    retry_failed: bool
    jobs: JobsOfBatch = field(factory=JobsOfBatch, init=False)

    def __attrs_post_init__(self) -> None:
        if self.key is not None:
            object.__setattr__(self, "key", arguments.idempotency_key(self.key, "batch_key"))
        arguments.flag("retry_failed", self.retry_failed)


def workers(concurrency: object) -> int:
    """How many requests may run at once."""
    return arguments.integer("concurrency", concurrency, 1, MAX_WORKERS)


class BatchReport(Generic[T]):
    """What has become of a batch so far, for the caller's `on_progress` and for a note on the exception that ends it early."""

    def __init__(self, items: object, on_progress: OnSubmitted | None, *, resumable: bool) -> None:
        arguments.callback("on_progress", on_progress)
        self._on_progress = on_progress
        self._total = _length(items)
        self._resumable = resumable
        self._done = 0
        self._submitted = 0

    def count(self, result: T) -> None:
        """Note a result that is about to be yielded."""
        self._done += 1
        self._submitted += isinstance(result, Ok)

    def report_progress(self) -> Plan[None]:
        """Call the caller's `on_progress`."""
        if self._on_progress is not None:
            yield Invoke(partial(self._on_progress, self._done, self._total))

    def note(self, open_results: Sequence[T | None]) -> str:
        """How many jobs were submitted and how to go on. `open_results`: those that were not yielded, None where there is no response."""
        not_yielded = sum(isinstance(result, Ok) for result in open_results)
        parts = [f"submit_many: {self._submitted + not_yielded} jobs were submitted"]
        if not_yielded:
            parts.append(f"{not_yielded} of them were not yielded yet")
        if unknown := sum(result is None for result in open_results):
            parts.append(f"{unknown} requests had no response yet, and the server may have queued their jobs")
        return f"{', '.join(parts)}; {_RESUME if self._resumable else _NOT_RESUMABLE}"


def submissions(
    client: ClientSettings, options: CallOptions, items: Iterable[ItemT], batch: Batch
) -> Iterator[tuple[ItemT, Plan[Result[Job]]]]:
    """Each item with the plan that submits it, made lazily."""
    for position, item in enumerate(items):
        yield item, call(_submit_one, client, options, item, batch, position)


def _submit_one(context: CallContext, item: object, batch: Batch, position: int) -> Plan[Result[Job]]:
    """Submit one item under its key; where that only replays an earlier failure and `retry_failed` is set, under the next key.

    A key that stays in progress may have made a job, so that is looked for.
    """
    now = yield from read_clock()
    operation, key = _prepared(item, batch, position, now)
    result = yield from exchange(context, operation)
    if key is None:
        return result
    for number in range(1, MAX_RESUBMISSIONS if batch.retry_failed else 1):
        if isinstance(result, Ok) or not result.meta.idempotency_replayed:
            break
        result = after(result.meta, (yield from exchange(context, operation.with_key(derived(key, f"~{number}")))))
    if isinstance(result, Err) and is_stuck(result):
        return (yield from look_up(context, operation, result, batch.jobs, position))
    return batch.jobs.give(position, result)


def _prepared(item: object, batch: Batch, position: int, now: Instant) -> tuple[Operation[Job], str | None]:
    """The request of an item, and its key. Whatever the item itself raises is the item's error and not the batch's."""
    try:
        submission = _keyed(_submission(item, position), batch, position)
        return operations.submit(submission, now.utc), submission.idempotency_key
    except InvalidInput:
        raise
    except Exception as fault:  # noqa: BLE001  # the caller's objects may raise anything
        raise InvalidInput(f"items[{position}] must be readable; reading it raised {type(fault).__name__}") from None


def _submission(item: object, position: int) -> Submission:
    if arguments.is_a(item, Submission):
        return cast("Submission", item)
    pair = cast("tuple[object, ...]", item) if arguments.is_a(item, tuple) else ()
    if len(pair) == 2:
        return Submission(cast("str", pair[0]), pair[1])
    raise InvalidInput(f"items[{position}] must be a tuple of a job name and a payload, or a Submission")


def _length(items: object) -> int | None:
    """The number of items, where it is known."""
    try:
        return len(cast("Sized", items))
    except Exception:  # noqa: BLE001  # an iterator has no length, and the caller's objects may raise anything
        return None


def _keyed(submission: Submission, batch: Batch, position: int) -> Submission:
    """The submission under the batch's key and its own, or its position."""
    if batch.key is None:
        return submission
    if arguments.is_a(submission.scheduled, timedelta):
        raise InvalidInput("scheduled must be a moment where there is a batch_key: a timedelta means another one in each run")
    own = submission.idempotency_key
    # Positions and own keys are marked differently: an own key "1" is not the second position.
    ending = f"#{position}" if own is None else f":{arguments.idempotency_key(own)}"
    return evolve(submission, idempotency_key=derived(batch.key, ending))
