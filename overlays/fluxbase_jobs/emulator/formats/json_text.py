r"""Parses and writes JSON as the server does. Clients see three different texts of the same value.

- Go: compact, sorted keys, `<`, `>`, `&` as `\u003c` ... (every response body; `payload` in the response to a submit)
- PostgreSQL jsonb: `": "` and `", "`, keys sorted by length, then bytes (`payload`, `result`, `progress` in the response to a get)
- JavaScript: compact, keys in insertion order (the `__RESULT__` lines of the logs)

The server converts numbers to 64-bit floats: 9007199254740993 becomes ...992 (lifecycle, edges).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

import msgspec
from attrs import frozen

JSONValue: TypeAlias = "dict[str, JSONValue] | list[JSONValue] | str | int | float | bool | None"

_Open: TypeAlias = tuple[Iterator[tuple[object, object]], dict[str, JSONValue] | list[JSONValue]]
"""A container that is being copied: what is left of it, and the copy."""
_EXACT: Final = 2**53
_MOST_LEVELS: Final = 10_000
"""Go reads no more."""
_MOST_ITEMS: Final = 1_000_000
"""In one list; `range(10**15)` is one too."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_quote = json.JSONEncoder(ensure_ascii=False).encode
_HTML_SAFE: Final = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


class InvalidJSONError(ValueError):
    """The text is not JSON, or contains NaN, infinity or a number too large for a 64-bit float."""


class NulInTextError(ValueError):
    """A string contains U+0000, which jsonb cannot store (submit_validation: `NUL in a payload`)."""


class TooDeepError(TypeError):
    """A value is nested deeper than Python can follow, or contains itself."""


def parse(body: bytes) -> JSONValue:
    """Parse JSON as Go does: invalid UTF-8 and lone surrogates become U+FFFD.

    Raises:
        InvalidJSONError: also for values nested deeper than Python can parse (some hundred levels).
    """
    try:
        text = body.decode("utf-8", "surrogateescape")
        return cast("JSONValue", json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_integer))
    except (ValueError, RecursionError) as error:
        raise InvalidJSONError(str(error)) from error


def normalise(value: object) -> JSONValue:
    """Convert a Python value to what the server would store: 64-bit float numbers, valid Unicode, lists instead of tuples.

    NaN and infinity become null, as in JavaScript. Aware datetimes, dates, UUIDs and decimals become text, enums their values.

    Raises:
        TypeError: the value, or a value inside it, cannot be written as JSON; TooDeepError where it is nested too deep.
    """
    try:
        return _normalised(value)
    except TypeError:
        raise
    except RecursionError:
        raise TooDeepError("it is nested too deep, or contains itself") from None
    except Exception as fault:  # noqa: BLE001  # a user's class may raise anything
        raise TypeError(f"it cannot be read: {type(fault).__name__}") from None


def _normalised(value: object) -> JSONValue:
    """Walk the value with a stack of its own: calls that nest would end at half the levels that the JSON codec takes."""
    root: dict[str, JSONValue] = {}
    open_: list[_Open] = [(iter([("", value)]), root)]
    inside: dict[int, object] = {}
    while open_:
        items, made = open_[-1]
        for key, item in items:
            found = _scalar_or_container(item)
            inner = found[1] if isinstance(found, tuple) else found
            if isinstance(made, list):
                made.append(inner)
            else:
                made[_key(key)] = inner
            if isinstance(found, tuple):
                if len(open_) > _MOST_LEVELS or id(item) in inside:
                    raise TooDeepError("it is nested too deep, or contains itself")
                inside[id(item)] = item
                open_.append(found)
                break
        else:
            open_.pop()
            if inside:
                inside.popitem()
    return root[""]


def _scalar_or_container(value: object) -> JSONValue | _Open:
    """A value without others in it as it is stored, else its items and what is to hold them."""
    match value:
        case None | bool():
            return value
        case Enum():
            return _scalar_or_container(cast("object", value.value))
        case str() | int() | float() | date() | UUID() | Decimal():
            return _scalar(value)
        case Mapping():
            return iter(cast("Mapping[object, object]", value).items()), {}
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview) and len(cast("Sequence[object]", value)) <= _MOST_ITEMS:
            return enumerate(cast("Iterable[object]", value)), []
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def _scalar(value: str | float | date | UUID | Decimal) -> JSONValue:
    match value:
        case str():
            return clean_text(str.__str__(value))
        case int():
            return _number(int.__index__(value))
        case float():
            return _number(float.__float__(value))
        case datetime() if value.utcoffset() is None:
            raise TypeError("a datetime without an offset has no JSON form")
        case _:
            return cast("str", msgspec.to_builtins(value))


def clean_text(text: str) -> str:
    """Replace each lone surrogate by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def go_text(value: JSONValue) -> str:
    """Write a normalised value as Go writes a map: keys sorted."""
    return _write(value, _GO).translate(_HTML_SAFE)


def body_text(value: JSONValue) -> str:
    """Write a normalised value as Go writes a struct: keys in the given order."""
    return _write(value, _BODY).translate(_HTML_SAFE)


def javascript_text(value: JSONValue) -> str:
    """Write a normalised value as JavaScript does."""
    return _write(value, _BODY)


def jsonb_text(value: JSONValue) -> str:
    """Write a normalised value as PostgreSQL prints jsonb.

    Raises:
        NulInTextError: a key or a string contains U+0000.
    """
    text = _write(value, _JSONB)
    # `\\u0000` is a backslash followed by plain text; only an unescaped backslash makes it a NUL.
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise NulInTextError(text)
    return text


@frozen
class _Format:
    comma: str
    colon: str
    number: Callable[[float], str]
    key_order: Callable[[str], Any] | None = None


def _write(value: JSONValue, style: _Format) -> str:
    """Write with a stack of its own, as `_normalised` reads."""
    pieces: list[str] = []
    open_: list[tuple[Iterator[tuple[str, JSONValue]], str]] = [(iter([("", value)]), "")]
    while open_:
        items, end = open_[-1]
        for before, item in items:
            pieces.append(before)
            if isinstance(item, dict | list):
                pieces.append("{" if isinstance(item, dict) else "[")
                open_.append((_members(item, style), "}") if isinstance(item, dict) else (_items(item, style), "]"))
                break
            pieces.append(_scalar_text(item, style))
        else:
            pieces.append(end)
            open_.pop()
    return "".join(pieces)


def _members(value: dict[str, JSONValue], style: _Format) -> Iterator[tuple[str, JSONValue]]:
    """What an object holds, each value with the text before it."""
    for index, key in enumerate(sorted(value, key=style.key_order) if style.key_order else value):
        yield (style.comma if index else "") + _quote(key) + style.colon, value[key]


def _items(value: list[JSONValue], style: _Format) -> Iterator[tuple[str, JSONValue]]:
    """What a list holds, each value with the text before it."""
    return ((style.comma if index else "", item) for index, item in enumerate(value))


def _scalar_text(value: str | float | None, style: _Format) -> str:
    match value:
        case str():
            return _quote(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return style.number(value)


def _number_text(number: float) -> str:
    """Write the shortest digits that parse to the same float, in the form that Go and JavaScript share."""
    if isinstance(number, int):
        return str(number)
    text = repr(number)
    if "e" not in text:
        return text.removesuffix(".0")
    if 1e-6 <= abs(number) < 1e21:
        return format(Decimal(text), "f")
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent):+d}"


def _numeric_text(number: float) -> str:
    """Write a number as PostgreSQL's numeric, which has no exponents and no negative zero."""
    return format(Decimal(_number_text(number)), "f") if number else "0"


def _number(value: float) -> int | float | None:
    if isinstance(value, int) and -_EXACT <= value <= _EXACT:
        return int(value)
    try:
        number = float(value)
    except OverflowError:
        return None
    if not math.isfinite(number):
        return None
    text = _number_text(number)
    return int(text) if text != "-0" and text.lstrip("-").isdigit() else number


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"JSON object keys are text, not {type(key).__name__}")
    return clean_text(str.__str__(key))


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _float(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _integer(digits: str) -> float:
    number = _float(digits)
    return number if digits == "-0" else int(digits)  # only a float has a negative zero


_GO: Final = _Format(comma=",", colon=":", number=_number_text, key_order=str)
_BODY: Final = _Format(comma=",", colon=":", number=_number_text)
_JSONB: Final = _Format(comma=", ", colon=": ", number=_numeric_text, key_order=lambda key: (len(key.encode()), key))
