"""Validators of the policies' numbers: each raises InvalidInput, naming the argument."""

from __future__ import annotations

from datetime import timedelta

from attrs import Attribute

from .._validation.arguments import Seconds, integer, seconds
from ..errors import InvalidInput


def in_seconds(value: Seconds) -> float:
    """A converter: a timedelta as its seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def positive(_: object, attribute: Attribute[float], value: float) -> None:
    """A positive number of seconds."""
    seconds(attribute.name, value)


def count(_: object, attribute: Attribute[int], value: int) -> None:
    """An integer from 1."""
    integer(attribute.name, value, 1)


def at_least_one(_: object, attribute: Attribute[float], value: float) -> None:
    """A number from 1."""
    _between(attribute.name, value, 1, float("inf"))


def fraction(_: object, attribute: Attribute[float], value: float) -> None:
    """A number from 0 to 1."""
    _between(attribute.name, value, 0, 1)


def _between(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(f"{name} must be a number from {low:g} to {high:g}")
