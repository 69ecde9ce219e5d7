# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field

from ..types import AwareDatetime


@define(frozen=True, kw_only=True, slots=False)
class JobFunction:
    """A function that jobs run. Lists leave out `code` and `original_code`."""

    id: str
    """UUID."""

    name: str
    """The name jobs are submitted under."""

    namespace: str
    """Where the name is unique."""

    is_bundled: bool
    """Whether `code` has its imports within it."""

    enabled: bool
    """Whether jobs can be submitted; else 403."""

    timeout_seconds: int
    """Seconds a run may take."""

    memory_limit_mb: int
    """Megabytes a run may use."""

    max_retries: int
    """How often its jobs can be put back by retry; 0 unless the function sets it."""

    progress_timeout_seconds: int
    """Seconds a run may go without a progress report."""

    allow_net: bool
    """Whether it may use the network."""

    allow_env: bool
    """Whether it may read the environment."""

    allow_read: bool
    """Whether it may read files."""

    allow_write: bool
    """Whether it may write files."""

    version: int
    """Counts up with each change."""

    source: str
    """Where it came from; `filesystem`, say."""

    created_at: AwareDatetime
    """When it was made."""

    updated_at: AwareDatetime
    """When it was last changed."""

    description: str | None = None
    """For people."""

    code: str | None = field(default=None, repr=False)
    """The code that runs."""

    original_code: str | None = field(default=None, repr=False)
    """The code before bundling."""

    bundle_error: str | None = None
    """Why bundling failed."""

    schedule: str | None = None
    """A cron expression, at times followed by `|` and parameters as JSON."""

    require_roles: list[str] | None = None
    """Roles of which a submitter needs one; absent for none."""

    disable_execution_logs: bool | None = None
    """Whether its jobs are meant to have no logs. March keeps them all the same."""

    created_by: str | None = None
    """UUID of the user who made it."""

    tenant_id: str | None = None
    """UUID of the tenant. April, in lists only."""
