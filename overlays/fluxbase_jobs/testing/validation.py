"""Checks of arguments; each error names the argument."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final, cast

_BILLION: Final = 1_000_000_000


def in_seconds(name: str, value: float | timedelta) -> float:
    """Convert a time span to seconds.

    Args:
        name: the argument's name.
        value: seconds, or a timedelta.

    Raises:
        TypeError: the value is neither.
        ValueError: the value is negative or not finite.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not isinstance(cast("object", seconds), int | float) or isinstance(seconds, bool):
        raise TypeError(f"{name} must be seconds or a timedelta, not {type(value).__name__}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{name} must be finite and not negative, not {value}")
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
    if not isinstance(cast("object", value), int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    if value < lowest or (highest is not None and value > highest):
        raise ValueError(f"{name} must be {f'at least {lowest}' if highest is None else f'{lowest} to {highest}'}, not {value}")
    return value


def string(name: str, value: str) -> str:
    """Check that a value is a string.

    Args:
        name: the argument's name.
        value: the string.

    Raises:
        TypeError: the value is not a string.
    """
    if not isinstance(cast("object", value), str):
        raise TypeError(f"{name} must be a text, not {type(value).__name__}")
    return value
