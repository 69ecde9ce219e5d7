"""A plan driver with a fake clock: an hour of waiting takes milliseconds, and requests and pauses are recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias, TypeVar, assert_never

import httpx
from attrs import define, field, frozen
from fluxbase_jobs import FluxbaseError, RetryPolicy
from fluxbase_jobs._context.call_context import ClientSettings, make_settings
from fluxbase_jobs._context.credentials import Credentials
from fluxbase_jobs._plans.exchange.steps import (
    Acquire,
    Emit,
    Instant,
    Invoke,
    NextEvent,
    Pause,
    Plan,
    ReadClock,
    Received,
    Send,
    Sent,
    Shield,
    Step,
    Stream,
    Subscribe,
)
from fluxbase_jobs._transports.messages import RawResponse

from tests.support.scheduled_events import ScheduledEvents

T = TypeVar("T")

EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
"""The time at 0 seconds of the fake clock."""
FEW_MILLISECONDS: Final = 0.004
"""The duration of a request."""


def at(seconds: float) -> str:
    """A time of the fake clock as JSON text."""
    return (EPOCH + timedelta(seconds=seconds)).isoformat()


@frozen
class ReceivedRequest:
    """One request, as the fake server receives it."""

    at: float
    """Seconds on the fake clock."""
    method: str
    path: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    timeout: float
    """The time limit of the request in seconds."""

    @property
    def what(self) -> str:
        """Method and the path below `/api/v1`."""
        return f"{self.method} {self.path.partition('/api/v1')[2]}"


@define
class Clock:
    """A clock that only advances when `pass_` is called."""

    seconds: float = 0.0
    skew: float = 0.0
    """How many seconds the client's wall clock is ahead of the server's."""

    def pass_(self, seconds: float) -> None:
        """Advance the clock."""
        self.seconds += seconds

    def instant(self, random: float) -> Instant:
        """The reading of the clocks that a plan receives."""
        return Instant(1000.0 + self.seconds, EPOCH + timedelta(seconds=self.seconds + self.skew), random)


Server: TypeAlias = Callable[[ReceivedRequest, Clock], RawResponse | FluxbaseError]


@define
class FakeDriver:
    """Performs the steps of plans against a server function, and records requests and pauses."""

    server: Server
    clock: Clock = field(factory=Clock)
    random: float = 0.5
    """The random number of each clock reading; 0.5 means no jitter."""
    requests: list[ReceivedRequest] = field(factory=list[ReceivedRequest])
    pauses: list[float] = field(factory=list[float])

    def run(self, plan: Plan[T]) -> T:
        """Run a plan to its end."""
        return run_plan(plan, self.perform)

    def stream(self, stream: Stream[T]) -> Generator[tuple[float, T]]:
        """Run a stream as far as the caller iterates; yields each value with the time at which it was emitted."""
        answer: Any = None
        while True:
            try:
                step = stream.send(answer)
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield self.clock.seconds, step.value
                answer = None
            else:
                answer = self.perform(step)

    def times(self, what: str = "") -> list[float]:
        """The times of all requests whose `what` starts with this."""
        return [request.at for request in self.requests if request.what.startswith(what)]

    def perform(self, step: Step) -> object:  # noqa: PLR0911  # one for each step
        """Perform one step and return what the plan receives."""
        match step:
            case Send(request, timeout):
                return Sent(self._answer(request, timeout), self.clock.instant(self.random))
            case Pause(seconds):
                assert seconds >= 0
                self.pauses.append(seconds)
                self.clock.pass_(seconds)
                return self.clock.instant(self.random)
            case Invoke(callback):
                return callback()
            case Acquire(lock, timeout):
                return lock.acquire(timeout=timeout)
            case Subscribe(hub, groups, logs):
                return hub.subscribe(groups, logs=logs)
            case NextEvent(source, timeout):
                assert timeout >= 0
                assert isinstance(source, ScheduledEvents)
                self.clock.pass_(source.wait(self.clock.seconds, timeout))
                source.ready.clear()
                return Received(source.take(), self.clock.instant(self.random))
            case Shield(plan):
                return self.run(plan)
            case ReadClock():
                return self.clock.instant(self.random)
            case _:
                assert_never(step)

    def _answer(self, request: Mapping[str, Any], timeout: float) -> RawResponse | FluxbaseError:
        built = httpx.Request(**request)
        query = dict(built.url.params.items())
        received = ReceivedRequest(self.clock.seconds, built.method, built.url.path, query, {**built.headers}, timeout)
        self.requests.append(received)
        answer = self.server(received, self.clock)
        self.clock.pass_(FEW_MILLISECONDS)
        return answer


def run_plan(plan: Plan[T], perform: Callable[[Step], object]) -> T:
    """Run a plan to its end with a function that performs its steps."""
    answer: Any = None
    while True:
        try:
            step = plan.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = perform(step)


def reply(status: int = 200, body: Any = None, **headers: str) -> RawResponse:
    """A response with a JSON body; header names are written with underscores."""
    return RawResponse(status, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}), json.dumps(body).encode())


def replies(*answers: RawResponse | FluxbaseError | Callable[[], RawResponse | FluxbaseError]) -> Server:
    """A server that sends these responses in turn, and then repeats the last one."""
    remaining: Iterator[RawResponse | FluxbaseError | Callable[[], RawResponse | FluxbaseError]] = iter(answers)
    last = answers[-1]

    def server(_: ReceivedRequest, __: Clock) -> RawResponse | FluxbaseError:
        answer = next(remaining, last)
        return answer() if callable(answer) else answer

    return server


def settings(**options: Any) -> ClientSettings:
    """The settings of a client with a token."""
    given: dict[str, Any] = {"timeout": 30.0, "retry": RetryPolicy(), "credentials": Credentials("eyJ.a-token", None, None), **options}
    return make_settings("http://server.test", {}, **given)
