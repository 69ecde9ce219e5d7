"""A driver for plans with a clock of its own: an hour of waiting takes milliseconds, and every step is on record."""

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
from fluxbase_jobs._plans.steps import Acquire, Emit, Instant, Invoke, Pause, Plan, ReadClock, Send, Sent, Step, Stream
from fluxbase_jobs._transports.messages import RawResponse

T = TypeVar("T")

EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
"""What the fake clock shows at 0 seconds."""
FEW_MILLISECONDS: Final = 0.004
"""What a request takes."""


def at(seconds: float) -> str:
    """A moment of the fake clock, as the wire has it."""
    return (EPOCH + timedelta(seconds=seconds)).isoformat()


@frozen
class Asked:
    """One request as the fake server sees it."""

    at: float
    """Seconds on the fake clock."""
    method: str
    path: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    timeout: float
    """Seconds that the plan allows for it."""

    @property
    def what(self) -> str:
        """Method and the path below `/api/v1`."""
        return f"{self.method} {self.path.partition('/api/v1')[2]}"


@define
class Clock:
    """Seconds that pass only when somebody says so."""

    seconds: float = 0.0
    skew: float = 0.0
    """How much the wall clock of the client is ahead of the server's."""

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds

    def instant(self, random: float) -> Instant:
        """What a plan is told that looks at the clocks."""
        return Instant(1000.0 + self.seconds, EPOCH + timedelta(seconds=self.seconds + self.skew), random)


Server: TypeAlias = Callable[[Asked, Clock], RawResponse | FluxbaseError]


@define
class FakeDriver:
    """Performs the steps of plans against a server function, and remembers them."""

    server: Server
    clock: Clock = field(factory=Clock)
    random: float = 0.5
    """The random number of each throw; 0.5 makes the jitter nought."""
    asked: list[Asked] = field(factory=list[Asked])
    pauses: list[float] = field(factory=list[float])

    def run(self, plan: Plan[T]) -> T:
        """Carry a plan out to its end; what a callback raises is told to the plan, as the real drivers do."""
        told: Any = None
        while True:
            try:
                step = plan.send(told)
            except StopIteration as end:
                result: T = end.value
                return result
            told = self.perform(step)

    def stream(self, stream: Stream[T]) -> Generator[tuple[float, T]]:
        """Carry a stream out as far as the caller goes along: each value with the time at which it came."""
        told: Any = None
        while True:
            try:
                step = stream.send(told)
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield self.clock.seconds, step.value
                told = None
            else:
                told = self.perform(step)

    def times(self, what: str = "") -> list[float]:
        """When requests whose `what` starts so were sent."""
        return [asked.at for asked in self.asked if asked.what.startswith(what)]

    def perform(self, step: Step) -> object:
        """What the driver answers a step with."""
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
            case ReadClock():
                return self.clock.instant(self.random)
            case _:
                assert_never(step)

    def _answer(self, request: Mapping[str, Any], timeout: float) -> RawResponse | FluxbaseError:
        built = httpx.Request(**request)
        query = dict(built.url.params.items())
        asked = Asked(self.clock.seconds, built.method, built.url.path, query, {**built.headers}, timeout)
        self.asked.append(asked)
        answer = self.server(asked, self.clock)
        self.clock.pass_(FEW_MILLISECONDS)
        return answer


def reply(status: int, body: Any, **headers: str) -> RawResponse:
    """An answer with a JSON body; header names with underscores for hyphens."""
    return RawResponse(status, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}), json.dumps(body).encode())


def replies(*answers: RawResponse | FluxbaseError | Callable[[], RawResponse | FluxbaseError]) -> Server:
    """A server that gives these answers in turn, and the last one from then on."""
    rest: Iterator[RawResponse | FluxbaseError | Callable[[], RawResponse | FluxbaseError]] = iter(answers)
    last = answers[-1]

    def server(_: Asked, __: Clock) -> RawResponse | FluxbaseError:
        answer = next(rest, last)
        return answer() if callable(answer) else answer

    return server


def settings(**options: Any) -> ClientSettings:
    """The settings of a client, with a token."""
    given: dict[str, Any] = {"timeout": 30.0, "retry": RetryPolicy(), "credentials": Credentials("eyJ.a-token", None, None), **options}
    return make_settings("http://server.test", {}, **given)
