"""Users and their sessions. A session is a refresh token that has not been used."""

from __future__ import annotations

import json
import sqlite3
from typing import Any
from uuid import uuid4

from .database import Database
from .keys import hash_of
from .records import User


class EmailTakenError(Exception):
    """Another user has this e-mail address."""


class Users:
    """Reads and writes the users of a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, email: str, password_hash: str, metadata: dict[str, Any] | None, now: int) -> User:
        """Store a new user.

        Raises:
            EmailTakenError: another user has the address.
        """
        user = User(
            id=str(uuid4()),
            email=email,
            password_hash=password_hash,
            metadata=metadata,
            created_at=now,
            updated_at=now,
        )
        stored = None if metadata is None else json.dumps(metadata)
        try:
            self._db.change(
                "INSERT INTO users (id, email, password_hash, role, metadata, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [user.id, email, password_hash, user.role, stored, now, now],
            )
        except sqlite3.IntegrityError as error:
            raise EmailTakenError(email) from error
        return user

    def by_email(self, email: str) -> User | None:
        """The user with this address, or None."""
        return _user(self._db.one("SELECT * FROM users WHERE email = ?", [email]))

    def by_id(self, user_id: str) -> User | None:
        """The user with this id, or None."""
        return _user(self._db.one("SELECT * FROM users WHERE id = ?", [user_id]))

    def open_session(self, user_id: str, refresh_token: str, expires_at: int) -> None:
        """Store a refresh token, which can be used once."""
        self._db.change("INSERT INTO sessions VALUES (?, ?, ?)", [hash_of(refresh_token), user_id, expires_at])

    def close_session(self, refresh_token: str, now: int) -> str | None:
        """Use up a refresh token. Gives the id of its user, or None if it is used, unknown or expired."""
        row = self._db.one("DELETE FROM sessions WHERE refresh_hash = ? RETURNING user_id, expires_at", [hash_of(refresh_token)])
        return row["user_id"] if row and row["expires_at"] > now else None

    def tenant_id(self) -> str:
        """The id of the only tenant."""
        row = self._db.one("SELECT id FROM tenants")
        return str(row["id"]) if row else ""


def _user(row: dict[str, Any] | None) -> User | None:
    if row is None:
        return None
    return User(**{**row, "metadata": row["metadata"] and json.loads(row["metadata"])})
