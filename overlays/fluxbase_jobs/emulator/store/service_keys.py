"""Service keys (`sk_...`, `pk_...`): kept as hashes, shown once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen

from .key_hashes import hash_of

if TYPE_CHECKING:
    from .database import Database


class NameTakenError(Exception):
    """Another service key has this name."""


@frozen(kw_only=True)
class ServiceKey:
    """One service key without its secret, as far as requests depend on it."""

    name: str
    key_type: str
    """`service` or `anon`."""
    scopes: list[str]
    expires_at: int | None


class ServiceKeys:
    """The service keys of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, record: ServiceKey, key: str, *, unique_name: bool) -> None:
        """Store a new key; the key itself cannot be read back.

        Raises:
            NameTakenError: names are to be unique, and this one is not.

        """
        with self._db.transaction():
            if unique_name and self._db.one("SELECT 1 FROM service_keys WHERE name = ?", [record.name]):
                raise NameTakenError(record.name)
            self._db.change(
                "INSERT INTO service_keys (key_hash, name, key_type, scopes, expires_at) VALUES (?, ?, ?, ?, ?)",
                [hash_of(key), record.name, record.key_type, json.dumps(record.scopes), record.expires_at],
            )

    def valid(self, key: str, now: int) -> ServiceKey | None:
        """Return the key's record if it exists and has not run out."""
        row = self._db.one(
            "SELECT name, key_type, scopes, expires_at FROM service_keys WHERE key_hash = ? AND (expires_at IS NULL OR expires_at > ?)",
            [hash_of(key), now],
        )
        return ServiceKey(**{**row, "scopes": json.loads(row["scopes"])}) if row else None
