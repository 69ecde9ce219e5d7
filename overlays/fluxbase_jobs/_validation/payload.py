"""A job's payload: turned into a JSON object, or refused where JSON or the server would change or lose a part of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final, cast

import attrs
import msgspec.structs

from ..errors import InvalidInput
from .arguments import text_fault

MAX_LEVELS: Final = 64
MAX_INTEGER: Final = 2**53 - 1
MAX_BODY_BYTES: Final = 1_048_576


def json_object(payload: object) -> dict[str, Any] | None:
    """The payload as a new tree of plain dicts, lists, texts, numbers, booleans and None.

    Arguments:
        payload: a mapping, an instance of an attrs class, dataclass, msgspec.Struct or pydantic model, or None.

    Raises:
        InvalidInput: naming the path and the rule. The encoder can't be the check: it writes NaN as null, and integer keys, moments and
            bytes as text, silently.
    """
    if payload is None:
        return None
    try:
        tree = _plain(payload, frozenset())
    except _Unfit as unfit:
        raise InvalidInput(f"payload{unfit.path()} {unfit.rule}") from None
    if not isinstance(tree, dict):
        raise InvalidInput(f"payload must be a JSON object (a mapping or a model), or None; got {type(payload).__name__}")
    return cast("dict[str, Any]", tree)


class _Unfit(Exception):  # a signal inside this module, never seen outside
    """A value that can't be sent, and the way to it, gathered on the way out."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule
        self.steps: list[str] = []

    def path(self) -> str:
        return "".join(reversed(self.steps))


def _plain(value: object, parents: frozenset[int]) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        items = cast("list[object]", value)
        inside = _entered(items, parents)
        return [_item(f"[{index}]", item, inside) for index, item in enumerate(items)]
    fields = _fields(value)
    inside = _entered(value, parents)
    return {_key(key): _item(f".{key}", item, inside) for key, item in fields.items()}


def _item(step: str, value: object, parents: frozenset[int]) -> object:
    try:
        return _plain(value, parents)
    except _Unfit as unfit:
        unfit.steps.append(step)
        raise


def _entered(container: object, parents: frozenset[int]) -> frozenset[int]:
    if id(container) in parents:
        raise _Unfit("must not contain itself")
    if len(parents) == MAX_LEVELS:
        raise _Unfit(f"must not be nested more than {MAX_LEVELS} levels deep")
    return parents | {id(container)}


def _fields(value: object) -> Mapping[object, object]:
    """The keys and values of a mapping or a model."""
    kind = type(value)
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value)
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        tag: dict[object, object] = {} if config.tag is None else {config.tag_field: config.tag}
        return {**tag, **{field.encode_name: getattr(value, field.name) for field in msgspec.structs.fields(value)}}
    if attrs.has(kind):
        return {field.name: getattr(value, field.name) for field in attrs.fields(kind)}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    # pydantic is no dependency: its models are recognized by their methods, and encode themselves.
    if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):
        try:
            return cast("Mapping[object, object]", cast("Any", value).model_dump(mode="json", by_alias=True))
        except ValueError as fault:
            raise _Unfit(f"must be JSON; {kind.__name__} could not be written as such: {type(fault).__name__}") from None
    raise _Unfit(f"must be JSON (object, list, text, number, boolean or None); {kind.__name__} has no JSON form of its own")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise _Unfit(f"has a key that is not text but {type(key).__name__}")
    return _text(key)


def _text(value: str) -> str:
    if fault := text_fault(value):
        raise _Unfit(f"must not contain {fault}")
    return str.__str__(value)


def _integer(value: int) -> int:
    if abs(value) > MAX_INTEGER:
        raise _Unfit("must lie within ±(2^53-1); the server would round a larger integer")
    return int(value)


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise _Unfit("must be a finite number; JSON has no NaN and no infinity")
    return float(value)
