"""The objects of answers that openapi.yaml describes, and values of another type for each of their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml
from attrs import frozen

_DESCRIPTION: Final = Path(__file__).parents[3] / "openapi.yaml"
_NOT_IN_ANSWERS: Final = frozenset({"Error", "OnBehalfOf", "SyncFunction", "SyncOptions"})
_WRONG: Final[Mapping[str, Any]] = {"string": 7, "integer": "x", "number": "x", "boolean": "x", "array": 7, "object": 7}
"""A value of another type, by type."""
_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    name: schema
    for name, schema in yaml.safe_load(_DESCRIPTION.read_text())["components"]["schemas"].items()
    if not name.endswith("Request") and name not in _NOT_IN_ANSWERS
}


@frozen
class Field:
    """One field of one kind of object, with a wrong value."""

    schema: str
    name: str
    value: Any


def fields() -> Iterator[Field]:
    """Each field of each kind of object, with a value of another type and with null."""
    for schema, described in _SCHEMAS.items():
        for name, property_ in described["properties"].items():
            kind = property_.get("type", "object")
            yield Field(schema, name, _WRONG[kind if isinstance(kind, str) else kind[0]])
            yield Field(schema, name, None)


def kinds_in(body: object) -> set[str]:
    """The schemas of all objects in a body."""
    if isinstance(body, list):
        return set[str]().union(*map(kinds_in, cast("list[object]", body)))
    held = cast("dict[str, object]", body) if isinstance(body, dict) else {}
    return {name for name in _SCHEMAS if _is_one(held, name)}.union(*map(kinds_in, held.values()))


def spoiled(body: object, field: Field) -> object:
    """The body with the wrong value in each object that has, or may have, the field."""
    return with_value(body, field.name, field.value, lambda held: _is_one(held, field.schema))


def with_value(body: object, name: str, value: object, where: Callable[[Mapping[str, object]], bool]) -> object:
    """The body with this value under the name in each object that is one of those."""
    if isinstance(body, list):
        return [with_value(each, name, value, where) for each in cast("list[object]", body)]
    if not isinstance(body, dict):
        return body
    held = cast("dict[str, object]", body)
    inner = {key: with_value(each, name, value, where) for key, each in held.items()}
    return {**inner, name: value} if where(held) else inner


def _is_one(held: Mapping[str, object], schema: str) -> bool:
    """Whether an object can be of this schema, which may require nothing."""
    described = _SCHEMAS[schema]
    return bool(held) and set(described.get("required", ())) <= held.keys() <= described["properties"].keys()
