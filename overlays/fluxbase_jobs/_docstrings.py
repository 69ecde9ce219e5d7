"""Sync and async classes that say the same: the words are written once, on the sync one."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isfunction
from typing import TypeVar

C = TypeVar("C", bound=type[object])


def documented_like(twin: type[object]) -> Callable[[C], C]:
    """A class decorator: the class's and its methods' docstrings become those of the twin, in full."""

    def document(cls: C) -> C:
        cls.__doc__ = twin.__doc__
        for name, member in vars(cls).items():
            method = getattr(member, "__func__", member)
            if isfunction(method) and not name.startswith("_"):
                method.__doc__ = getattr(twin, name).__doc__
        return cls

    return document
