"""Idempotency keys: which request used a key, and its response."""

from __future__ import annotations

import json
from typing import Final

from attrs import field, frozen

from .database import Database

_DAY: Final = 24 * 60 * 60 * 1_000_000
"""How long a key is remembered, in microseconds."""


@frozen
class StoredResponse:
    """A response, to be sent again byte for byte."""

    status: int
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


@frozen
class KeyRecord:
    """The use of a key. `state` is processing, completed or failed."""

    method: str
    path: str
    body_hash: str
    state: str
    response: StoredResponse | None


class IdempotencyKeys:
    """The idempotency keys of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, key: str, now: int) -> KeyRecord | None:
        """The record of a key, or None if it is unknown or more than a day old."""
        row = self._db.one("SELECT * FROM idempotency_keys WHERE key = ? AND expires_at > ?", [key, now])
        if row is None:
            return None
        response = None
        if row["status"] is not None:
            headers = [(name, value) for name, value in json.loads(row["headers"])]
            response = StoredResponse(row["status"], headers, row["body"])
        return KeyRecord(row["method"], row["path"], row["body_hash"], row["state"], response)

    def begin(self, key: str, method: str, path: str, body_hash: str, now: int) -> int:
        """Record that a request with this key has started, and count how many have, this one included."""
        with self._db.transaction():
            self._db.change("DELETE FROM idempotency_keys WHERE key = ? AND expires_at <= ?", [key, now])
            row = self._db.one(
                "INSERT INTO idempotency_keys (key, method, path, body_hash, state, runs, expires_at) "
                "VALUES (?, ?, ?, ?, 'processing', 1, ?) "
                "ON CONFLICT DO UPDATE SET runs = runs + 1 RETURNING runs",
                [key, method, path, body_hash, now + _DAY],
            )
        return int(row["runs"]) if row else 0

    def complete(self, key: str, response: StoredResponse) -> None:
        """Store the response for the next request with this key."""
        self._db.change(
            "UPDATE idempotency_keys SET state = 'completed', status = ?, headers = ?, body = ? WHERE key = ?",
            [response.status, json.dumps(response.headers), response.body, key],
        )

    def fail(self, key: str) -> None:
        """Record that the request failed. Later requests with this key run, and their responses are not stored."""
        self._db.change("UPDATE idempotency_keys SET state = 'failed' WHERE key = ?", [key])
