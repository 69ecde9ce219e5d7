# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from typing import Any, TypeAlias

LogEntryFields: TypeAlias = dict[str, Any]
"""Anything else; the worker's own line number, say."""
