"""The steps that a plan may yield, and what the driver answers each with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

from ..._realtime.subscriptions import Event, Subscription
from ..._transports.messages import RawResponse, Request
from ...errors import FluxbaseError

T = TypeVar("T")


@frozen
class Instant:
    """The time, and a random number."""

    monotonic: float
    """Seconds, for durations."""
    utc: datetime
    random: float
    """From 0 to 1, for jitter."""


@frozen
class Sent:
    """What came of a request, and when."""

    outcome: RawResponse | FluxbaseError
    at: Instant


@frozen
class Send:
    """Send one request. The driver answers with a `Sent`."""

    request: Request
    timeout: float
    """Seconds for the whole request."""


@frozen
class Pause:
    """Wait. The driver answers with the Instant after it."""

    seconds: float
    retry: str = ""
    """What is retried after it and why, for the log; nothing where no request failed."""


@frozen
class Invoke:
    """Call a user's callback, awaiting it if needed. Its exceptions propagate. The driver answers with what it returns."""

    callback: Callable[[], Any]


@frozen
class Acquire:
    """Wait for a lock, which the plan releases. The driver answers whether it was acquired."""

    lock: threading.Lock
    timeout: float
    """Seconds to wait at most."""


@frozen
class ReadClock:
    """Read the clocks and draw a random number for jitter. The driver answers with an Instant."""


@frozen
class Received:
    """The events that came, maybe none, and when."""

    events: Sequence[Event]
    at: Instant


@frozen
class Subscribe:
    """Receive the events of some jobs. The driver answers with a Subscription for each group, or with none where there is no WebSocket."""

    hub: Any
    """The client's Hub or AsyncHub."""
    groups: Sequence[Sequence[str]]
    """The ids of the jobs. Waiting for the events of one group waits for those of all."""
    logs: bool


@frozen
class NextEvent:
    """Wait for an event, but not longer than `timeout`. The driver answers with a `Received`."""

    source: Subscription
    timeout: float


@frozen
class Shield:
    """Carry another plan out to its end, even where the caller is interrupted (Ctrl-C, a cancelled task).

    The driver answers with the plan's result. An interruption is raised after it.
    """

    plan: Plan[Any]


@frozen
class Emit(Generic[T]):
    """Hand a value to the caller, who may stop iterating there. Only iterators' plans yield this."""

    value: T


Step: TypeAlias = Send | Pause | Invoke | Acquire | ReadClock | Shield | Subscribe | NextEvent
Plan: TypeAlias = Generator[Step, Any, T]
"""What a verb does; it returns the verb's result."""
Stream: TypeAlias = Generator[Step | Emit[T], Any, None]
"""What an iterating verb does; it emits the results."""


def read_clock() -> Plan[Instant]:
    """Read the clocks and draw a random number for jitter."""
    instant: Instant = yield ReadClock()
    return instant


def pause(seconds: float, retry: str = "") -> Plan[Instant]:
    """Wait, and read the clocks afterwards."""
    instant: Instant = yield Pause(seconds, retry)
    return instant


def record_sends(plan: Plan[T], sends: list[Send]) -> Plan[T]:
    """Run a plan unchanged, and record the requests that it sends."""
    answer: object = None
    try:
        while True:
            step = plan.send(answer)
            if isinstance(step, Send):
                sends.append(step)
            answer = yield step
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        plan.close()


def for_each(stream: Stream[T], handle: Callable[[T], Plan[None]]) -> Plan[T]:
    """Run a stream inside a plan: `handle` each value that it emits, and return the last one."""
    answer: object = None
    values: list[T] = []
    while True:
        try:
            step = stream.send(answer)
        except StopIteration:
            return values[0]
        if isinstance(step, Emit):
            values, answer = [step.value], None
            yield from handle(step.value)
        else:
            answer = yield step
