"""Checks of arguments, each with an error that names the argument."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import cast

_BILLION = 1_000_000_000


def in_seconds(name: str, value: float | timedelta) -> float:
    """Return a span in seconds.

    Args:
        name: what the argument is called.
        value: seconds, or a timedelta.

    Raises:
        TypeError: it is neither.
        ValueError: it is negative or not finite.

    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not isinstance(cast("object", seconds), int | float) or isinstance(seconds, bool):
        raise TypeError(f"{name} must be seconds or a timedelta, not {type(value).__name__}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{name} must be finite and not negative, not {value}")
    return seconds


def in_nanoseconds(name: str, value: float | timedelta) -> int:
    """Return a span in nanoseconds; see `in_seconds`."""
    return round(in_seconds(name, value) * _BILLION)


def whole_number(name: str, value: int, lowest: int, highest: int | None = None) -> int:
    """Return a whole number.

    Args:
        name: what the argument is called.
        value: the number.
        lowest: the least that it may be.
        highest: the most that it may be, if there is a limit.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is out of its range.

    """
    if not isinstance(cast("object", value), int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    if value < lowest or (highest is not None and value > highest):
        raise ValueError(f"{name} must be {f'at least {lowest}' if highest is None else f'{lowest} to {highest}'}, not {value}")
    return value


def a_text(name: str, value: str) -> str:
    """Return a text.

    Args:
        name: what the argument is called.
        value: the text.

    Raises:
        TypeError: it is none.

    """
    if not isinstance(cast("object", value), str):
        raise TypeError(f"{name} must be a text, not {type(value).__name__}")
    return value
