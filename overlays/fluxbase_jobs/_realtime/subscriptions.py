"""What a socket is asked for, and who receives what comes: the part that sync and async share. Nothing here sends or waits."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol, TypeAlias

from attrs import define, field, frozen

from .._operations.readers import is_servers_own_line
from ..models.jobs import LogLine
from . import protocol
from .protocol import Acknowledged, Frame, JobChanged, LineLogged, Refused

MAX_EVENTS: Final = 20_000
"""Events that wait for a watcher at most; the oldest are dropped, and the watcher reads over HTTP what it misses."""
MAX_GROUPS: Final = 8
"""So many subscriptions to changes at most, before one for all jobs takes their place."""
MAX_FILTER: Final = 500
"""So many jobs in one filter at most."""
MAX_HEARD: Final = 20_000
"""Lines that are kept of all logs together."""
_REASONS: Final = {"authentication": "authentication required", "max_connections": "max_connections_reached"}
"""By a word in the server's error, why it serves no socket: never in its own words, which may hold a token."""
MAX_HEARD_CHARACTERS: Final = 16 * 2**20
"""Characters of these lines: one message may hold 4 MiB."""


@frozen
class Linked:
    """Which of a subscription's events come from now on, and which do not."""

    changes: bool = False
    logs: bool = False


Event: TypeAlias = JobChanged | LineLogged | Linked


class Ready(Protocol):
    """An event of threading or asyncio."""

    def set(self) -> None:
        """Wake whoever waits."""
        ...

    def clear(self) -> None:
        """Let the next wait last until it is set again."""
        ...


class Subscription:
    """The events of some jobs, for one watcher.

    Attributes:
        job_ids: the jobs.
        logs: whether the lines of their logs are wanted too.
        linked: which events come; as long as they do not, poll.
        ready: set when events come; who waits for it clears it, then takes the events of all subscriptions that share it.
        sees: whether the changes of a job come to this client at all: a user's socket shows only the user's own jobs.
    """

    def __init__(self, job_ids: Iterable[str], ready: Any, sees: Callable[[Any], bool], *, logs: bool) -> None:
        self.job_ids = frozenset(job_ids)
        self.logs = logs
        self.linked = Linked()
        self.ready = ready
        self.sees = sees
        self.closed = False
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)

    def put(self, event: Event) -> None:
        """Add an event."""
        self._events.append(event)
        self.ready.set()

    def take(self) -> list[Event]:
        """The events that have come since the last time, in order.

        Clear `ready` before, and not here: several subscriptions may share it, and an event of one may come while those of another are taken.
        """
        taken: list[Event] = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def put_back(self, events: Iterable[Event]) -> None:
        """Let these events be taken again, before all others."""
        self._events.extendleft(reversed([*events]))
        self.ready.set()

    def close(self) -> None:
        """Receive no more. The hub notices it a moment later."""
        self.closed = True


class HeardLines:
    """The lines that a client's sockets brought, the newest jobs': some servers hide them from HTTP."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, dict[tuple[int, str], LogLine]] = OrderedDict()
        self._interrupted: set[str] = set()
        self._trimmed: set[str] = set()
        """The jobs whose first lines were too many to keep."""
        self._count = self._characters = 0
        self._lock = threading.Lock()

    def add(self, job_id: str, line: LogLine) -> None:
        """Keep a line; the logs that were heard of longest ago make place."""
        with self._lock:
            lines = self._jobs.setdefault(job_id, {})
            self._jobs.move_to_end(job_id)
            key = line.line_number or 0, line.message
            self._note([] if key in lines else [line], 1)
            lines[key] = line
            while self._is_full() and len(self._jobs) > 1:
                forgotten, dropped = self._jobs.popitem(last=False)
                self._interrupted.discard(forgotten)
                self._trimmed.discard(forgotten)
                self._note(dropped.values(), -1)
            while self._is_full() and len(lines) > 1:
                self._note([lines.pop(next(iter(lines)))], -1)
                self._trimmed.add(job_id)

    def knows(self, job_id: str) -> bool:
        """Whether lines of a job have come: more may come a moment after nobody watches it any more."""
        return job_id in self._jobs

    def _note(self, lines: Collection[LogLine], sign: int) -> None:
        """Count lines that came or went."""
        self._count += sign * len(lines)
        self._characters += sign * sum(len(line.message) for line in lines)

    def _is_full(self) -> bool:
        return self._count > MAX_HEARD or self._characters > MAX_HEARD_CHARACTERS

    def interrupt(self, job_ids: Iterable[str]) -> None:
        """Note that lines of these jobs may be missing from now on."""
        with self._lock:
            self._interrupted |= self._jobs.keys() & set(job_ids)

    def is_complete(self, job_id: str) -> bool:
        """Whether the last line of a job would be here if there was one.

        That is so where lines of the job came, or the server's own about the subscription as its first, without a number missing or a
        break since.
        """
        lines = self.of(job_id)
        numbers = {line.line_number or 0 for line in lines}
        began = any(not is_servers_own_line(line) or line.line_number == 1 for line in lines)
        return began and len(numbers) == max(numbers) - min(numbers) + 1 and job_id not in self._interrupted

    def is_trimmed(self, job_id: str) -> bool:
        """Whether lines of a job came that are not kept: there were more than `MAX_HEARD`, or longer ones than `MAX_HEARD_CHARACTERS` in all."""
        return job_id in self._trimmed

    def of(self, job_id: str) -> list[LogLine]:
        """The lines of a job, by their numbers."""
        with self._lock:
            lines = [*self._jobs.get(job_id, {}).values()]
        return sorted(lines, key=lambda line: line.line_number or 0)


@define(eq=False)
class _Group:
    """One subscription to the changes of some jobs."""

    job_ids: frozenset[str]
    subscription_id: str | None = None
    live: bool = False


@define(eq=False)
class Registry:
    """The subscriptions of one socket."""

    heard: HeardLines
    connected: bool = False
    changes_refused: bool = False
    _subscriptions: dict[str, list[Subscription]] = field(factory=dict[str, list[Subscription]])
    """By job id."""
    _groups: list[_Group] = field(factory=list[_Group])
    _logs: dict[str, str | None] = field(factory=dict[str, str | None])
    """The subscription id of each log that was asked for; None where the server has not said it, or refused."""
    _live_logs: set[str] = field(factory=set[str])
    _asked_logs: deque[str] = field(factory=deque[str])

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscriptions)

    def add(self, subscriptions: Collection[Subscription]) -> None:
        """Let a watcher receive the events of its jobs."""
        for subscription in subscriptions:
            for job_id in subscription.job_ids:
                self._subscriptions.setdefault(job_id, []).append(subscription)
                if subscription.logs and self._was_refused(job_id):
                    del self._logs[job_id]  # so that it is asked for again
        self._tell(subscriptions)

    def connect(self) -> None:
        """Begin with a new socket, on which nothing was asked yet."""
        self._forget()
        self.connected, self.changes_refused = True, False

    def disconnect(self) -> None:
        """The socket is gone: no events until there is another."""
        self.heard.interrupt(self._logs)
        self._forget()
        self.connected = False
        self._tell(self._everybody(), always=True)

    def questions(self) -> list[str]:
        """The frames to send: what is wanted and was not asked for yet, and the end of what nobody wants any more."""
        self._sweep()
        return [*self._new_groups(), *self._new_logs(), *self._ended()] if self.connected else []

    def receive(self, frame: Frame) -> str | None:
        """Hand an event to its watchers; the reason where the server refuses to serve this socket at all."""
        match frame:
            case JobChanged(job):
                for subscription in self._subscriptions.get(job.id, ()):
                    subscription.put(frame)
            case LineLogged(job_id, line):
                if job_id in self._logs or self.heard.knows(job_id):
                    self.heard.add(job_id, line)
                for subscription in self._subscriptions.get(job_id, ()):
                    if subscription.logs:
                        subscription.put(frame)
            case Acknowledged():
                self._acknowledged(frame)
            case Refused(error):
                return self._refused(error)
        return None

    def _forget(self) -> None:
        self._groups, self._logs = [], {}
        self._live_logs, self._asked_logs = set(), deque()

    def _everybody(self) -> list[Subscription]:
        return list({id(each): each for those in self._subscriptions.values() for each in those}.values())

    def _sweep(self) -> None:
        for job_id, those in [*self._subscriptions.items()]:
            left = [each for each in those if not each.closed]
            if len(left) < len(those):
                self._subscriptions[job_id] = left
            if not left:
                del self._subscriptions[job_id]

    def _new_groups(self) -> list[str]:
        asked: set[str] = set()
        for group in self._groups:
            asked |= group.job_ids
        missing: Collection[str] = self._subscriptions.keys() - asked
        if not missing or self.changes_refused:
            return []
        ids = sorted(self._subscriptions.keys() if len(self._groups) >= MAX_GROUPS else missing)
        groups = [_Group(frozenset(ids[start : start + MAX_FILTER])) for start in range(0, len(ids), MAX_FILTER)]
        self._groups += groups
        return [protocol.subscribe(group.job_ids) for group in groups]

    def _new_logs(self) -> list[str]:
        """One subscription to each log, however many watch it: the server writes a line into the log for each."""
        wanted = [job_id for job_id, those in self._subscriptions.items() if any(each.logs for each in those)]
        new = [job_id for job_id in wanted if job_id not in self._logs]
        self._logs.update(dict.fromkeys(new))
        self._asked_logs.extend(new)
        return [protocol.subscribe_log(job_id) for job_id in new]

    def _ended(self) -> list[str]:
        """The end of subscriptions that nobody needs: none of their jobs is watched, or later subscriptions hold them all."""
        ended, kept, later = list[str](), list[_Group](), set[str]()
        for group in reversed(self._groups):
            if group.live and group.job_ids & self._subscriptions.keys() <= later:
                ended += [group.subscription_id] if group.subscription_id else []
            else:
                kept.append(group)
                later |= group.job_ids if group.live else frozenset()
        self._groups = kept[::-1]
        return [protocol.unsubscribe(subscription_id) for subscription_id in [*ended, *self._ended_logs()]]

    def _ended_logs(self) -> list[str]:
        """The subscriptions to logs that nobody watches; refused ones are forgotten."""
        unwatched = [job_id for job_id in self._logs if not any(each.logs for each in self._subscriptions.get(job_id, ()))]
        answered = [job_id for job_id in unwatched if job_id not in self._asked_logs]
        self._live_logs.difference_update(answered)
        ended = [self._logs.pop(job_id) for job_id in answered]
        return [subscription_id for subscription_id in ended if subscription_id]

    def _was_refused(self, job_id: str) -> bool:
        return job_id in self._logs and job_id not in self._live_logs and job_id not in self._asked_logs

    def _acknowledged(self, ack: Acknowledged) -> None:
        if ack.log_of is not None:
            if ack.log_of in self._asked_logs:
                self._asked_logs.remove(ack.log_of)
            self._logs[ack.log_of] = ack.subscription_id
            self._live_logs.add(ack.log_of)
            self._tell(self._subscriptions.get(ack.log_of, ()))
            return
        for group in self._groups:
            if not group.live and group.job_ids == ack.job_ids:
                group.live, group.subscription_id = True, ack.subscription_id
                break
        self._tell(self._everybody())

    def _refused(self, error: str) -> str | None:
        """Which question an error is about; errors do not say it."""
        if "execution" in error:
            if self._asked_logs:
                self._asked_logs.popleft()
            return None
        if "token" in error:
            return None
        if (reason := next((reason for reason in _REASONS if reason in error), None)) is not None:
            return _REASONS[reason]
        self.changes_refused = True
        self._groups = [group for group in self._groups if group.live]
        self._tell(self._everybody(), always=True)
        return None

    def _tell(self, subscriptions: Iterable[Subscription], *, always: bool = False) -> None:
        """Tell watchers which events come to them: where that has changed, or where they may be waiting for the answer."""
        live: set[str] = set()
        for group in self._groups:
            if group.live:
                live |= group.job_ids
        for each in subscriptions:
            changes = self.connected and each.job_ids <= live
            linked = Linked(changes=changes, logs=self.connected and each.logs and each.job_ids <= self._live_logs)
            if always or linked != each.linked:
                each.linked = linked
                each.put(linked)
