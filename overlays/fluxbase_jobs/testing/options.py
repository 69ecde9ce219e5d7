"""What can be set on a test server: read from keyword arguments, which also come from pytest markers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast, get_args

from attrs import evolve, fields_dict

from fluxbase_jobs.emulator.handlers.decorator import DuplicateFunctionError, FunctionSet, JobFunction, check_callable, marked
from fluxbase_jobs.emulator.handlers.loader import load_functions
from fluxbase_jobs.emulator.profiles import PROFILES, Profile
from fluxbase_jobs.emulator.settings import SHORTEST_SECRET, JobsSwitch, Settings

from .validation import in_seconds, whole_number

_PACE_SECONDS: Final = 0.005


OWN: Final = ("functions", "clock", "patience")
"""The options that are not the emulator's."""


def read_settings(options: Mapping[str, Any]) -> Settings:
    """Return the emulator's settings: those given, the defaults of the newest profile, and a quick pace.

    Raises:
        TypeError: an option that does not exist, or a value of another type.
        ValueError: a value out of its range.

    """
    known = fields_dict(Settings)
    for name in options:
        if name not in known and name not in OWN:
            raise TypeError(f"a test server has no option {name!r}: there are {', '.join(sorted({*OWN, *known}))}")
    given = {name: _READERS.get(name, _as_it_is)(name, value) for name, value in options.items() if name in known}
    return evolve(Settings(poll_interval=_PACE_SECONDS), **given)


def read_functions(functions: object) -> FunctionSet:
    """Return the job functions of handlers, of a module or of a handlers file.

    Raises:
        TypeError: something else, or a handler without its mark.
        ValueError: two functions of one name.
        UnusableHandlersError: the file cannot be used.

    """
    if isinstance(functions, str | os.PathLike):
        return _loaded(Path(cast("str | os.PathLike[str]", functions)))
    if isinstance(functions, ModuleType):
        definitions = marked(vars(functions).values())
        check_callable(definitions)
        return FunctionSet(definitions)
    if not isinstance(functions, Iterable):
        raise TypeError(f"functions must be handlers, a module or the path of a handlers file, not {type(functions).__name__}")
    try:
        return FunctionSet(read_handlers("functions", cast("Iterable[object]", functions)))
    except DuplicateFunctionError as error:
        raise ValueError(f"functions: {error}") from None


def read_handlers(name: str, handlers: Iterable[object]) -> list[JobFunction]:
    """Return the job functions of marked handlers.

    Raises:
        TypeError: a handler without its mark.

    """
    found: list[JobFunction] = []
    for handler in handlers:
        definitions = marked([handler])
        if not definitions:
            raise TypeError(f'{name} must be handlers marked with @function("name"); {_named(handler)} has no mark')
        found += definitions
    check_callable(found)
    return found


def _loaded(path: Path) -> FunctionSet:
    # As for the program: a handlers file may import its neighbours, at once or when a job runs.
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    return load_functions(path)


def _named(handler: object) -> str:
    return str(getattr(handler, "__qualname__", type(handler).__name__))


def _as_it_is(_name: str, value: Any) -> Any:
    return value


def _profile(_name: str, value: object) -> Profile:
    if isinstance(value, Profile):
        return value
    if not isinstance(value, str) or value not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(sorted(PROFILES))}, not {value!r}")
    return PROFILES[value]


def _switch(name: str, value: object) -> object:
    if value not in get_args(JobsSwitch):
        raise ValueError(f"{name} must be one of {', '.join(get_args(JobsSwitch))}, not {value!r}")
    return value


def _secret(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value.encode()) < SHORTEST_SECRET:
        raise ValueError(f"{name} must be a text of at least {SHORTEST_SECRET} characters")
    return value


def _path(name: str, value: object) -> Path | None:
    if isinstance(value, str | os.PathLike):
        return Path(cast("str | os.PathLike[str]", value))
    if value is None:
        return None
    raise TypeError(f"{name} must be a path, not {type(value).__name__}")


def _pace(name: str, value: Any) -> float:
    seconds = in_seconds(name, value)
    if not seconds:
        raise ValueError(f"{name} must be above zero")
    return seconds


def _count(name: str, value: int) -> int:
    return whole_number(name, value, lowest=1)


def _count_or_none(name: str, value: int | None) -> int | None:
    return None if value is None else _count(name, value)


_READERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "profile": _profile,
    "jwt_secret": _secret,
    "database": _path,
    "poll_interval": _pace,
    "worker_timeout": _pace,
    "workers": _count,
    "jobs_per_worker": _count,
    "rate_limit": _count_or_none,
    "jobs": _switch,
}
