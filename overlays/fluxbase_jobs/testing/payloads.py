"""What was submitted to a test server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fluxbase_jobs.emulator.store import JobFilter

if TYPE_CHECKING:
    from fluxbase_jobs.emulator.store import Jobs


def payloads_of(jobs: Jobs, name: str, namespace: str) -> list[dict[str, Any]]:
    """Return the payloads of a function's jobs, the first submitted first; `{}` where there was none."""
    newest_first = jobs.find(JobFilter(job_name=name, namespace=namespace, limit=0))
    return [json.loads(job.payload or "{}") for job in reversed(newest_first)]
