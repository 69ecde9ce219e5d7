"""Client keys (`fbk_...`) and service keys (`sk_...`, `pk_...`). Only their hashes are stored, so a key cannot be read back."""

from __future__ import annotations

import json
from hashlib import sha256

from .database import Database
from .records import ClientKey, ServiceKey


class NameTakenError(Exception):
    """Another service key has this name."""


class ClientKeys:
    """Reads and writes the client keys of a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, record: ClientKey, key: str) -> None:
        """Store a new key."""
        self._db.change(
            "INSERT INTO client_keys (key_hash, id, scopes, expires_at) VALUES (?, ?, ?, ?)",
            [hash_of(key), record.id, json.dumps(record.scopes), record.expires_at],
        )

    def find_valid(self, key: str, now: int) -> ClientKey | None:
        """The record of a key, or None if it is unknown, revoked or expired."""
        row = self._db.one(
            "SELECT id, scopes, expires_at FROM client_keys "
            "WHERE key_hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)",
            [hash_of(key), now],
        )
        return ClientKey(**{**row, "scopes": json.loads(row["scopes"])}) if row else None

    def revoke(self, key_id: str, now: int) -> bool:
        """Revoke a key, which may be revoked already. False if there is no such key."""
        return bool(self._db.change("UPDATE client_keys SET revoked_at = ? WHERE id = ?", [now, key_id]))


class ServiceKeys:
    """Reads and writes the service keys of a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, record: ServiceKey, key: str, *, unique_name: bool) -> None:
        """Store a new key.

        Raises:
            NameTakenError: names must be unique, and another key has this one.
        """
        with self._db.transaction():
            if unique_name and self._db.one("SELECT 1 FROM service_keys WHERE name = ?", [record.name]):
                raise NameTakenError(record.name)
            self._db.change(
                "INSERT INTO service_keys (key_hash, name, key_type, scopes, expires_at) VALUES (?, ?, ?, ?, ?)",
                [hash_of(key), record.name, record.key_type, json.dumps(record.scopes), record.expires_at],
            )

    def find_valid(self, key: str, now: int) -> ServiceKey | None:
        """The record of a key, or None if it is unknown or expired."""
        row = self._db.one(
            "SELECT name, key_type, scopes, expires_at FROM service_keys WHERE key_hash = ? AND (expires_at IS NULL OR expires_at > ?)",
            [hash_of(key), now],
        )
        return ServiceKey(**{**row, "scopes": json.loads(row["scopes"])}) if row else None


def hash_of(secret: str) -> str:
    """Hash a key or a token. Both are long and random, so a fast hash without salt is enough."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
