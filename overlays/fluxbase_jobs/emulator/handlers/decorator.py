"""Job functions: the `@function` mark, and the set of functions that an emulator runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from .validation import check_flag, check_number, check_text, check_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .context import Context

Result: TypeAlias = "dict[str, Any] | None"
Handler: TypeAlias = "Callable[[dict[str, Any], Context], Result | Awaitable[Result]]"
_H = TypeVar("_H", bound=Callable[..., Any])

_MARK = "__fluxbase_job_functions__"


@frozen
class JobFunction:
    """One job function: a handler and what the server should know of it. `timeout` is seconds."""

    name: str
    handler: Handler = field(repr=False, hash=False)
    namespace: str = "default"
    max_retries: int = 0
    timeout: int = 300
    require_roles: tuple[str, ...] = ()
    enabled: bool = True
    execution_logs: bool = True
    """As the real server's annotation, this changes nothing that was seen (progress_and_logs: quiet)."""

    description: str | None = None
    schedule: str | None = field(default=None, repr=False)
    """When the server submits it by itself, as a cron expression in UTC."""


def function(
    name: str,
    *,
    namespace: str = "default",
    max_retries: int = 0,
    timeout: int = 300,
    require_roles: Sequence[str] = (),
    enabled: bool = True,
    execution_logs: bool = True,
    description: str | None = None,
    schedule: str | None = None,
) -> Callable[[_H], _H]:
    """Mark a handler as a job function; the handler itself stays what it is.

    The handler, sync or async, is called with the job's payload (a dict) and a `Context`, and returns a dict, or
    None for `{}`. An exception makes the job fail, and so does `{"success": False, "error": "why"}`.

    Args:
        name: what clients submit.
        namespace: where the function lives.
        max_retries: how often a failed job may be retried by hand.
        timeout: seconds after which a run fails and its handler is ended, as after a cancellation (see `Context.cancelled`);
            a single call that blocks outside of Python ends first.
        require_roles: the roles that may submit it; none means everybody.
        enabled: whether it can be submitted at all.
        execution_logs: accepted for the sake of the real server's option, which has no effect either.
        description: for people.
        schedule: when the server submits it by itself, as a cron expression in UTC such as `*/5 * * * *`, `@hourly` or
            `@every 90s`; after it, `|{"kind": "daily"}` adds to the payload of those jobs.

    Returns:
        A decorator that returns its handler.

    Raises:
        TypeError: `name` is missing, as in a bare `@function`, or an argument is of a wrong kind.
        ValueError: an empty name or namespace, a negative `max_retries`, a `timeout` below one second, a number or text that
            no server could store or a `schedule` that it would not follow.

    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped code writes `@function`
        message = 'write @function("name"): a job function needs a name'
        raise TypeError(message)
    _check_kinds(
        {"name": name, "namespace": namespace, "description": description, "schedule": schedule},
        {"max_retries": max_retries, "timeout": timeout},
        {"enabled": enabled, "execution_logs": execution_logs},
    )
    check_texts("require_roles", require_roles)
    if not name or not namespace or max_retries < 0 or timeout < 1:
        message = "a job function needs a name, a namespace, max_retries of at least 0 and a timeout of at least 1 second"
        raise ValueError(message)
    if schedule is not None:
        _check_schedule(schedule)

    def mark(handler: _H) -> _H:
        definition = JobFunction(
            name, handler, namespace, max_retries, timeout, tuple(require_roles), enabled, execution_logs, description, schedule
        )
        setattr(handler, _MARK, (*getattr(handler, _MARK, ()), definition))
        return handler

    return mark


def _check_kinds(texts: Mapping[str, object], numbers: Mapping[str, object], flags: Mapping[str, object]) -> None:
    for argument, value in texts.items():
        if value is not None or argument in {"name", "namespace"}:
            check_text(argument, value)
    for argument, value in numbers.items():
        check_number(argument, value)
    for argument, value in flags.items():
        check_flag(argument, value)


def _check_schedule(schedule: str) -> None:
    # The library for it is in the extra. Handlers can be imported without that, and nothing follows their schedules then.
    with suppress(ModuleNotFoundError):
        from ..formats.schedule import read_schedule  # noqa: PLC0415

        read_schedule(schedule)


def marked(candidates: Iterable[Any]) -> list[JobFunction]:
    """Return the job functions among the candidates, each once, in order.

    The handler is the candidate itself: a decorator above `@function` that wraps the handler is part of it.
    """
    found: dict[JobFunction, None] = {}
    for candidate in candidates:
        found |= dict.fromkeys(evolve(definition, handler=candidate) for definition in _marks(candidate))
    return list(found)


def _marks(candidate: Any) -> tuple[JobFunction, ...]:
    with suppress(Exception):  # no attributes, or those of a proxy for something that is not there now
        marks: tuple[JobFunction, ...] = candidate.__dict__.get(_MARK, ())
        return marks
    return ()


class DuplicateFunctionError(ValueError):
    """Two job functions have the same namespace and name."""


class FunctionSet:
    """The job functions of one emulator.

    Raises:
        DuplicateFunctionError: see there.

    """

    def __init__(self, functions: Iterable[JobFunction] = ()) -> None:
        self._by_name: dict[tuple[str, str], JobFunction] = {}
        for definition in functions:
            self._add(definition)

    def with_these(self, functions: Iterable[JobFunction]) -> FunctionSet:
        """Return a set with these functions too, each in the place of the one that has its namespace and name."""
        both = {(definition.namespace, definition.name): definition for definition in (*self, *functions)}
        return FunctionSet(both.values())

    def find(self, name: str, namespace: str = "") -> JobFunction | None:
        """Return the function; without a namespace the first one of that name, by alphabet of namespaces."""
        if namespace:
            return self._by_name.get((namespace, name))
        return next((definition for definition in self if definition.name == name), None)

    def __iter__(self) -> Iterator[JobFunction]:
        """Go through all functions by namespace and name."""
        return iter([self._by_name[key] for key in sorted(self._by_name)])

    def _add(self, definition: JobFunction) -> None:
        key = (definition.namespace, definition.name)
        if key in self._by_name:
            message = f"two job functions are called {definition.namespace}/{definition.name}"
            raise DuplicateFunctionError(message)
        self._by_name[key] = definition


def described(functions: FunctionSet) -> str:
    """Return the names of job functions for people, with their schedules: `default/clean (*/5 * * * *), default/resize`."""
    # A schedule's parameters are payload.
    schedules = {definition: (definition.schedule or "").partition("|")[0].strip() for definition in functions}
    return ", ".join(
        f"{definition.namespace}/{definition.name}" + (f" ({schedule})" if schedule else "") for definition, schedule in schedules.items()
    )
