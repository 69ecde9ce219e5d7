# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define


@define(frozen=True, kw_only=True, slots=False)
class NamespaceList:
    """Names of namespaces."""

    namespaces: list[str]
    """Never null."""
