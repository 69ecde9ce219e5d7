"""JSON in one step from bytes to what users receive."""

from __future__ import annotations

from typing import Any, Final, get_type_hints

import attrs
import msgspec
from msgspec.structs import force_setattr

BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark that some programs write before JSON."""
MIN_DEEP: Final = 1000
"""The number of characters below which no text is nested too deep to be decoded."""


def struct_of(model: type[Any]) -> Any:
    """A frozen `msgspec.Struct` with the fields of a generated attrs model, to derive a user's class from.

    A Struct is filled in C by position; an attrs class by name, attribute by attribute. Decoding 1,000 recorded jobs costs 0.23 to 0.38
    of `json.loads` this way, 0.41 to 0.85 with the attrs class. A property of the same name in the derived class hides the field and
    does not disturb the decoding.
    """
    hints = get_type_hints(model, include_extras=True)
    fields = [
        (field.name, hints[field.name]) if field.default is attrs.NOTHING else (field.name, hints[field.name], field.default)
        for field in attrs.fields(model)
    ]
    return msgspec.defstruct(f"{model.__name__}Fields", fields, kw_only=True, frozen=True, dict=True, module=model.__module__)


def decoded(fields: type[Any], value: object, name: str) -> Any:
    """A field as it was decoded, where a property of the same name hides it."""
    return vars(fields)[name].__get__(value)


def fill_empty(value: Any, *names: str) -> None:
    """Turn null lists, as they are just being decoded, into empty ones: in this server's language both are the same."""
    for name in names:
        if getattr(value, name) is None:
            force_setattr(value, name, [])


def json_value(text: str | None) -> Any:
    """The value of a JSON text; text that is no JSON, or is nested too deep to be decoded, is its own value."""
    if not isinstance(text, str):
        return text
    try:
        return msgspec.json.decode(text.removeprefix(BOM))
    except (ValueError, RecursionError):
        return text


def is_too_deep(text: str | None) -> bool:
    """Whether a text is JSON that is nested too deep to be decoded."""
    if text is None or len(text) < MIN_DEEP or text.count("{") + text.count("[") < MIN_DEEP // 2:
        return False
    try:
        msgspec.json.decode(text.removeprefix(BOM))
    except RecursionError:
        return True
    except ValueError:
        return False
    return False
