# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..models.job import Job


@define(frozen=True, kw_only=True, slots=False)
class JobPage:
    """A page of jobs. The TypeScript page promises a bare list."""

    jobs: list[Job] | None
    """Null where none match."""

    limit: int
    """The limit as understood."""

    offset: int
    """The offset as understood, also where it was ignored."""
