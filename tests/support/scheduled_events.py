"""Events of a WebSocket at given times of the fake clock."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from fluxbase_jobs._realtime.protocol import JobChanged, LineLogged
from fluxbase_jobs._realtime.subscriptions import Event, HeardLines, Linked, Subscription


class ScheduledEvents(Subscription):
    """A subscription whose events come at given times."""

    def __init__(self, hub: ScheduledHub, job_ids: Iterable[str], *, logs: bool) -> None:
        super().__init__(job_ids, threading.Event(), lambda _: hub.sees, logs=logs)
        self._hub = hub
        self.siblings: Sequence[ScheduledEvents] = [self]
        """All that wait together."""
        wanted = [(at, event) for at, event in hub.schedule if isinstance(event, Linked) or self._job_of(event) in self.job_ids]
        self._schedule = sorted(wanted, key=lambda entry: entry[0])

    @staticmethod
    def _job_of(event: JobChanged | LineLogged) -> str:
        return event.job_id if isinstance(event, LineLogged) else event.job.id

    def wait(self, now: float, timeout: float) -> float:
        """Make the events ready that come next, if they come in time; the seconds until then."""
        if self.ready.is_set():
            return 0.0
        coming = [each.next_at for each in self.siblings if each.next_at is not None and each.next_at <= now + timeout]
        if not coming:
            return timeout
        at = max(min(coming), now)
        for each in self.siblings:
            each.put_until(at)
        return at - now

    @property
    def next_at(self) -> float | None:
        """When the next event comes."""
        return self._schedule[0][0] if self._schedule else None

    def put_until(self, at: float) -> None:
        """Make the events ready that have come by then."""
        while self._schedule and self._schedule[0][0] <= at:
            event = self._schedule.pop(0)[1]
            if isinstance(event, Linked):
                self.linked = event
            if isinstance(event, LineLogged):
                self._hub.heard.add(event.job_id, event.line)
            self.put(event)


class ScheduledHub:
    """A hub for one watcher."""

    def __init__(self, *schedule: tuple[float, Event], sees: bool = True) -> None:
        self.schedule = schedule
        self.sees = sees
        self.heard = HeardLines()
        self.subscriptions: list[ScheduledEvents] = []

    def subscribe(self, groups: Sequence[Any], *, logs: bool) -> list[ScheduledEvents]:
        """The events."""
        subscriptions = [ScheduledEvents(self, job_ids, logs=logs) for job_ids in groups]
        for each in subscriptions:
            each.siblings = subscriptions
        self.subscriptions += subscriptions
        return subscriptions
