"""Checks of arguments; each error names the argument."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Final, cast

from ..handlers.validation import described, is_a, type_name

_BILLION: Final = 1_000_000_000
_LONGEST: Final = sys.float_info.max


def in_seconds(name: str, value: float | timedelta) -> float:
    """Convert a time span to seconds.

    Args:
        name: the argument's name.
        value: seconds, or a timedelta.

    Raises:
        TypeError: the value is neither.
        ValueError: the value is negative or not finite.
    """
    if is_a(value, timedelta):
        seconds: float = timedelta.total_seconds(cast("timedelta", value))
    elif is_a(value, float):
        seconds = float.__float__(cast("float", value))
    elif is_a(value, int) and not is_a(value, bool):
        seconds = int.__index__(cast("int", value))
    else:
        raise TypeError(f"{name} must be seconds or a timedelta, not {type_name(value)}")
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{name} must be finite and not negative, not {described(value)}")
    return seconds


def in_nanoseconds(name: str, value: float | timedelta) -> int:
    """Convert a time span to nanoseconds; see `in_seconds`."""
    return round(in_seconds(name, value) * _BILLION)


def whole_number(name: str, value: int, lowest: int, highest: int | None = None) -> int:
    """Check that a value is a whole number within a range.

    Args:
        name: the argument's name.
        value: the number.
        lowest: the lowest allowed number.
        highest: the highest allowed number; no limit if not given.

    Raises:
        TypeError: the value is not a whole number.
        ValueError: the value is out of range.
    """
    if not is_a(value, int) or is_a(value, bool):
        raise TypeError(f"{name} must be a whole number, not {type_name(value)}")
    plain = int.__index__(value)
    if plain < lowest or (highest is not None and plain > highest):
        raise ValueError(f"{name} must be {f'at least {lowest}' if highest is None else f'{lowest} to {highest}'}, not {described(plain)}")
    return plain


def string(name: str, value: str) -> str:
    """Check that a value is a string.

    Args:
        name: the argument's name.
        value: the string.

    Raises:
        TypeError: the value is not a string.
    """
    if not is_a(value, str):
        raise TypeError(f"{name} must be a text, not {type_name(value)}")
    return str.__str__(value)
