"""Checks of `@function`: arguments of the right type and storable by the real server's database, a handler that can be called."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Final, cast

_LARGEST: Final = 2**31 - 1
"""The real server stores these numbers in PostgreSQL's `integer`."""


def is_a(value: object, *kinds: type) -> bool:
    """Whether a value's class is one of these or derives from one. `isinstance` would also ask the value, which may lie or raise."""
    try:
        return issubclass(type(value), kinds)
    except Exception:  # noqa: BLE001  # abstract classes ask the metaclass, which may raise anything
        return False


def check_text(argument: str, value: object) -> str:
    """Require a string; a plain one is returned for one of a subclass.

    Raises:
        TypeError: it is not a string.
        ValueError: it holds U+0000 or an unpaired surrogate, which no database stores.
    """
    if not is_a(value, str):
        raise TypeError(f"{argument} must be a str, not {type_name(value)}")
    plain = str.__str__(cast("str", value))
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in plain):
        raise ValueError(f"{argument} must not contain U+0000 or an unpaired surrogate")
    return plain


def check_number(argument: str, value: object) -> int:
    """Require a whole number; a plain one is returned for one of a subclass.

    Raises:
        TypeError: it is not an int.
        ValueError: it is too large.
    """
    if not is_a(value, int) or is_a(value, bool):
        raise TypeError(f"{argument} must be an int, not {type_name(value)}")
    plain = int.__index__(cast("int", value))
    if plain > _LARGEST:
        raise ValueError(f"{argument} must be at most {_LARGEST}")
    return plain


def check_flag(argument: str, value: object) -> None:
    """Require a bool.

    Raises:
        TypeError: it is not a bool.
    """
    if not is_a(value, bool):
        raise TypeError(f"{argument} must be a bool, not {type_name(value)}")


def check_texts(argument: str, value: object) -> tuple[str, ...]:
    """Require a list or tuple of strings. A single string would count as a list of its characters.

    Raises:
        TypeError: it is neither, or an item is not a string.
        ValueError: one of the strings cannot be stored.
    """
    if not is_a(value, list, tuple):
        raise TypeError(f"{argument} must be a list of str, not {type_name(value)}")
    return tuple(check_text(f"each of {argument}", text) for text in cast("Iterable[object]", value))


def handler_error(handler: object) -> str | None:
    """The rule that a handler breaks which cannot be called with a payload and a context, None if it can be."""
    if not callable(handler):
        return f"a {type_name(handler)} is no handler: write a function that takes (payload, context)"
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return None  # some callables that are written in C do not expose their parameters
    try:
        signature.bind({}, None)
    except TypeError as error:
        return f"{_handler_name(handler)}{signature} cannot be called as a handler ({error}): it is called with (payload, context)"
    return None


def _handler_name(handler: object) -> str:
    return str(getattr(handler, "__qualname__", type_name(handler)))


def described(value: object) -> str:
    """The value where it is short and of a built-in type, else its type. Never raises."""
    kind = cast("object", type(value))
    if value is None or kind is bool or kind is float or (type(value) is int and value.bit_length() <= 64):
        return repr(value)
    return repr(value) if type(value) is str and len(value) <= 60 else type_name(value)


def type_name(value: object) -> str:
    """The name of a value's class, shortened; a metaclass may define what `__name__` gives."""
    return cast("str", type.__dict__["__name__"].__get__(type(value)))[:60]
