"""Functions to sync: turned into their wire form, or refused where the server would refuse them or silently leave something out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

import attrs
from fluxbase_jobs_client import models as wire

from ..errors import InvalidInput
from ..models.admin import SyncFunction
from . import arguments


def checked(functions: object) -> list[wire.SyncFunction]:
    """The functions, in order.

    Arguments:
        functions: SyncFunction values, or mappings with their names as keys.

    Raises:
        InvalidInput: naming the function's place, the key and the rule. The server takes unknown keys and forgets them, and of two
            functions with one name it creates the first alone.
    """
    read = _read("functions", functions)
    names: set[str] = set()
    for index, function in enumerate(read):
        if function.name in names:
            raise InvalidInput(f"functions[{index}].name {function.name!r} is there twice")
        names.add(function.name)
    return read


@arguments.only_invalid_input
def _read(name: str, functions: object) -> list[wire.SyncFunction]:
    if not arguments.is_a(functions, Iterable) or arguments.is_a(functions, str, bytes, Mapping):
        raise InvalidInput(f"{name} must be a list of SyncFunction values or mappings; got {arguments.type_name(functions)}")
    return [_function(f"{name}[{index}]", given) for index, given in enumerate(cast("Iterable[object]", functions))]


def _function(place: str, given: object) -> wire.SyncFunction:
    values = {name: _CHECKS[name](f"{place}.{name}", value) for name, value in _values(place, given).items() if value is not None}
    for name in ("name", "code"):
        if name not in values:
            raise InvalidInput(f"{place} has no {name}")
    return wire.SyncFunction(**values)


def _values(place: str, given: object) -> Mapping[str, Any]:
    if arguments.is_a(given, SyncFunction):
        return {field.name: getattr(given, field.name) for field in attrs.fields(SyncFunction)}
    if not arguments.is_a(given, Mapping):
        raise InvalidInput(f"{place} must be a SyncFunction or a mapping; got {arguments.type_name(given)}")
    values = cast("Mapping[object, Any]", given)
    return {_key(place, key): values[key] for key in values}


def _key(place: str, key: object) -> str:
    plain = arguments.plain_text(key)
    if plain not in _CHECKS:
        raise InvalidInput(f"{place} has an unknown key {arguments.described(key)}; known are {', '.join(_CHECKS)}")
    return plain


def _any_text(name: str, value: object) -> str:
    """Text that may be empty, as where an update takes something away."""
    return "" if arguments.plain_text(value) == "" else arguments.text(name, value)


def _count(name: str, value: object) -> int:
    """A number that is not negative: the server would store one that is."""
    return arguments.integer(name, value, 0)


def _roles(name: str, value: object) -> list[str]:
    if not arguments.is_a(value, list, tuple):
        raise InvalidInput(f"{name} must be a list of texts; got {arguments.type_name(value)}")
    return [arguments.text(f"{name}[{index}]", role) for index, role in enumerate(cast("list[object]", value))]


_CHECKS: Final[dict[str, Callable[[str, Any], Any]]] = {
    **dict.fromkeys(("name", "code"), arguments.text),
    **dict.fromkeys(("description", "schedule", "original_code"), _any_text),
    **dict.fromkeys(("timeout_seconds", "memory_limit_mb", "max_retries", "progress_timeout_seconds"), _count),
    **dict.fromkeys(("enabled", "is_bundled", "allow_net", "allow_env", "allow_read", "allow_write"), arguments.flag),
    "require_roles": _roles,
}
