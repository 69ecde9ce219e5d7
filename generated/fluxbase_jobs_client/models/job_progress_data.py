# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from typing import Any, TypeAlias

JobProgressData: TypeAlias = dict[str, Any]
"""Taken from `progress`. Not in lists."""
