"""Client keys and service keys: how they are generated, and the scopes that they can have."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable
from typing import Final

ALL_SCOPES: Final = "*"
_RANDOM_BYTES: Final = 32
_VERBS: Final = {
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
_ALWAYS_AREA_FIRST: Final = {"realtime", "migrations"}


def generate_key(prefix: str, *, padded: bool = True) -> str:
    """Generate a secret key, with or without base64 padding."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()
    return prefix + (text if padded else text.rstrip("="))


def scope(area: str, verb: str, *, verb_first: bool) -> str:
    """The name of a scope: `jobs:read`, or `read:jobs` on servers that put the verb first."""
    return f"{verb}:{area}" if verb_first and area not in _ALWAYS_AREA_FIRST else f"{area}:{verb}"


def scopes_error(scopes: Iterable[str], *, verb_first: bool) -> str | None:
    """The server's error message for scopes that a key cannot have, or None."""
    given = list(scopes)
    known = {ALL_SCOPES, *(scope(area, verb, verb_first=verb_first) for area, verbs in _VERBS.items() for verb in verbs)}
    unknown = [name for name in given if name not in known]
    if not given:
        return "at least one scope must be specified"
    return f"invalid scopes: {', '.join(unknown)}" if unknown else None


def has_scope(scopes: Collection[str], scope: str) -> bool:
    """Whether scopes include `scope`, or all scopes."""
    return scope in scopes or ALL_SCOPES in scopes
