# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class SyncDetails:
    """Names of functions."""

    created: list[str]
    """New ones."""

    updated: list[str]
    """Changed ones."""

    deleted: list[str]
    """Deleted ones."""

    unchanged: list[str] | None = None
    """Others. April leaves it out where empty."""
