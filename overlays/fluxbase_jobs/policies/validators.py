"""Validators of the policies' numbers: each raises InvalidInput, naming the argument."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from attrs import Attribute

from .._validation.arguments import Seconds, integer, is_a, seconds
from ..errors import InvalidInput


def in_seconds(value: Seconds) -> float:
    """A converter: a timedelta as its seconds."""
    return timedelta.total_seconds(cast("timedelta", value)) if is_a(value, timedelta) else cast("float", value)


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
    if is_a(value, bool) or not is_a(value, int, float) or not low <= cast("float", value) <= high:
        raise InvalidInput(f"{name} must be a number from {low:g} to {high:g}")
