"""The options of a test server: their types, and how they are read from keyword arguments and pytest markers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias, TypedDict, cast, get_args

from attrs import evolve, fields_dict

from .._context.client_options import SharedOptions
from .._context.credentials import AsyncKey, Key
from ..emulator.faults.validation import in_seconds, whole_number
from ..emulator.handlers.decorator import DuplicateFunctionError, FunctionSet, JobFunction, check_callable, marked
from ..emulator.handlers.loader import load_functions
from ..emulator.handlers.validation import described, is_a, type_name
from ..emulator.profiles import PROFILES, Profile
from ..emulator.settings import SHORTEST_SECRET, JobsSwitch, RealtimeSwitch, Settings
from .clock import VirtualClock

Handlers: TypeAlias = Iterable[Callable[..., Any]] | ModuleType | str | os.PathLike[str]

_POLL_INTERVAL_SECONDS: Final = 0.005
_TEST_SERVER_OPTIONS: Final = ("functions", "clock", "patience")
"""The options that are not settings of the emulator."""


class ServerOptions(TypedDict, total=False):
    """The options of Server; see there."""

    functions: Handlers
    profile: str
    clock: VirtualClock
    patience: float | timedelta
    jwt_secret: str
    database: str | os.PathLike[str]
    poll_interval: float | timedelta
    worker_timeout: float | timedelta
    workers: int
    jobs_per_worker: int
    rate_limit: int | None
    jobs: JobsSwitch
    realtime: RealtimeSwitch


class ClientOptions(SharedOptions, total=False):
    """The options of `Server.client`: those of FluxbaseClient, without the URL."""

    key: Key | None


class AsyncClientOptions(SharedOptions, total=False):
    """The options of `Server.async_client`: those of AsyncFluxbaseClient, without the URL."""

    key: AsyncKey | None


class FunctionOptions(TypedDict, total=False):
    """The options of the decorator `function`; see there."""

    namespace: str
    max_retries: int
    timeout: int
    require_roles: Sequence[str]
    enabled: bool
    execution_logs: bool
    description: str | None
    schedule: str | None


def read_settings(options: Mapping[str, Any]) -> Settings:
    """Read the emulator's settings: the given ones, and defaults with a short poll interval.

    Raises:
        TypeError: an option that does not exist, or a value of another type.
        ValueError: a value out of its range.
    """
    known = fields_dict(Settings)
    for name in options:
        if name not in known and name not in _TEST_SERVER_OPTIONS:
            raise TypeError(f"a test server has no option {name!r}: there are {', '.join(sorted({*_TEST_SERVER_OPTIONS, *known}))}")
    given = {name: _READERS.get(name, _unchanged)(name, value) for name, value in options.items() if name in known}
    return evolve(Settings(poll_interval=_POLL_INTERVAL_SECONDS), **given)


def read_clock(clock: object) -> VirtualClock:
    """Check the clock; create one if there is none.

    Raises:
        TypeError: the value is not a VirtualClock.
    """
    if clock is None:
        return VirtualClock()
    if not is_a(clock, VirtualClock):
        raise TypeError(f"clock must be a VirtualClock, not {type_name(clock)}")
    return cast("VirtualClock", clock)


def read_functions(functions: object) -> FunctionSet:
    """Read the job functions from handlers, a module or a handlers file.

    Raises:
        TypeError: something else, or a handler without `@function`.
        ValueError: two functions of one name.
        UnusableHandlersError: the file cannot be used.
    """
    if is_a(functions, str, os.PathLike):
        return _load_file(Path(cast("str | os.PathLike[str]", functions)))
    if is_a(functions, ModuleType):
        definitions = marked(vars(functions).values())
        check_callable(definitions)
        return FunctionSet(definitions)
    if not is_a(functions, Iterable):
        raise TypeError(f"functions must be handlers, a module or the path of a handlers file, not {type_name(functions)}")
    try:
        return FunctionSet(read_handlers("functions", cast("Iterable[object]", functions)))
    except DuplicateFunctionError as error:
        raise ValueError(f"functions: {error}") from None


def read_handlers(name: str, handlers: Iterable[object]) -> list[JobFunction]:
    """Read the job functions from handlers that are marked with `@function`.

    Raises:
        TypeError: a handler without `@function`.
    """
    found: list[JobFunction] = []
    for handler in handlers:
        definitions = marked([handler])
        if not definitions:
            raise TypeError(f'{name} must be handlers marked with @function("name"); {_name_of(handler)} has no mark')
        found += definitions
    check_callable(found)
    return found


def _load_file(path: Path) -> FunctionSet:
    # As the emulator's command line does: a handlers file may import modules beside it, at once or when a job runs.
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    return load_functions(path)


def _name_of(handler: object) -> str:
    return str(getattr(handler, "__qualname__", type(handler).__name__))


def _unchanged(_name: str, value: Any) -> Any:
    return value


def _profile(_name: str, value: object) -> Profile:
    if is_a(value, Profile):
        return cast("Profile", value)
    if not is_a(value, str) or str.__str__(cast("str", value)) not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(sorted(PROFILES))}, not {described(value)}")
    return PROFILES[str.__str__(cast("str", value))]


def _switch(name: str, value: object) -> object:
    choices = get_args(_SWITCHES[name])
    if not is_a(value, str) or str.__str__(cast("str", value)) not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {described(value)}")
    return str.__str__(cast("str", value))


def _secret(name: str, value: object) -> str:
    plain = str.__str__(cast("str", value)) if is_a(value, str) else ""
    if len(plain.encode(errors="replace")) < SHORTEST_SECRET:
        raise ValueError(f"{name} must be a text of at least {SHORTEST_SECRET} characters")
    return plain


def _path(name: str, value: object) -> Path | None:
    if is_a(value, str, os.PathLike):
        return Path(cast("str | os.PathLike[str]", value))
    if value is None:
        return None
    raise TypeError(f"{name} must be a path, not {type_name(value)}")


def _positive_seconds(name: str, value: Any) -> float:
    seconds = in_seconds(name, value)
    if not seconds:
        raise ValueError(f"{name} must be above zero")
    return seconds


def _count(name: str, value: int) -> int:
    return whole_number(name, value, lowest=1)


def _count_or_none(name: str, value: int | None) -> int | None:
    return None if value is None else _count(name, value)


_SWITCHES: Final[dict[str, Any]] = {"jobs": JobsSwitch, "realtime": RealtimeSwitch}
_READERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "profile": _profile,
    "jwt_secret": _secret,
    "database": _path,
    "poll_interval": _positive_seconds,
    "worker_timeout": _positive_seconds,
    "workers": _count,
    "jobs_per_worker": _count,
    "rate_limit": _count_or_none,
    "jobs": _switch,
    "realtime": _switch,
}
