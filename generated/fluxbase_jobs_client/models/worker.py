# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..types import AwareDatetime


@define(frozen=True, kw_only=True, slots=False)
class Worker:
    """A worker that runs jobs. One server has several."""

    id: str
    """UUID."""

    status: str
    """`active`, `draining` or `stopped`."""

    max_concurrent_jobs: int
    """How many jobs it runs at once at most."""

    current_job_count: int
    """How many it runs now."""

    last_heartbeat_at: AwareDatetime
    """When it last was alive."""

    started_at: AwareDatetime
    """When it started."""

    name: str | None = None
    """For people."""

    hostname: str | None = None
    """The machine."""

    metadata: str | None = None
    """JSON text of an object, with the process id, say."""
