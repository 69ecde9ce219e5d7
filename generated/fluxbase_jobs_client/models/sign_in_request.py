# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field


@define(frozen=True, kw_only=True, slots=False)
class SignInRequest:
    """Who signs in."""

    email: str
    """The address."""

    password: str = field(repr=False)
    """The password."""

    captcha_token: str | None = field(default=None, repr=False)
    """Where the server wants one."""
