# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class SyncError:
    """A function that failed to sync."""

    error: str
    """Why."""

    name: str | None = None
    """The function's name, on April."""

    job: str | None = None
    """The function's name, on March."""

    action: str | None = None
    """What was tried; `create`, say."""
