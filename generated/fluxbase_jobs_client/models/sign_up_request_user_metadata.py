# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from typing import Any, TypeAlias

SignUpRequestUserMetadata: TypeAlias = dict[str, Any]
"""Anything about the user. `name`, or else `full_name`, becomes a job's `user_name`."""
