"""Defects of the real servers that come by chance. The emulator has none of them until a test switches one on."""

from __future__ import annotations

from threading import Lock
from typing import Literal, TypeAlias

from attrs import define, field

DefectKind: TypeAlias = Literal["denied job", "lost output", "hanging job"]
"""`denied job`: a pooled database connection is spoiled, and the server denies jobs that exist. `lost output`: a process has ended
before the server read its last lines. `hanging job`: the job's end cannot be stored, and it stays `running`."""


@define(eq=False)
class Defect:
    """One defect, which counts its `hits`."""

    kind: DefectKind
    hits: int = field(default=0, init=False)
    lines: int = 0
    """How many of a job's own last log lines are lost; for `lost output`."""
    _share: float = field(default=1.0, alias="share")
    _times: int | None = field(default=None, alias="times")
    _skip: int = field(default=0, alias="skip")
    _met: int = field(default=0, init=False)

    def claim(self) -> bool:
        """Whether the defect shows this time."""
        if self.hits == self._times:
            return False
        if self._skip:
            self._skip -= 1
            return False
        self._met += 1
        # Spread evenly: with a share of a half, every second time.
        if int(self._met * self._share) == int((self._met - 1) * self._share):
            return False
        self.hits += 1
        return True


class Defects:
    """The defects of one emulator. Any thread may ask."""

    def __init__(self) -> None:
        self._defects: list[Defect] = []
        self._lock = Lock()

    def add(self, defect: Defect) -> None:
        """Switch a defect on."""
        with self._lock:
            self._defects.append(defect)

    @property
    def active(self) -> tuple[Defect, ...]:
        """The defects that are switched on."""
        with self._lock:
            return tuple(self._defects)

    def remove(self, defect: object) -> None:
        """Switch a defect off, if it is one of these."""
        with self._lock:
            self._defects = [other for other in self._defects if other is not defect]

    def clear(self) -> None:
        """Switch all defects off."""
        with self._lock:
            self._defects.clear()

    def claim(self, kind: DefectKind) -> Defect | None:
        """The defect that shows now, if one does."""
        with self._lock:
            return next((defect for defect in self._defects if defect.kind == kind and defect.claim()), None)
