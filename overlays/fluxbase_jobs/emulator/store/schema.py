"""The tables. Times are microseconds since 1970; secrets are kept as hashes only."""

from __future__ import annotations

VERSION = 2
"""Raise it with every change of the tables: a file of another version is refused rather than misread."""

TABLES = """
CREATE TABLE starts (number INTEGER PRIMARY KEY, at INTEGER NOT NULL);

CREATE TABLE tenants (id TEXT PRIMARY KEY);

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
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    code TEXT,
    original_code TEXT,
    is_bundled INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    schedule TEXT,
    timeout_seconds INTEGER NOT NULL,
    memory_limit_mb INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    progress_timeout_seconds INTEGER NOT NULL,
    allow_net INTEGER NOT NULL,
    allow_env INTEGER NOT NULL,
    allow_read INTEGER NOT NULL,
    allow_write INTEGER NOT NULL,
    require_roles TEXT NOT NULL,
    disable_execution_logs INTEGER NOT NULL,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    created_by TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (namespace, name)
);
CREATE INDEX functions_by_name ON functions (name, namespace);

CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    namespace TEXT NOT NULL,
    job_function_id TEXT,
    job_name TEXT NOT NULL,
    status TEXT NOT NULL,
    payload TEXT,
    result TEXT,
    progress TEXT,
    priority INTEGER NOT NULL,
    max_duration_seconds INTEGER NOT NULL,
    progress_timeout_seconds INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    retry_count INTEGER NOT NULL,
    error_message TEXT,
    worker_id TEXT,
    created_by TEXT,
    user_role TEXT,
    user_email TEXT,
    created_at INTEGER NOT NULL,
    scheduled_at INTEGER,
    started_at INTEGER,
    last_progress_at INTEGER,
    completed_at INTEGER
);
CREATE INDEX jobs_to_claim ON jobs (status, priority DESC, created_at, sequence);
CREATE INDEX jobs_by_age ON jobs (created_at, sequence);

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
CREATE INDEX log_lines_by_job ON log_lines (job_id, line_number);

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
