# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class OnBehalfOf:
    """The user that the job shall belong to. For service roles only, 403 for others."""

    user_id: str
    """UUID of an existing user."""

    user_email: str | None = None
    """The address the job shows."""

    user_role: str | None = None
    """The role the job shows; `authenticated` without it."""
