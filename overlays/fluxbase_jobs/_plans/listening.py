"""Waiting for an event or the time: what the plans that follow jobs share where there is a WebSocket, and where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from msgspec.structs import replace

from .._context.call_context import CallContext
from .._realtime.protocol import JobChanged, LineLogged
from .._realtime.subscriptions import Event, Linked, Subscription
from ..models.jobs import Job
from ..result import Err, Result
from .exchange.steps import Instant, NextEvent, Plan, Received, Subscribe, pause
from .polling import last_change

LINK_SECONDS: Final = 0.3
"""Seconds that a first read waits for the subscription: a read before it would have to be repeated after it."""

SAFETY_POLL: Final = 45.0
"""Seconds between two polls of a job whose changes come by themselves: the server drops events in floods, without a sign."""

__all__ = [
    "SAFETY_POLL",
    "Event",
    "JobChanged",
    "LineLogged",
    "Linked",
    "applied",
    "changes_come",
    "listen",
    "listen_each",
    "planned",
    "until_linked",
    "wait_for_events",
]


def listen(context: CallContext, job_ids: Sequence[str], *, logs: bool) -> Plan[Subscription | None]:
    """Receive the events of jobs; None where the client only polls. Close it in the end."""
    listening = yield from listen_each(context, [job_ids] if job_ids else [], logs=logs)
    return listening[0] if listening else None


def listen_each(context: CallContext, groups: Sequence[Sequence[str]], *, logs: bool) -> Plan[list[Subscription]]:
    """Receive the events of several groups of jobs apart, but wait for all of them at once; an empty list where the client only polls."""
    hub = context.client.memory.hub
    if hub is None or not groups:
        return []
    sources: list[Subscription] = yield Subscribe(hub, groups, logs)
    return sources


def until_linked(source: Subscription | None, now: Instant, end: float) -> Plan[Instant]:
    """Wait a moment for a new subscription, so that the first read comes after it and misses nothing."""
    if source is None or source.linked.changes or source.linked.logs:
        return now
    received = yield from wait_for_events(source, LINK_SECONDS, now, end)
    for event in received.events:
        if isinstance(event, LineLogged | JobChanged):
            source.put_back(received.events)
            break
    return received.at


def changes_come(source: Subscription | None, job: Job | None) -> bool:
    """Whether the changes of a job come by themselves, so that it need not be polled."""
    return source is not None and source.linked.changes and job is not None and source.sees(job)


def planned(interval: float, result: Result[Any] | None) -> float:
    """The seconds until the next poll: as planned, or as many as the server asks for."""
    return max(interval, result.error.retry_after or 0.0) if isinstance(result, Err) else interval


def wait_for_events(source: Subscription | None, left: float, now: Instant, end: float) -> Plan[Received]:
    """Wait for the next event, or for the next poll in so many seconds, but not beyond the end."""
    seconds = max(0.0, min(left, end - now.monotonic))
    if source is None:
        return Received((), (yield from pause(seconds)))
    received: Received = yield NextEvent(source, seconds)
    return received


def applied(known: Job, event: Job) -> Job | None:
    """The job after a change; None where more is known already. Events lack the payload, and an API request may be ahead of them."""
    if _version(event) < _version(known):
        return None
    return cast("Job", replace(cast("Any", event), payload=known.payload_text))


def _version(job: Job) -> tuple[int, datetime]:
    """What grows with each change of a job: its retries, and the latest of its moments."""
    return job.retry_count, last_change(job)
