"""The rows of the database, one class for each kind. Times are microseconds since 1970.

The columns of the tables `jobs` and `functions`, and the JSON of jobs and functions in responses, are derived from `Job` and
`StoredFunction`: a new field is added here only. Their fields stand in the order of the server's responses.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen(kw_only=True)
class Job:
    """A job. `payload`, `result` and `progress` are jsonb texts."""

    id: str
    namespace: str
    job_function_id: str | None
    job_name: str
    status: str = "pending"
    payload: str | None = field(default=None, repr=False)
    result: str | None = field(default=None, repr=False)
    progress: str | None = field(default=None, repr=False)
    priority: int = 0
    max_duration_seconds: int
    progress_timeout_seconds: int
    max_retries: int
    retry_count: int = 0
    error_message: str | None = None
    worker_id: str | None = None
    created_by: str | None = None
    user_role: str | None = None
    user_email: str | None = None
    user_name: str | None = None
    """Joined from the users; the table `jobs` has no such column."""
    created_at: int
    scheduled_at: int | None = None
    started_at: int | None = None
    last_progress_at: int | None = None
    completed_at: int | None = None


@frozen(kw_only=True)
class StoredFunction:
    """A job function without its handler. Sizes are megabytes."""

    id: str
    name: str
    namespace: str
    description: str | None = None
    code: str | None = None
    original_code: str | None = None
    is_bundled: bool = True
    enabled: bool = True
    schedule: str | None = field(default=None, repr=False)
    timeout_seconds: int = 300
    memory_limit_mb: int = 256
    max_retries: int = 0
    progress_timeout_seconds: int = 300
    allow_net: bool = True
    allow_env: bool = True
    allow_read: bool = False
    allow_write: bool = False
    require_roles: tuple[str, ...] = ()
    disable_execution_logs: bool = False
    version: int = 1
    created_by: str | None = None
    source: str
    created_at: int
    updated_at: int


@frozen
class LogLine:
    """A log line of a job."""

    id: str
    job_id: str
    line_number: int
    """Counts from 1 over all runs of the job."""
    line_of_run: int
    """Counts from 0 in each run."""
    level: str
    message: str
    at: int


@frozen(kw_only=True)
class StoredLine:
    """A log line as the dashboard shows it."""

    sequence: int
    """Counts the lines of all jobs."""
    line_of_run: int
    level: str
    message: str
    at: int
    is_hidden: bool
    """Whether clients cannot read it over HTTP."""


@frozen(kw_only=True)
class Attempt:
    """A run of a job that was followed by another one."""

    outcome: str
    """`failed`, or `interrupted` by the end of the emulator."""
    worker_id: str | None
    error_message: str | None
    started_at: int | None
    ended_at: int | None


@frozen(kw_only=True)
class User:
    """A user."""

    id: str
    email: str
    password_hash: str = field(repr=False)
    role: str = "authenticated"
    metadata: dict[str, Any] | None = None
    created_at: int
    updated_at: int


@frozen(kw_only=True)
class ClientKey:
    """A client key without its secret."""

    id: str
    scopes: list[str]
    expires_at: int | None


@frozen(kw_only=True)
class ServiceKey:
    """A service key without its secret."""

    name: str
    key_type: str
    """`service` or `anon`."""
    scopes: list[str]
    expires_at: int | None
