"""The steps that a plan can ask for, and what it is told in return."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

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
class Ask:
    """Call a function of the user, or await it; its exceptions are not the plan's business. The plan is told what it returns."""

    callback: Callable[..., Any]


@frozen
class Now:
    """Look at the clock. The plan is told an Instant."""


@frozen
class Instant:
    """One look at both clocks."""

    monotonic: float
    """Seconds, for durations."""
    utc: datetime


Step: TypeAlias = Send | Ask | Now
Plan: TypeAlias = Generator[Step, Any, T]


def send(request: Mapping[str, Any], timeout: float) -> Plan[Reply | FluxbaseError]:
    """Send one request."""
    outcome: Reply | FluxbaseError = yield Send(request, timeout)
    return outcome


def now() -> Plan[Instant]:
    """Look at the clock."""
    instant: Instant = yield Now()
    return instant
