"""What keys may be made for: the scopes' names, which the eras write in different orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

ALL = "*"
_VERBS = {
    "tables": ("read", "write"),
    "storage": ("read", "write"),
    "functions": ("read", "execute"),
    "auth": ("read", "write"),
    "clientkeys": ("read", "write"),
    "webhooks": ("read", "write"),
    "monitoring": ("read",),
    "realtime": ("connect", "broadcast"),
    "rpc": ("read", "execute"),
    "jobs": ("read", "write"),
    "ai": ("read", "write"),
    "secrets": ("read", "write"),
    "migrations": ("read", "execute"),
}
_ALWAYS_LAST = {"realtime", "migrations"}


def scope(area: str, verb: str, *, verb_first: bool) -> str:
    """Return a scope's name: `jobs:read`, or where the verb comes first `read:jobs`."""
    return f"{verb}:{area}" if verb_first and area not in _ALWAYS_LAST else f"{area}:{verb}"


def unusable(scopes: Iterable[str], *, verb_first: bool) -> str | None:
    """Return why a key cannot have these scopes, in the server's words; None if it can."""
    given = list(scopes)
    known = {ALL, *(scope(area, verb, verb_first=verb_first) for area, verbs in _VERBS.items() for verb in verbs)}
    unknown = [name for name in given if name not in known]
    if not given:
        return "at least one scope must be specified"
    return f"invalid scopes: {', '.join(unknown)}" if unknown else None


def grants(scopes: Collection[str], wanted: str) -> bool:
    """Tell whether scopes are enough for what needs `wanted`."""
    return wanted in scopes or ALL in scopes
