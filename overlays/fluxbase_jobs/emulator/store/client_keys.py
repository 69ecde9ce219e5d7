"""Client keys (`fbk_...`): kept as hashes, shown once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen

from .key_hashes import hash_of

if TYPE_CHECKING:
    from .database import Database


@frozen(kw_only=True)
class ClientKey:
    """One client key without its secret, as far as requests depend on it."""

    id: str
    scopes: list[str]
    expires_at: int | None


class ClientKeys:
    """The client keys of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, record: ClientKey, key: str) -> None:
        """Store a new key; the key itself cannot be read back."""
        self._db.change(
            "INSERT INTO client_keys (key_hash, id, scopes, expires_at) VALUES (?, ?, ?, ?)",
            [hash_of(key), record.id, json.dumps(record.scopes), record.expires_at],
        )

    def valid(self, key: str, now: int) -> ClientKey | None:
        """Return the key's record if it exists, is not revoked and has not run out."""
        row = self._db.one(
            "SELECT id, scopes, expires_at FROM client_keys "
            "WHERE key_hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)",
            [hash_of(key), now],
        )
        return ClientKey(**{**row, "scopes": json.loads(row["scopes"])}) if row else None

    def revoke(self, key_id: str, now: int) -> bool:
        """Make a key invalid for ever, once more if it is already; False if there is no such key."""
        return bool(self._db.change("UPDATE client_keys SET revoked_at = ? WHERE id = ?", [now, key_id]))
