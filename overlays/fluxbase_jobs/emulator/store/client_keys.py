"""Client keys (`fbk_...`): kept as hashes, shown once."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from .database import Database


@frozen(kw_only=True)
class ClientKey:
    """One client key without its secret."""

    id: str
    name: str
    key_prefix: str
    scopes: list[str]
    rate_limit_per_minute: int
    expires_at: int | None
    created_at: int


class ClientKeys:
    """The client keys of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, record: ClientKey, key: str) -> None:
        """Store a new key; the key itself cannot be read back."""
        self._db.change(
            "INSERT INTO client_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                _hash(key),
                record.id,
                record.name,
                record.key_prefix,
                json.dumps(record.scopes),
                record.rate_limit_per_minute,
                record.expires_at,
                record.created_at,
            ],
        )

    def is_valid(self, key: str, now: int) -> bool:
        """Tell whether the key exists and has not run out."""
        row = self._db.one("SELECT expires_at FROM client_keys WHERE key_hash = ?", [_hash(key)])
        return row is not None and (row["expires_at"] is None or row["expires_at"] > now)


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
