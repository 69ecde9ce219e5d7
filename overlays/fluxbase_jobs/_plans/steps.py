"""The steps that a plan can ask for, and what it is told in return."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

from ..errors import FluxbaseError

T = TypeVar("T")


@frozen
class Reply:
    """A complete answer from the server, whatever it says."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@frozen
class Send:
    """Send one request. The plan is told a Reply, or the error that kept one from coming."""

    request: Mapping[str, Any]
    """The keyword arguments of httpx's `build_request`."""
    timeout: float
    """Seconds for the whole request."""


@frozen
class Pause:
    """Wait. The plan is told nothing."""

    seconds: float


@frozen
class Ask:
    """Call a function of the user, or await it; its exceptions are not the plan's business. The plan is told what it returns."""

    callback: Callable[[], Any]


@frozen
class Acquire:
    """Wait for a lock, which the plan releases. The plan is told whether it is ours."""

    lock: threading.Lock
    timeout: float
    """Seconds to wait at most."""


@frozen
class Now:
    """Look at the clocks and throw a die. The plan is told an Instant."""


@frozen
class Emit(Generic[T]):
    """Hand a value to the caller, who may not come back. Only iterators' plans do this."""

    value: T


@frozen
class Instant:
    """What time it is, and a random number."""

    monotonic: float
    """Seconds, for durations."""
    utc: datetime
    random: float
    """From 0 to 1."""


Step: TypeAlias = Send | Pause | Ask | Acquire | Now
Plan: TypeAlias = Generator[Step, Any, T]
"""A call: it ends with its result."""
Stream: TypeAlias = Generator[Step | Emit[T], Any, None]
"""An iteration: it emits its results."""


def send(request: Mapping[str, Any], timeout: float) -> Plan[Reply | FluxbaseError]:
    """Send one request."""
    outcome: Reply | FluxbaseError = yield Send(request, timeout)
    return outcome


def now() -> Plan[Instant]:
    """Look at the clocks and throw a die."""
    instant: Instant = yield Now()
    return instant


def each(stream: Stream[T], handle: Callable[[T], Plan[None]]) -> Plan[T]:
    """Go through a stream inside a plan: `handle` each value, end with the last one."""
    told: object = None
    values: list[T] = []
    while True:
        try:
            step = stream.send(told)
        except StopIteration:
            return values[0]
        if isinstance(step, Emit):
            values, told = [step.value], None
            yield from handle(step.value)
        else:
            told = yield step
