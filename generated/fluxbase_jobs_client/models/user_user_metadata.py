# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from typing import Any, TypeAlias

UserUserMetadata: TypeAlias = dict[str, Any]
"""What the user was signed up with."""
