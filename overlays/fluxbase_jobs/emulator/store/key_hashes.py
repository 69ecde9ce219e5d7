"""How secrets are kept: as hashes. They are long and random, so a fast hash without salt is enough."""

from __future__ import annotations

from hashlib import sha256


def hash_of(secret: str) -> str:
    """Return what is stored instead of a token or a key."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
