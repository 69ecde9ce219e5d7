"""The tables. Times are microseconds since 1970; passwords, keys and refresh tokens are stored as hashes only.

The secret that signs tokens is stored in plain text, so that tokens issued before a restart are valid after it.
"""

from __future__ import annotations

from typing import Final, get_type_hints
from zlib import crc32

from .records import Job, StoredFunction

JOINED_COLUMNS: Final = {"user_name"}
"""Fields of `Job` that come from another table."""

_SQL_TYPES: Final[dict[object, str]] = {
    str: "TEXT NOT NULL",
    str | None: "TEXT",
    int: "INTEGER NOT NULL",
    int | None: "INTEGER",
    bool: "INTEGER NOT NULL",
    tuple[str, ...]: "TEXT NOT NULL",
}


def _columns(record: type) -> str:
    """The column definitions of a class of records; `id` is unique."""
    types = {name: kind for name, kind in get_type_hints(record).items() if name not in JOINED_COLUMNS}
    return ",\n    ".join(f"{name} {_SQL_TYPES[kind]}{' UNIQUE' if name == 'id' else ''}" for name, kind in types.items())


TABLES: Final = f"""
CREATE TABLE starts (number INTEGER PRIMARY KEY, at INTEGER NOT NULL);

CREATE TABLE tenants (id TEXT PRIMARY KEY);

CREATE TABLE secrets (jwt_secret TEXT NOT NULL);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE sessions (
    refresh_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    expires_at INTEGER NOT NULL
);

CREATE TABLE client_keys (
    key_hash TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
);

CREATE TABLE service_keys (
    key_hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    key_type TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at INTEGER
);

CREATE TABLE functions (
    {_columns(StoredFunction)},
    UNIQUE (namespace, name)
);
CREATE INDEX functions_by_name ON functions (name, namespace);

CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY,
    {_columns(Job)}
);
CREATE INDEX jobs_to_claim ON jobs (status, priority DESC, created_at, sequence);
CREATE INDEX jobs_by_age ON jobs (created_at, sequence);
CREATE INDEX jobs_by_status ON jobs (status, created_at, sequence);

CREATE TABLE attempts (
    sequence INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    worker_id TEXT,
    error_message TEXT,
    started_at INTEGER,
    ended_at INTEGER
);
CREATE INDEX attempts_by_job ON attempts (job_id);

CREATE TABLE log_lines (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    start INTEGER NOT NULL REFERENCES starts (number),
    line_number INTEGER NOT NULL,
    line_of_run INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX log_lines_by_job ON log_lines (job_id, start, line_number);

CREATE TABLE idempotency_keys (
    key TEXT PRIMARY KEY,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    runs INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status INTEGER,
    headers TEXT,
    body BLOB
);
"""

VERSION: Final = crc32(TABLES.encode()) >> 1
"""Identifies these tables in a database file, as `PRAGMA user_version` (31 bits): a file with other tables is rejected, not misread."""
