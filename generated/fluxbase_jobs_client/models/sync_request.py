# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..models.sync_function import SyncFunction
from ..models.sync_options import SyncOptions


@define(frozen=True, kw_only=True, slots=False)
class SyncRequest:
    """The functions that a namespace shall have."""

    namespace: str | None = None
    """The namespace; `default` without it."""

    jobs: list[SyncFunction] | None = None
    """The functions. Absent or empty - the server loads its own folder instead."""

    options: SyncOptions | None = None
    """How to sync. Without it nothing is deleted and the changes are made."""
