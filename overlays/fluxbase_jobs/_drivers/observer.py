"""Who observes the calls of this process, for traces and metrics: nobody, until one is set."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Protocol, Self

from .._plans.exchange.steps import Pause, Send
from .._transports.messages import RawResponse
from ..errors import FluxbaseError


class ObservedCall(Protocol):
    """A call that is being observed."""

    def ended(self, result: Any) -> None:
        """Take note of the call's result."""
        ...


class Observer(Protocol):
    """Is told of every call of a verb that returns one result, of every request and of every pause before a retry."""

    def call(self, verb: str, arguments: tuple[Any, ...]) -> AbstractContextManager[ObservedCall]:
        """Observe a call from its beginning to its end."""
        ...

    def sent(self, step: Send, outcome: RawResponse | FluxbaseError) -> None:
        """Take note of a request and what came of it."""
        ...

    def retrying(self, step: Pause) -> None:
        """Take note of a pause before a retry."""
        ...


class _Unobserved:
    """Observes nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def ended(self, result: Any) -> None:
        pass


_UNOBSERVED: Final = _Unobserved()
_observer: Observer | None = None


def observe(observer: Observer | None) -> None:
    """Set the observer of this process; None: no longer observe."""
    global _observer  # noqa: PLW0603  # one for the process, as OpenTelemetry's instrumentations are
    _observer = observer


def current() -> Observer | None:
    """The observer of this process."""
    return _observer


def call(verb: str, *arguments: Any) -> AbstractContextManager[ObservedCall]:
    """Observe a call from its beginning to its end."""
    return _UNOBSERVED if _observer is None else _observer.call(verb, arguments)
