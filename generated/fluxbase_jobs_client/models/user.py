# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..models.user_app_metadata import UserAppMetadata
from ..models.user_user_metadata import UserUserMetadata
from ..types import AwareDatetime


@define(frozen=True, kw_only=True, slots=False)
class User:
    """An account."""

    id: str
    """UUID."""

    email: str
    """The address."""

    email_verified: bool
    """Whether the address was confirmed."""

    created_at: AwareDatetime
    """When it was made."""

    updated_at: AwareDatetime
    """When it was last changed."""

    role: str | None = None
    """`authenticated` for most."""

    tenant_id: str | None = None
    """UUID of the tenant. April, on sign-in."""

    user_metadata: UserUserMetadata | None = None
    """What the user was signed up with."""

    app_metadata: UserAppMetadata | None = None
    """What the server's side added."""
