# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field


@define(frozen=True, kw_only=True, slots=False)
class Tokens:
    """A new pair of tokens."""

    access_token: str = field(repr=False)
    """JWT for the Authorization header."""

    refresh_token: str = field(repr=False)
    """JWT for one refresh; replaces the one that was sent."""

    expires_in: int
    """Seconds that the access token lasts."""
