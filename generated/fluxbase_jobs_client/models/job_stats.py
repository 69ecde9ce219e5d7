# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define

from ..models.day_count import DayCount
from ..models.function_count import FunctionCount
from ..models.status_count import StatusCount


@define(frozen=True, kw_only=True, slots=False)
class JobStats:
    """Numbers of jobs."""

    total_jobs: int
    """All jobs."""

    pending_jobs: int
    """Jobs waiting, scheduled ones included."""

    running_jobs: int
    """Jobs running."""

    completed_jobs: int
    """Jobs that ended well."""

    failed_jobs: int
    """Jobs that failed."""

    cancelled_jobs: int
    """Jobs cancelled or terminated."""

    avg_duration_seconds: float
    """Mean duration in seconds, with a fraction; 0 where there are none."""

    jobs_by_status: list[StatusCount] | None
    """Null where there are none."""

    jobs_by_day: list[DayCount] | None
    """The last seven days; null where there are none."""

    jobs_by_function: list[FunctionCount] | None
    """The ten functions with most jobs; null where there are none."""
