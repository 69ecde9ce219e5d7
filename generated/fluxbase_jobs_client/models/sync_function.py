# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field


@define(frozen=True, kw_only=True, slots=False)
class SyncFunction:
    """A function to create or update."""

    name: str
    """The name jobs are submitted under."""

    code: str = field(repr=False)
    """The code, TypeScript or JavaScript. April loses it."""

    description: str | None = None
    """For people."""

    original_code: str | None = field(default=None, repr=False)
    """The code before bundling."""

    is_bundled: bool | None = None
    """Whether `code` has its imports within it."""

    enabled: bool | None = None
    """Whether jobs can be submitted."""

    schedule: str | None = None
    """A cron expression."""

    timeout_seconds: int | None = None
    """Seconds a run may take."""

    memory_limit_mb: int | None = None
    """Megabytes a run may use."""

    max_retries: int | None = None
    """How often its jobs can be put back by retry."""

    progress_timeout_seconds: int | None = None
    """Seconds a run may go without a progress report. April's jobs show 0 where it is not sent."""

    allow_net: bool | None = None
    """Whether it may use the network."""

    allow_env: bool | None = None
    """Whether it may read the environment."""

    allow_read: bool | None = None
    """Whether it may read files."""

    allow_write: bool | None = None
    """Whether it may write files."""

    require_roles: list[str] | None = None
    """Roles of which a submitter needs one."""
