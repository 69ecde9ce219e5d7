"""Converters and validators of the policies' numbers: each validator raises InvalidInput, naming the argument."""

from __future__ import annotations

import sys
from typing import Final, cast

from attrs import Attribute

from .._validation.arguments import Seconds, integer, plain_integer, plain_number, plain_seconds, seconds
from ..errors import InvalidInput

_LARGEST: Final = sys.float_info.max


def in_seconds(value: Seconds) -> float:
    """A converter: a number as a plain one, a timedelta as its seconds. What is neither is left to the validator."""
    number = plain_seconds(value)
    return cast("float", value) if number is None else number


def as_number(value: float) -> float:
    """A converter: a number as a plain one. What is none is left to the validator."""
    number = plain_number(value)
    return value if number is None else number


def as_integer(value: int) -> int:
    """A converter: an integer as a plain one. What is none is left to the validator."""
    number = plain_integer(value)
    return value if number is None else number


def positive(_: object, attribute: Attribute[float], value: float) -> None:
    """A positive number of seconds."""
    seconds(attribute.name, value)


def count(_: object, attribute: Attribute[int], value: int) -> None:
    """An integer from 1."""
    integer(attribute.name, value, 1)


def at_least_one(_: object, attribute: Attribute[float], value: float) -> None:
    """A finite number from 1."""
    _between(attribute.name, value, 1, _LARGEST)


def fraction(_: object, attribute: Attribute[float], value: float) -> None:
    """A number from 0 to 1."""
    _between(attribute.name, value, 0, 1)


def _between(name: str, value: object, low: float, high: float) -> None:
    if plain_number(value) is None or not low <= cast("float", value) <= high:
        raise InvalidInput(f"{name} must be a number from {low:g}" + (f" to {high:g}" if high < _LARGEST else ", and finite"))
