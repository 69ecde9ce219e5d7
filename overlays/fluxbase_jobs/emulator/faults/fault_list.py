"""What faults of requests, faults of frames and defects have in common: they count, and are added and removed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar


class Counted:
    """A fault that applies a number of times, after it was skipped a number of times."""

    __slots__ = ()

    hits: int
    _times: int | None
    _skip: int

    def _is_due(self) -> bool:
        """Whether it applies this time, where it may; a skip is counted, a hit is not."""
        if self.hits == self._times:
            return False
        if self._skip:
            self._skip -= 1  # type: ignore[misc]  # the slot is in the subclass
            return False
        return True


_FaultT = TypeVar("_FaultT", bound=Counted)


class FaultList(Generic[_FaultT]):
    """The faults of one kind, in the order in which they were added. Any thread may use it."""

    def __init__(self) -> None:
        self._faults: list[_FaultT] = []
        self._lock = Lock()

    def add(self, fault: _FaultT) -> None:
        """Apply a fault from now on."""
        with self._lock:
            self._faults.append(fault)

    @property
    def active(self) -> tuple[_FaultT, ...]:
        """The faults that were added and not removed."""
        with self._lock:
            return tuple(self._faults)

    def remove(self, fault: object) -> None:
        """Remove a fault, if it is one of these."""
        with self._lock:
            self._faults = [other for other in self._faults if other is not fault]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def first(self, applies: Callable[[_FaultT], bool]) -> _FaultT | None:
        """The first fault for which a function is true. No other thread asks meanwhile, so the function may count."""
        with self._lock:
            return next(filter(applies, self._faults), None)
