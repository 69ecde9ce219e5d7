"""Values as JSON has them: a walk over what users hand in, to plain dicts, lists, texts, numbers, booleans and None."""

from __future__ import annotations

import dataclasses
import math
from collections import UserString
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

import attrs
import msgspec.structs

from .arguments import enum_value, is_a, plain_date, plain_datetime, plain_integer, text_fault, type_name
from .pydantic_models import (
    MASKED,
    NO_OFFSET,
    NOT_FINITE,
    Unfit,
    Unwritable,
    fields_of,
    is_secret,
    is_written_by_pydantic,
    no_text_key,
    not_json,
    pydantic_values,
    require_valid,
)

MAX_INTEGER: Final = 2**53 - 1
_MAX_FIELDS: Final = 500_000
_UNSET: Final = object()
_NO_SEQUENCE: Final = (str, bytes, bytearray, memoryview, UserString)


class _Open:
    """A container whose items are being checked."""

    __slots__ = ("add", "identity", "items", "made", "step")

    def __init__(self, value: object, items: Iterator[tuple[Any, object]], made: Any) -> None:
        self.identity = id(value)
        self.items = items
        self.made = made
        self.step: object = _UNSET


def plain_tree(value: object, max_items: int) -> object:
    """The value as a new tree of plain values.

    The walk keeps its own stack, so that no nesting is too deep for it.

    Raises:
        Unfit: a part of the value is not a JSON value, or more than `max_items` values are in it.
    """
    open_: list[_Open] = []
    try:
        return _walk(value, max_items, open_)
    except Unfit as unfit:
        unfit.steps[:0] = [each.step for each in open_ if each.step is not _UNSET]
        raise
    except Exception as fault:  # noqa: BLE001  # a user's class may raise anything
        raise Unfit(f"cannot be read: {type_name(fault)}", [each.step for each in open_ if each.step is not _UNSET]) from None


def _walk(value: object, max_items: int, open_: list[_Open]) -> object:
    inside: set[int] = set()
    count = 0
    while True:
        found = _scalar_or_container(value)
        if isinstance(found, _Open):
            if found.identity in inside:
                raise Unfit("must not contain itself")
            inside.add(found.identity)
            open_.append(found)
        elif not open_:
            return found
        else:
            _put(open_[-1], found)
        while True:
            top = open_[-1]
            top.step = _UNSET
            following = next(top.items, None)
            if following is not None:
                break
            open_.pop()
            inside.discard(top.identity)
            if not open_:
                return top.made
            _put(open_[-1], top.made)
        count += 1
        if count > max_items:
            raise Unfit(f"has more than {max_items:,} values, more than the server takes")
        key, value = following
        top.step = key if type(top.made) is list else _key(key)


def _put(top: _Open, value: object) -> None:
    made: Any = top.made
    if type(made) is list:
        cast("list[object]", made).append(value)
    else:
        made[top.step] = value


def _scalar_or_container(value: object) -> object:
    """The plain form of a value that holds no others, else the container to walk."""
    kind = type(value)
    reader = _EXACT.get(kind)
    if reader is not None:
        return reader(value)
    if _unset(value):  # one of them is a member of an enum
        raise Unfit(not_json(type_name(value)))
    if is_a(value, Enum):
        return _scalar_or_container(_enum_value(value))
    if is_secret(kind):
        raise Unfit(MASKED)
    for base, reader in _BASES.items():
        if issubclass(kind, base):
            return reader(value)
    return _container(value)


def _container(value: object) -> object:
    if is_a(value, Mapping):
        return _Open(value, iter(_pairs(cast("Mapping[object, object]", value))), {})
    if is_a(value, Sequence) and not is_a(value, *_NO_SEQUENCE):
        return _Open(value, enumerate(cast("Sequence[object]", value)), [])
    if is_a(value, msgspec.Struct):
        return _struct(cast("msgspec.Struct", value))
    kind = type(value)
    if is_written_by_pydantic(kind):
        return _pydantic(value)
    names = _field_names(kind)
    if names is None:
        raise Unfit(not_json(type_name(value)))
    fields = ((name, getattr(value, name, msgspec.UNSET)) for name in names)
    return _Open(value, (pair for pair in fields if not _unset(pair[1])), {})


def _pairs(value: Mapping[object, object]) -> Iterable[tuple[object, object]]:
    return ((key, value[key]) for key in value)


def _unset(value: object) -> bool:
    return value is msgspec.UNSET or value is attrs.NOTHING


def _field_names(kind: type) -> list[str] | None:
    if attrs.has(kind):
        return [field.name for field in attrs.fields(kind)]
    return [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else None


def _struct(value: msgspec.Struct) -> _Open:
    """A Struct's fields as msgspec writes them: renamed, with the tag, without what is unset or a default that it omits."""
    config = value.__struct_config__
    fields = msgspec.structs.fields(value)
    if config.array_like:
        tag = [] if config.tag is None else [config.tag]
        return _Open(value, enumerate([*tag, *(getattr(value, field.name) for field in fields)]), [])
    pairs = [] if config.tag is None else [(config.tag_field, cast("object", config.tag))]
    for field in fields:
        item = getattr(value, field.name, msgspec.UNSET)
        if not _unset(item) and not (config.omit_defaults and _is_default(field, item)):
            pairs.append((field.encode_name, item))
    return _Open(value, iter(pairs), {})


def _is_default(field: msgspec.structs.FieldInfo, value: object) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return type(value) in {list, dict, set} and field.default_factory is type(value) and not value
    return value is field.default


def _pydantic(value: object) -> object:
    """The model's JSON. Where pydantic cannot write it, the walk over its fields finds what is none, and where."""
    try:
        found = _scalar_or_container(pydantic_values(value))
        if isinstance(found, _Open):
            found.identity = id(value)  # the model may be found again below, where it contains itself
    except Unwritable as fault:
        plain_tree(fields_of(value), _MAX_FIELDS)
        require_valid(value)
        raise Unfit(f"cannot be written as JSON by pydantic: {fault}") from None
    return found


def _key(key: object) -> str:
    if is_a(key, Enum):
        key = _enum_value(key)
    if not is_a(key, str):
        raise Unfit(no_text_key(type_name(key)))
    return _text(key)


def _enum_value(member: object) -> object:
    """The value of an enum's member; of its value's where that is a member too."""
    seen: list[object] = []
    while is_a(member, Enum):
        if any(member is each for each in seen):
            raise Unfit("must not contain itself")
        seen.append(member)
        member = enum_value(member)
    return member


def _same(value: object) -> object:
    return value


def _text(value: object) -> str:
    plain = str.__str__(cast("str", value))
    if fault := text_fault(plain):
        raise Unfit(f"must not contain {fault}")
    return plain


def _integer(value: object) -> int:
    plain = cast("int", plain_integer(value))
    if abs(plain) > MAX_INTEGER:
        raise Unfit("must lie within ±(2^53-1); the server would round a larger integer")
    return plain


def _number(value: object) -> float:
    plain = float.__float__(cast("float", value))
    if not math.isfinite(plain):
        raise Unfit(NOT_FINITE)
    return plain


def _moment(value: object) -> object:
    plain = plain_datetime(cast("datetime", value))
    if plain.utcoffset() is None:
        raise Unfit(NO_OFFSET)
    return msgspec.to_builtins(plain if _has_whole_minutes(plain) else plain.astimezone(UTC))


def _has_whole_minutes(moment: datetime) -> bool:
    """Whether a moment's offset can be written: the local times of before 1900 differ from UTC by seconds too, which RFC 3339 has not."""
    return not cast("timedelta", moment.utcoffset()) % timedelta(minutes=1)


def _day(value: object) -> object:
    return msgspec.to_builtins(plain_date(cast("date", value)))


def _uuid(value: object) -> str:
    return str(UUID(int=int.__index__(cast("UUID", value).int)))


def _decimal(value: object) -> str:
    plain = Decimal(cast("Decimal", value))
    if not plain.is_finite():
        raise Unfit(NOT_FINITE)
    return str(plain)


def _list(value: object) -> _Open:
    return _Open(value, enumerate(cast("list[object]", value)), [])


def _dict(value: object) -> _Open:
    return _Open(value, iter(cast("dict[object, object]", value).items()), {})


_Reader: TypeAlias = Callable[[object], object]
_EXACT: Final[dict[type, _Reader]] = {
    type(None): _same,
    bool: _same,
    str: _text,
    int: _integer,
    float: _number,
    dict: _dict,
    list: _list,
    tuple: _list,
}
"""How a value of one of these very types is read."""
# A datetime is a date too, so it comes first.
_BASES: Final[dict[type, _Reader]] = {
    str: _text,
    int: _integer,
    float: _number,
    datetime: _moment,
    date: _day,
    UUID: _uuid,
    Decimal: _decimal,
}
"""How a value of a class that derives from one of these is read."""
