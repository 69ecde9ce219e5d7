# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..models.sync_details import SyncDetails
from ..models.sync_error import SyncError
from ..models.sync_summary import SyncSummary


@define(frozen=True, kw_only=True, slots=False)
class SyncResult:
    """What a sync did. March sends all keys, April leaves out empty `errors` and, where some failed, `message`."""

    namespace: str
    """The namespace."""

    summary: SyncSummary
    """Numbers of functions."""

    details: SyncDetails
    """Names of functions."""

    dry_run: bool
    """Whether nothing was changed."""

    message: str | None = None
    """For people."""

    errors: list[SyncError] | None = None
    """The functions that failed."""
