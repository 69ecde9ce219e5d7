# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field

from ..models.sign_up_request_user_metadata import SignUpRequestUserMetadata


@define(frozen=True, kw_only=True, slots=False)
class SignUpRequest:
    """An account to make."""

    email: str
    """The address."""

    password: str = field(repr=False)
    """At least 12 characters."""

    user_metadata: SignUpRequestUserMetadata | None = None
    """Anything about the user. `name`, or else `full_name`, becomes a job's `user_name`."""
