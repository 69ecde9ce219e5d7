"""Checks of `@function`: arguments of the right type and storable by the real server's database, a handler that can be called."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Final, cast

_LARGEST: Final = 2**31 - 1
"""The real server stores these numbers in PostgreSQL's `integer`."""


def check_text(argument: str, value: object) -> None:
    """Require a string.

    Raises:
        TypeError: it is not a string.
        ValueError: it holds U+0000 or an unpaired surrogate, which no database stores.
    """
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str, not {_type_name(value)}")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{argument} must not contain U+0000 or an unpaired surrogate")


def check_number(argument: str, value: object) -> None:
    """Require a whole number.

    Raises:
        TypeError: it is not an int.
        ValueError: it is too large.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{argument} must be an int, not {_type_name(value)}")
    if value > _LARGEST:
        raise ValueError(f"{argument} must be at most {_LARGEST}")


def check_flag(argument: str, value: object) -> None:
    """Require a bool.

    Raises:
        TypeError: it is not a bool.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{argument} must be a bool, not {_type_name(value)}")


def check_texts(argument: str, value: object) -> None:
    """Require a list or tuple of strings. A single string would count as a list of its characters.

    Raises:
        TypeError: it is neither, or an item is not a string.
        ValueError: one of the strings cannot be stored.
    """
    if not isinstance(value, list | tuple):
        raise TypeError(f"{argument} must be a list of str, not {_type_name(value)}")
    for text in cast("Iterable[object]", value):
        check_text(f"each of {argument}", text)


def handler_error(handler: object) -> str | None:
    """The rule that a handler breaks which cannot be called with a payload and a context, None if it can be."""
    if not callable(handler):
        return f"a {_type_name(handler)} is no handler: write a function that takes (payload, context)"
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
    return str(getattr(handler, "__qualname__", _type_name(handler)))


def _type_name(value: object) -> str:
    return type(value).__name__
