"""A plan driver with prepared outcomes of requests, and a clock that only requests and pauses advance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from attrs import define, field
from fluxbase_jobs._context.call_context import ClientSettings, make_settings
from fluxbase_jobs._context.credentials import Credentials
from fluxbase_jobs._operations.operation import Operation
from fluxbase_jobs._plans.exchange import request as exchanges
from fluxbase_jobs._plans.exchange.call import call
from fluxbase_jobs._plans.exchange.steps import (
    Acquire,
    Instant,
    Invoke,
    NextEvent,
    Pause,
    Plan,
    ReadClock,
    Send,
    Sent,
    Shield,
    Step,
    Subscribe,
)
from fluxbase_jobs._transports.messages import RawResponse
from fluxbase_jobs.errors import FluxbaseError
from fluxbase_jobs.policies.retry import RetryPolicy
from fluxbase_jobs.result import Result

from tests.support.fake_driver import reply, run_plan

__all__ = ["NOON", "Script", "exchange", "reply", "settings"]

T = TypeVar("T")

NOON: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)
URL: Final = "https://example.com"


def settings(*, key: Any = "eyJ.a-token", refresh_token: str | None = None, timeout: float = 30.0, **policy: Any) -> ClientSettings:
    """A client's settings with this retry policy."""
    return make_settings(URL, None, timeout, RetryPolicy(**policy), Credentials(key, refresh_token, None))


def exchange(client: ClientSettings, operation: Operation[T]) -> Plan[Result[T]]:
    """A plan that sends one request with retries."""
    return call(exchanges.exchange, client, {}, operation)


@define
class Script:
    """Runs plans: each request takes `seconds` and gets the next outcome; the last one repeats."""

    outcomes: list[RawResponse | FluxbaseError]
    seconds: float = 0.0
    random: float = 0.5
    clock: float = 0.0
    sent: list[Send] = field(factory=list[Send])
    pauses: list[float] = field(factory=list[float])

    def run(self, plan: Plan[T]) -> T:
        """Run a plan to its end."""
        return run_plan(plan, self.perform)

    def sent_headers(self, name: str) -> list[str | None]:
        """The values of one header in all requests, None if it was not sent."""
        return [{key.lower(): value for key, value in send.request["headers"].items()}.get(name) for send in self.sent]

    def perform(self, step: Step) -> Any:
        """Perform one step and return what the plan receives."""
        match step:
            case Send():
                self.sent.append(step)
                self.clock += min(self.seconds, step.timeout)
                return Sent(self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0], self.instant())
            case Pause(seconds):
                self.pauses.append(seconds)
                self.clock += seconds
                return self.instant()
            case Invoke(callback):
                return callback()
            case Acquire(lock):
                assert lock.acquire(blocking=False), "a second plan would be needed to release the lock"
                return True
            case Shield(plan):
                return self.run(plan)
            case ReadClock():
                return self.instant()
            case Subscribe() | NextEvent():
                raise AssertionError("a script has no events")

    def instant(self) -> Instant:
        """The time on the script's clock."""
        return Instant(self.clock, NOON + timedelta(seconds=self.clock), self.random)
