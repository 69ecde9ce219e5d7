"""The connection to SQLite: opened once, shared by all threads, one short statement or transaction at a time."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .schema import TABLES, VERSION

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from fluxbase_jobs.emulator.clock import Clock


# Two emulators on one file would run each other's jobs.
_ALONE = "locking_mode = EXCLUSIVE"
# WAL: an acknowledged write outlives a kill -9. It changes the file, so only when that is known to be ours.
_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")


class UnusableDatabaseError(Exception):
    """The database file cannot be used; the text says why and what to do."""


class Database:
    """One SQLite database, in a file or in memory.

    Args:
        path: the file, made if it does not exist; None for memory.
        clock: gives the time of this start.

    Raises:
        UnusableDatabaseError: no SQLite file, another version's, another emulator's, or not writable.

    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._lock = RLock()
        try:
            self._connection = _connect(path)
        except sqlite3.Error as error:
            raise UnusableDatabaseError(_why(path, error)) from error
        try:
            self._prepare(clock)
        except sqlite3.Error as error:
            self.close()
            raise UnusableDatabaseError(_why(path, error)) from error

    def all(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one statement and return its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> dict[str, Any] | None:
        """Run one statement and return its first row, if there is one."""
        rows = self.all(statement, values)
        return rows[0] if rows else None

    def change(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Run one statement and return how many rows it changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Make the statements of the block one: all of them or none."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._lock:
            self._connection.close()

    def _prepare(self, clock: Clock) -> None:
        self._connection.execute(f"PRAGMA {_ALONE}")
        version = self._connection.execute("PRAGMA user_version").fetchone()["user_version"]
        tables = self._connection.execute("SELECT count(*) AS n FROM sqlite_schema").fetchone()["n"]
        if version != VERSION and (version or tables):
            message = f"its tables are not those of this emulator (version {version}, not {VERSION})"
            raise sqlite3.DatabaseError(message)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        if not version:
            self._connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
            self.change("INSERT INTO tenants VALUES (?)", [str(uuid4())])
        self.change("INSERT INTO starts (at) VALUES (?)", [clock.now_ns() // 1_000])


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", timeout=0.5, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.row_factory = _as_dict
    return connection


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _why(path: Path | None, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"database {path} is in use by another emulator: stop that one or name another file"
    if "unable to open" in str(error):
        return f"database {path} cannot be used ({error}): name a file in a folder that exists, both open to you for reading and writing"
    return f"database {path} cannot be used ({error}): name another file, or delete this one to start empty"
