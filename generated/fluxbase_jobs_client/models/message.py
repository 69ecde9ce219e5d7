# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class Message:
    """A confirmation in words."""

    message: str
    """For people."""
