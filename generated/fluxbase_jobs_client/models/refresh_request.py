# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field


@define(frozen=True, kw_only=True, slots=False)
class RefreshRequest:
    """The token to use up."""

    refresh_token: str = field(repr=False)
    """The refresh token. By the server's source, text of less than 20 characters is answered with 500."""
