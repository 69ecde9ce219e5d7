# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class FunctionCount:
    """Jobs of a function."""

    name: str
    """The function's name."""

    count: int
    """The number of jobs."""
