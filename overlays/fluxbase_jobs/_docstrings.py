"""Docstrings of sync and async classes are written once, on the sync class."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isfunction
from typing import TypeVar

C = TypeVar("C", bound=type[object])


def documented_like(sync: type[object]) -> Callable[[C], C]:
    """A class decorator: copy the docstrings of the sync class and its methods to the async class."""

    def document(cls: C) -> C:
        cls.__doc__ = sync.__doc__
        for name, member in vars(cls).items():
            method = getattr(member, "__func__", member)
            if isfunction(method) and not name.startswith("_"):
                method.__doc__ = getattr(sync, name).__doc__
        return cls

    return document
