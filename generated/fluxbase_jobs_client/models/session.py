# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field

from ..models.user import User


@define(frozen=True, kw_only=True, slots=False)
class Session:
    """The answer of sign-up and sign-in: user and tokens; or no tokens where the address must be confirmed first
    (`requires_email_verification`) or a second factor is due (`requires_2fa`, `user_id`)."""

    user: User | None = None
    """An account."""

    access_token: str | None = field(default=None, repr=False)
    """JWT for the Authorization header."""

    refresh_token: str | None = field(default=None, repr=False)
    """JWT for one refresh."""

    expires_in: int | None = None
    """Seconds that the access token lasts."""

    requires_email_verification: bool | None = None
    """Whether the address must be confirmed first."""

    requires_2fa: bool | None = None
    """Whether a second factor is due."""

    user_id: str | None = None
    """UUID of the user whose second factor is due."""

    message: str | None = None
    """For people."""
