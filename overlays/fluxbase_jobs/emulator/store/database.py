"""The connection to SQLite. All threads share it, and a lock lets one statement or transaction run at a time."""

from __future__ import annotations

import logging
import secrets
import shutil
import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
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
_UNWRITABLE: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
"""Primary codes of SQLite's errors on a full disk. A quota or a limit of file sizes shows as an I/O error."""
_ROOM_BYTES: Final = 1024 * 1024
"""How much room there must be until a full disk counts as free: a database that is full again at once would be of no use."""
_SILENT_SECONDS: Final = 60
_LOGGER: Final = logging.getLogger(__name__)


class UnusableDatabaseError(Exception):
    """The database file cannot be used; the message says why and what to do."""


class FullDiskError(UnusableDatabaseError):
    """The database could not be written, as its disk is full. Nothing of the statement or the transaction is stored."""


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
        self._path = path
        self._full = False
        self._silent_until = float("-inf")
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
        with self._writing():
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> dict[str, Any] | None:
        """Run a statement and fetch its first row, or None."""
        rows = self.all(statement, values)
        return rows[0] if rows else None

    def change(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Run a statement and count the rows that it changed."""
        with self._writing():
            return self._connection.execute(statement, values).rowcount

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep other threads from the database during the block."""
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Run the block as one transaction: rolled back if it raises, else committed."""
        with self._writing():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back after some errors
                    self._connection.execute("ROLLBACK")
                raise

    def is_full(self) -> bool:
        """Whether a write failed because the disk is full, and one still would."""
        if self._full and (self._path is None or shutil.disk_usage(self._path.parent).free >= _ROOM_BYTES):
            with suppress(FullDiskError):
                self.change(f"PRAGMA application_id = {secrets.randbits(31)}")  # SQLite writes only what has changed
                self._full = False
                _LOGGER.info("database %s can be written again", self._path)
        return self._full

    @contextmanager
    def _writing(self) -> Generator[None]:
        """Run a block that may write; raise FullDiskError where it cannot, and log that once."""
        with self._lock:
            try:
                yield
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _UNWRITABLE:
                    raise
                self._note_full(error)
                raise FullDiskError(f"database {self._path} cannot be written ({error}): make room on its disk") from error

    def _note_full(self, error: sqlite3.Error) -> None:
        if not self._full and time.monotonic() > self._silent_until:
            self._silent_until = time.monotonic() + _SILENT_SECONDS
            _LOGGER.warning("database %s cannot be written (%s): every request is answered 503 until there is room", self._path, error)
        self._full = True

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
            self._connection.execute("INSERT INTO tenants VALUES (?)", [str(uuid4())])
            self._connection.execute("INSERT INTO secrets VALUES (?)", [secrets.token_urlsafe(SHORTEST_SECRET)])
        self._connection.execute("INSERT INTO starts (at) VALUES (?)", [clock.now_ns() // 1_000])


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", timeout=0.5, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.row_factory = _as_dict
    return connection


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _error_message(path: Path | None, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"database {path} is in use by another emulator: stop that one or name another file"
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return f"database {path} cannot be written ({error}): make room on its disk, or name a file on another"
    if "unable to open" in str(error):
        return f"database {path} cannot be used ({error}): name a file in a folder that exists, both open to you for reading and writing"
    return f"database {path} cannot be used ({error}): name another file, or delete this one to start empty"
