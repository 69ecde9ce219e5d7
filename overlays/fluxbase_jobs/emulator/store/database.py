"""The connection to SQLite. All threads share it, and a lock lets one statement or transaction run at a time."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final
from uuid import uuid4

from ..clock import Clock
from ..settings import SHORTEST_SECRET
from .schema import TABLES, VERSION

# Two emulators on one file would run each other's jobs.
_EXCLUSIVE: Final = "locking_mode = EXCLUSIVE"
# WAL: an acknowledged write survives a kill -9. WAL changes the file, so it is switched on after the check that the file is ours.
_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")


class UnusableDatabaseError(Exception):
    """The database file cannot be used; the message says why and what to do."""


class Database:
    """One SQLite database, in a file or in memory.

    Args:
        path: the file, created if it does not exist; None for memory.
        clock: gives the time of this start.

    Raises:
        UnusableDatabaseError: the file is no SQLite database, has other tables, is in use or not writable.
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._lock = RLock()
        try:
            self._connection = _connect(path)
        except sqlite3.Error as error:
            raise UnusableDatabaseError(_error_message(path, error)) from error
        try:
            self._prepare(clock)
        except sqlite3.Error as error:
            self.close()
            raise UnusableDatabaseError(_error_message(path, error)) from error

    def all(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Run a statement and fetch its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> dict[str, Any] | None:
        """Run a statement and fetch its first row, or None."""
        rows = self.all(statement, values)
        return rows[0] if rows else None

    def change(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Run a statement and count the rows that it changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep other threads from the database during the block."""
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Run the block as one transaction: rolled back if it raises, else committed."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def jwt_secret(self) -> str:
        """The random secret of this database for signing tokens, made with it."""
        row = self.one("SELECT jwt_secret FROM secrets")
        assert row is not None  # noqa: S101  # stored when the tables were created
        return str(row["jwt_secret"])

    def close(self) -> None:
        """Close the file. It can be called again."""
        with self._lock:
            self._connection.close()

    def _prepare(self, clock: Clock) -> None:
        self._connection.execute(f"PRAGMA {_EXCLUSIVE}")
        version = self._connection.execute("PRAGMA user_version").fetchone()["user_version"]
        tables = self._connection.execute("SELECT count(*) AS n FROM sqlite_schema").fetchone()["n"]
        if version != VERSION and (version or tables):
            raise sqlite3.DatabaseError(f"its tables are not those of this emulator (version {version}, not {VERSION})")
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        if not version:
            self._connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
            self.change("INSERT INTO tenants VALUES (?)", [str(uuid4())])
            self.change("INSERT INTO secrets VALUES (?)", [secrets.token_urlsafe(SHORTEST_SECRET)])
        self.change("INSERT INTO starts (at) VALUES (?)", [clock.now_ns() // 1_000])


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", timeout=0.5, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.row_factory = _as_dict
    return connection


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _error_message(path: Path | None, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"database {path} is in use by another emulator: stop that one or name another file"
    if "unable to open" in str(error):
        return f"database {path} cannot be used ({error}): name a file in a folder that exists, both open to you for reading and writing"
    return f"database {path} cannot be used ({error}): name another file, or delete this one to start empty"
