"""Events of a WebSocket at given times of the fake clock."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from fluxbase_jobs._realtime.protocol import LineLogged
from fluxbase_jobs._realtime.subscriptions import Event, HeardLines, Linked, Subscription


class ScheduledEvents(Subscription):
    """A subscription whose events come at given times."""

    def __init__(self, hub: ScheduledHub, job_ids: Iterable[str], *, logs: bool) -> None:
        super().__init__(job_ids, threading.Event(), lambda _: hub.sees, logs=logs)
        self._hub = hub
        self._schedule = sorted(hub.schedule, key=lambda entry: entry[0])

    def wait(self, now: float, timeout: float) -> float:
        """Make the events ready that come next, if they come in time; the seconds until then."""
        if self.ready.is_set():
            return 0.0
        if not self._schedule or self._schedule[0][0] > now + timeout:
            return timeout
        at = max(self._schedule[0][0], now)
        while self._schedule and self._schedule[0][0] <= at:
            event = self._schedule.pop(0)[1]
            if isinstance(event, Linked):
                self.linked = event
            if isinstance(event, LineLogged):
                self._hub.heard.add(event.job_id, event.line)
            self.put(event)
        return at - now


class ScheduledHub:
    """A hub for one watcher."""

    def __init__(self, *schedule: tuple[float, Event], sees: bool = True) -> None:
        self.schedule = schedule
        self.sees = sees
        self.heard = HeardLines()
        self.subscriptions: list[ScheduledEvents] = []

    def subscribe(self, groups: Sequence[Any], *, logs: bool) -> list[ScheduledEvents]:
        """The events."""
        self.subscriptions += [ScheduledEvents(self, job_ids, logs=logs) for job_ids in groups]
        return self.subscriptions[-len(groups) :]
