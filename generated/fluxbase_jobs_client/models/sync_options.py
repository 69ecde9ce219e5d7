# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class SyncOptions:
    """How to sync. Without it nothing is deleted and the changes are made."""

    delete_missing: bool | None = None
    """Whether functions of the namespace that are not in `jobs` go."""

    dry_run: bool | None = None
    """Whether to report only."""
