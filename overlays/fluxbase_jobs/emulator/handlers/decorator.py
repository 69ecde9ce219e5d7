"""Job functions: the `@function` decorator, and the set of functions that an emulator runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from .context import Context
from .validation import check_flag, check_number, check_text, check_texts, handler_error, is_a

Result: TypeAlias = dict[str, Any] | None
Handler: TypeAlias = Callable[[dict[str, Any], Context], Result | Awaitable[Result]]
_H = TypeVar("_H", bound=Callable[..., Any])

_MARK: Final = "__fluxbase_job_functions__"


@frozen
class JobFunction:
    """One job function: a handler and its settings on the server. `timeout` is in seconds."""

    name: str
    handler: Handler = field(repr=False, hash=False)
    namespace: str = "default"
    max_retries: int = 0
    timeout: int = 300
    require_roles: tuple[str, ...] = ()
    enabled: bool = True
    execution_logs: bool = True
    """Has no effect, as observed for the real server's annotation (progress_and_logs: quiet)."""
    description: str | None = None
    schedule: str | None = field(default=None, repr=False)
    """When the server submits a job by itself, as a cron expression in UTC."""


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
    """Mark a handler as a job function; the decorated handler can still be called as before.

    The handler, sync or async, is called with the job's payload (a dict) and a `Context`, and returns a dict, or
    None for `{}`. The job fails if the handler raises an exception or returns `{"success": False, "error": "why"}`.

    Args:
        name: the job name that clients submit.
        namespace: the function's namespace.
        max_retries: how many times a failed job can be retried by a client.
        timeout: time limit in seconds. A run that exceeds it fails, and its handler is interrupted as after a cancellation
            (see `Context.cancelled`); a single call that blocks outside of Python returns first.
        require_roles: the roles that may submit it; empty means every role.
        enabled: whether it can be submitted.
        execution_logs: accepted because the real server has this option; it has no effect there either.
        description: a text for people.
        schedule: when the server submits a job by itself, as a cron expression in UTC such as `*/5 * * * *`, `@hourly` or
            `@every 90s`. An appended `|{"kind": "daily"}` is merged into the payload of those jobs.

    Returns:
        A decorator that returns its handler unchanged.

    Raises:
        TypeError: `name` is missing, as in a bare `@function`, or an argument has the wrong type.
        ValueError: `name` or `namespace` is empty, `max_retries` is negative, `timeout` is below 1, a value cannot be
            stored by the server, or `schedule` is not one that the server follows.
    """
    if not is_a(name, str):  # untyped code writes `@function`
        raise TypeError('write @function("name"): a job function needs a name')
    name, namespace = check_text("name", name), check_text("namespace", namespace)
    description = None if description is None else check_text("description", description)
    schedule = None if schedule is None else check_text("schedule", schedule)
    max_retries, timeout = check_number("max_retries", max_retries), check_number("timeout", timeout)
    check_flag("enabled", enabled)
    check_flag("execution_logs", execution_logs)
    roles = check_texts("require_roles", require_roles)
    if not name or not namespace or max_retries < 0 or timeout < 1:
        raise ValueError("a job function needs a name, a namespace, max_retries of at least 0 and a timeout of at least 1 second")
    if schedule is not None:
        _check_schedule(schedule)

    def mark(handler: _H) -> _H:
        definition = JobFunction(name, handler, namespace, max_retries, timeout, roles, enabled, execution_logs, description, schedule)
        setattr(handler, _MARK, (*getattr(handler, _MARK, ()), definition))
        return handler

    return mark


def _check_schedule(schedule: str) -> None:
    # Reading a schedule needs the extra. Handlers can be imported without it, because then no server follows their schedules.
    with suppress(ModuleNotFoundError):
        from ..formats.schedule import read_schedule  # noqa: PLC0415  # needs the extra

        read_schedule(schedule)


def marked(candidates: Iterable[Any]) -> list[JobFunction]:
    """Collect the job functions among the candidates, each once, in order.

    The handler is the candidate itself: a decorator above `@function` that wraps the handler is applied too.
    """
    found: dict[JobFunction, None] = {}
    for candidate in candidates:
        found |= dict.fromkeys(evolve(definition, handler=candidate) for definition in _marks(candidate))
    return list(found)


def _marks(candidate: Any) -> tuple[JobFunction, ...]:
    with suppress(Exception):  # an object without attributes, or a proxy that is not bound now
        marks: tuple[JobFunction, ...] = candidate.__dict__.get(_MARK, ())
        return marks
    return ()


class UncallableHandlerError(TypeError):
    """A handler cannot be called with a payload and a context."""


def check_callable(functions: Iterable[JobFunction]) -> None:
    """Require that each handler can be called with a payload and a context.

    Not part of `@function`: a decorator above it, or an instance that a method is bound to, may change what the handler takes.

    Raises:
        UncallableHandlerError: a handler is not callable, or has other required parameters.
    """
    for definition in functions:
        if error := handler_error(definition.handler):
            raise UncallableHandlerError(f"job function {definition.namespace}/{definition.name}: {error}")


class DuplicateFunctionError(ValueError):
    """Two job functions have the same namespace and name."""


class FunctionSet:
    """The job functions of one emulator, unique by namespace and name.

    Raises:
        DuplicateFunctionError: two of the functions have the same namespace and name.
    """

    def __init__(self, functions: Iterable[JobFunction] = ()) -> None:
        self._by_name: dict[tuple[str, str], JobFunction] = {}
        for definition in functions:
            self._add(definition)

    def merged_with(self, functions: Iterable[JobFunction]) -> FunctionSet:
        """A new set that includes these functions; each replaces the one with its namespace and name."""
        both = {(definition.namespace, definition.name): definition for definition in (*self, *functions)}
        return FunctionSet(both.values())

    def find(self, name: str, namespace: str = "") -> JobFunction | None:
        """Find a function; without a namespace, the one of that name whose namespace sorts first."""
        if namespace:
            return self._by_name.get((namespace, name))
        return next((definition for definition in self if definition.name == name), None)

    def __iter__(self) -> Iterator[JobFunction]:
        """Iterate over the functions in order of namespace and name."""
        return iter([self._by_name[key] for key in sorted(self._by_name)])

    def _add(self, definition: JobFunction) -> None:
        key = (definition.namespace, definition.name)
        if key in self._by_name:
            raise DuplicateFunctionError(f"two job functions are called {definition.namespace}/{definition.name}")
        self._by_name[key] = definition


def describe(functions: FunctionSet) -> str:
    """List job functions with their schedules for people: `default/clean (*/5 * * * *), default/resize`."""
    # A schedule's parameters are part of a payload, and payloads are not shown.
    schedules = {definition: (definition.schedule or "").partition("|")[0].strip() for definition in functions}
    return ", ".join(
        f"{definition.namespace}/{definition.name}" + (f" ({schedule})" if schedule else "") for definition, schedule in schedules.items()
    )
