"""Functions that are called after each change of a table."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

_CallT = TypeVar("_CallT", bound="Callable[..., None]")


class Listeners(Generic[_CallT]):
    """The functions to call after each change, in the thread that made it. Any thread may add and remove them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.calls: tuple[_CallT, ...] = ()

    def add(self, call: _CallT) -> None:
        """Call a function from now on."""
        with self._lock:
            self.calls = (*self.calls, call)

    def remove(self, call: _CallT) -> None:
        """Call a function no more; nothing happens if it was not added."""
        with self._lock:
            self.calls = tuple(other for other in self.calls if other != call)
