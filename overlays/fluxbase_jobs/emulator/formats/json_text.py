r"""JSON as the server writes it: one value has three texts, and clients see all of them.

- Go's: compact, keys sorted, `<`, `>`, `&` as `\u003c` ... (a submit's `payload`, every response body)
- PostgreSQL's jsonb: `": "` and `", "`, keys by length, then bytes (`payload`, `result`, `progress` of a get)
- JavaScript's: compact, keys in the order made (the `__RESULT__` lines of the logs)

Numbers are 64-bit floats on the way through the server: 9007199254740993 becomes ...992 (lifecycle, edges).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

JSONValue: TypeAlias = "dict[str, JSONValue] | list[JSONValue] | str | int | float | bool | None"

_EXACT = 2**53
_SURROGATE = re.compile("[\ud800-\udfff]")
_quote = json.JSONEncoder(ensure_ascii=False).encode
_HTML_SAFE = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


class InvalidJSONError(ValueError):
    """The text is not JSON, or holds what the server refuses: NaN, infinity, numbers beyond a 64-bit float."""


class NulInTextError(ValueError):
    """A text holds U+0000, which jsonb cannot store (submit_validation: `NUL in a payload`)."""


def parse(body: bytes) -> JSONValue:
    """Read JSON bytes as Go does: bytes that are not UTF-8 and lone surrogates become U+FFFD.

    Raises:
        InvalidJSONError: also for nesting deeper than Python can read (some hundred levels).

    """
    try:
        text = body.decode("utf-8", "surrogateescape")
        return cast("JSONValue", json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_integer))
    except (ValueError, RecursionError) as error:
        raise InvalidJSONError(str(error)) from error


def normalise(value: object) -> JSONValue:
    """What is left of a Python value after the server: numbers as 64-bit floats, clean text, lists for tuples.

    NaN and infinity become null, as JavaScript writes them.

    Raises:
        TypeError: the value, or something in it, has no JSON form.

    """
    match value:
        case None | bool():
            return value
        case str():
            return clean_text(value)
        case int() | float():
            return _number(value)
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {_key(key): normalise(item) for key, item in items}
        case list() | tuple():
            return [normalise(item) for item in cast("Iterable[object]", value)]
        case _:
            message = f"{type(value).__name__} has no JSON form"
            raise TypeError(message)


def clean_text(text: str) -> str:
    """Return the text with U+FFFD for each lone surrogate."""
    return _SURROGATE.sub("\ufffd", text)


def go_text(value: JSONValue) -> str:
    """Go's text of a normalised value, keys sorted."""
    return _write(value, _GO).translate(_HTML_SAFE)


def body_text(value: JSONValue) -> str:
    """Go's text with keys in the order given: a response body, whose order is that of the server's structs."""
    return _write(value, _BODY).translate(_HTML_SAFE)


def javascript_text(value: JSONValue) -> str:
    """JavaScript's text of a normalised value."""
    return _write(value, _BODY)


def jsonb_text(value: JSONValue) -> str:
    """PostgreSQL's jsonb text of a normalised value.

    Raises:
        NulInTextError: a key or a text in the value holds U+0000.

    """
    text = _write(value, _JSONB)
    # A backslash before \u0000 may itself be escaped; only then is the text harmless.
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise NulInTextError(text)
    return text


@frozen
class _Form:
    comma: str
    colon: str
    number: Callable[[float], str]
    key_order: Callable[[str], Any] | None = None


def _write(value: JSONValue, form: _Form) -> str:
    match value:
        case str():
            return _quote(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            keys = sorted(value, key=form.key_order) if form.key_order else value
            return "{" + form.comma.join([_quote(key) + form.colon + _write(value[key], form) for key in keys]) + "}"
        case list():
            return "[" + form.comma.join([_write(item, form) for item in value]) + "]"
        case _:
            return form.number(value)


def _number_text(number: float) -> str:
    """The shortest digits that read back to the same float; Go and JavaScript agree on the form."""
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
    """PostgreSQL's numeric knows neither exponents nor a negative zero."""
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
        message = f"JSON object keys are text, not {type(key).__name__}"
        raise TypeError(message)
    return clean_text(key)


def _refuse(constant: str) -> float:
    message = f"{constant} is not JSON"
    raise ValueError(message)


def _float(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _integer(digits: str) -> float:
    number = _float(digits)
    return number if digits == "-0" else int(digits)  # a float has a negative zero, an int has not


_GO = _Form(comma=",", colon=":", number=_number_text, key_order=str)
_BODY = _Form(comma=",", colon=":", number=_number_text)
_JSONB = _Form(comma=", ", colon=": ", number=_numeric_text, key_order=lambda key: (len(key.encode()), key))
