"""Defects of the real servers that come by chance. The emulator has none of them until a test switches one on."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import define, field

from .fault_list import Counted, FaultList

DefectKind: TypeAlias = Literal["denied job", "lost output", "hanging job"]
"""`denied job`: a pooled database connection is spoiled, and the server denies jobs that exist. `lost output`: a process has ended
before the server read its last lines. `hanging job`: the job's end cannot be stored, and it stays `running`."""


@define(eq=False)
class Defect(Counted):
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
        if not self._is_due():
            return False
        self._met += 1
        # Spread evenly: with a share of a half, every second time.
        if int(self._met * self._share) == int((self._met - 1) * self._share):
            return False
        self.hits += 1
        return True


class Defects(FaultList[Defect]):
    """The defects of one emulator that are switched on."""

    def claim(self, kind: DefectKind) -> Defect | None:
        """The defect that shows now, if one does."""
        return self.first(lambda defect: defect.kind == kind and defect.claim())
