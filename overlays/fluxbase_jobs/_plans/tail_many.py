"""Following the logs of many jobs at once, over one WebSocket, or with one poller that does one request after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from attrs import define, field

from .._context.call_context import CallContext, ClientSettings, RetryOption
from .._operations import jobs as operations
from .._realtime.subscriptions import Subscription
from ..models.jobs import LogLine
from ..result import Err, Result
from .exchange.call import public_argument
from .exchange.steps import Emit, Instant, NextEvent, Pause, Plan, Received, Stream, pause, read_clock
from .listening import Event, listen_each
from .polling import Waiting, WaitOptions, read_ids
from .tail import follow
from .wait_many import opened

Pair: TypeAlias = tuple[str, Result[LogLine]]

SECONDS_PER_POLL: Final = 2.0
"""Seconds for each job between two polls of all: a poll takes two requests, and the server allows 100 a minute."""


def tail_many(client: ClientSettings, retry: RetryOption, job_ids: Iterable[object], options: WaitOptions) -> Stream[Pair]:
    """Each line of each job's log once, in order for each job, as they come; an error is the last result of its job."""
    context, waiting, refused = yield from opened(client, retry, options)
    valid: dict[str, None] = {}
    for job_id, error in read_ids(job_ids):
        wrong = error or refused
        if wrong:
            yield Emit((job_id, Err(public_argument(client, wrong))))
        else:
            valid.setdefault(job_id)
    if context and waiting and valid:
        sources = yield from listen_each(context, [[job_id] for job_id in valid], logs=True)
        yield from _Merged.of(context, waiting, [*valid], sources).emit()


@define(eq=False)
class _Branch:
    """One job's stream, and what it waits for."""

    job_id: str
    source: Subscription | None
    stream: Stream[Result[LogLine]] = field(init=False)
    wakes_on_event: bool = False
    due: float = 0.0
    """When it goes on without an event, on the monotonic clock."""
    events: list[Event] = field(factory=list[Event])

    def wait(self, step: NextEvent | Pause, now: Instant) -> None:
        """Note what the stream waits for."""
        self.wakes_on_event = isinstance(step, NextEvent)
        self.due = now.monotonic + (step.timeout if isinstance(step, NextEvent) else step.seconds)

    def is_ready(self, now: Instant) -> bool:
        """Whether it goes on."""
        self.events += self.source.take() if self.source else ()
        return now.monotonic >= self.due or (self.wakes_on_event and bool(self.events))

    def answer(self, now: Instant) -> Instant | Received:
        """The value to send into the stream when it goes on."""
        if not self.wakes_on_event:
            return now
        events, self.events = self.events, []
        return Received(events, now)


@define(eq=False)
class _Merged:
    """The streams of many jobs, each carried on when its time has come or something has happened to its job."""

    branches: list[_Branch]

    @classmethod
    def of(cls, context: CallContext, waiting: Waiting, job_ids: Sequence[str], sources: Sequence[Subscription]) -> _Merged:
        """One stream for each job."""
        merged = cls([_Branch(job_id, sources[index] if sources else None) for index, job_id in enumerate(job_ids)])
        for branch in merged.branches:
            spacing = partial(merged.spacing, context, branch)
            branch.stream = follow(context, operations.get(branch.job_id), waiting, branch.source, spacing=spacing)
        return merged

    def spacing(self, context: CallContext, branch: _Branch) -> float:
        """The seconds between two polls of a job at least.

        Where lines come by themselves, the first job is polled as if it was the only one until the client knows whether the server shows
        its logs: all others wait for that before they give lines that come after missing ones.
        """
        first = branch is self.branches[0]
        unknown = first and branch.source is not None and branch.source.linked.logs and context.client.memory.shows_logs is None
        return 0.0 if len(self.branches) == 1 or unknown else SECONDS_PER_POLL * len(self.branches)

    def emit(self) -> Stream[Pair]:
        """Carry the streams on until all have ended."""
        try:
            now = yield from read_clock()
            for branch in [*self.branches]:
                yield from self._advance(branch, None, now)
            while self.branches:
                now = yield from self._pause((yield from read_clock()))
                for branch in [branch for branch in self.branches if branch.is_ready(now)]:
                    yield from self._advance(branch, branch.answer(now), now)
        finally:
            for branch in self.branches:
                branch.stream.close()

    def _advance(self, branch: _Branch, answer: Any, now: Instant) -> Stream[Pair]:
        """Carry a stream on until it has to wait. The pause before another attempt is everybody's: it may hold a lock."""
        while True:
            try:
                step = branch.stream.send(answer)
            except StopIteration:
                self.branches.remove(branch)
                return
            if isinstance(step, Emit):
                answer = yield Emit((branch.job_id, step.value))
            elif isinstance(step, NextEvent) or (isinstance(step, Pause) and not step.retry):
                branch.wait(step, now)
                return
            else:
                answer = yield step
                now = answer if isinstance(answer, Instant) else getattr(answer, "at", now)

    def _pause(self, now: Instant) -> Plan[Instant]:
        """Wait until the first stream is due, or something happens."""
        left = max(0.0, min(branch.due for branch in self.branches) - now.monotonic)
        source = self.branches[0].source
        if source is None:
            return (yield from pause(left))
        received: Received = yield NextEvent(source, left)
        self.branches[0].events += received.events
        return received.at
