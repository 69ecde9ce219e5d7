# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class SyncSummary:
    """Numbers of functions."""

    created: int
    """New ones."""

    updated: int
    """Changed ones."""

    deleted: int
    """Deleted ones."""

    unchanged: int
    """Others."""

    errors: int
    """Failed ones."""
