# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class DayCount:
    """Jobs submitted on a day."""

    date: str
    """The day, as in 2026-11-23."""

    count: int
    """The number of jobs."""
