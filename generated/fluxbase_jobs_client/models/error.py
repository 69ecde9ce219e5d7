# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from typing import Any

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class Error:
    """All error bodies in one: those of the jobs handlers (`error` and what belongs to the case), of the framework
    (`code`, `hint`, `details`, `request_id`), of token checks (`error` is a code, `message` the text), of rate
    limits (`retry_after`) and of unknown routes (`path`)."""

    error: str
    """The text for people; in token checks a code, with the text in `message`."""

    message: str | None = None
    """A longer text for people."""

    code: int | str | None = None
    """A code for programs; on March the HTTP status, as a number, where the framework answers."""

    hint: str | None = None
    """What to do about it."""

    details: Any | None = None
    """Anything."""

    request_id: str | None = None
    """As in the header X-Request-ID."""

    status: str | None = None
    """The job's current status, where that forbids the request."""

    job: str | None = None
    """The name of the function that was not found."""

    required_roles: list[str] | None = None
    """The roles of which the function wants one."""

    user_role: str | None = None
    """The caller's role."""

    retry_after: int | None = None
    """Seconds to wait."""

    path: str | None = None
    """The path that matched no route."""

    feature_key: str | None = None
    """The setting that switched the feature off."""

    error_code: str | None = None
    """A code for programs, of revoked service-role tokens."""

    revocation_reason: str | None = None
    """Why a service-role token was revoked."""
