"""What the page shows of jobs, log lines and functions, as JSON. Times are milliseconds since 1970."""

from __future__ import annotations

from typing import Any, Final

from ..app import Emulator
from ..functions.registry import FunctionRegistry
from ..http.serializers import full_job
from ..services import Services
from ..store import Attempt, Job, StoredFunction, StoredLine

_SHORT: Final = 300
"""Characters of an error in a list."""
_NEXT_RUNS: Final = 3
_CAUSE: Final = "Job execution error: "
_LINES_SEARCHED: Final = 200
_COPIED: Final = (
    "id",
    "namespace",
    "status",
    "priority",
    "retry_count",
    "max_retries",
    "user_email",
    "user_role",
    "worker_id",
    "created_by",
)
_TIMES: Final = ("created_at", "scheduled_at", "started_at", "last_progress_at", "completed_at")


def row(job: Job, now_ns: int) -> dict[str, Any]:
    """A job in a list."""
    shown: Any = full_job(job, now_ns)
    return {
        **{name: getattr(job, name) for name in _COPIED},
        **{name: _milliseconds(getattr(job, name)) for name in _TIMES},
        "name": job.job_name,
        "percent": shown.get("progress_percent"),
        "message": shown.get("progress_message"),
        "seconds_left": shown.get("estimated_seconds_left"),
        "error": (job.error_message or "")[:_SHORT],
    }


def detail(services: Services, job: Job) -> dict[str, Any]:
    """One job with everything that is known of it. Payload, result and data of the progress are JSON texts, so that no digit is lost."""
    return {
        **row(job, services.clock.now_ns()),
        "error": job.error_message or "",
        "cause": _cause(services, job),
        "payload": job.payload,
        "result": job.result,
        "progress": job.progress,
        "timeout_seconds": job.max_duration_seconds,
        "progress_timeout_seconds": job.progress_timeout_seconds,
        "attempts": [*map(_attempt, services.jobs.attempts.of(job.id)), *_last_attempt(job)],
        "lines": services.logs.count(job.id),
        "has_function": services.registry.find(job.job_name, job.namespace) is not None,
    }


def line(stored: StoredLine) -> dict[str, Any]:
    """A line of a log."""
    return {
        "number": stored.sequence,
        "line_of_run": stored.line_of_run,
        "level": stored.level,
        "message": stored.message,
        "at": _milliseconds(stored.at),
        "hidden": stored.is_hidden,
    }


def functions(emulator: Emulator) -> list[dict[str, Any]]:
    """All functions with their next runs."""
    runs = emulator.next_runs(_NEXT_RUNS)
    registry = emulator.services.registry
    return [
        _function(definition, registry, runs.get((definition.namespace, definition.name)))
        for definition in emulator.services.functions.list()
    ]


def _function(definition: StoredFunction, registry: FunctionRegistry, runs_ns: list[int] | None) -> dict[str, Any]:
    return {
        "name": definition.name,
        "namespace": definition.namespace,
        "description": definition.description,
        "enabled": definition.enabled,
        "schedule": definition.schedule,
        "next_runs": None if runs_ns is None else [ns // 1_000_000 for ns in runs_ns],
        "timeout_seconds": definition.timeout_seconds,
        "max_retries": definition.max_retries,
        "require_roles": list(definition.require_roles),
        "has_handler": registry.handler_of(definition.name, definition.namespace) is not None,
        "version": definition.version,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "outcome": attempt.outcome,
        "worker_id": attempt.worker_id,
        "error": attempt.error_message or "",
        "started_at": _milliseconds(attempt.started_at),
        "ended_at": _milliseconds(attempt.ended_at),
    }


def _last_attempt(job: Job) -> list[dict[str, Any]]:
    """The attempt that the job's own row tells of; none before it has started."""
    if job.started_at is None:
        return []
    last = Attempt(
        outcome=job.status,
        worker_id=job.worker_id,
        error_message=job.error_message,
        started_at=job.started_at,
        ended_at=job.completed_at,
    )
    return [_attempt(last)]


def _cause(services: Services, job: Job) -> str | None:
    """What the handler raised. The server keeps it from the job, whose error is "exit status 1"; it is in the log."""
    if job.status != "failed":
        return None
    lines = reversed(services.logs.stored(job.id, 0, _LINES_SEARCHED))
    return next((each.message.removeprefix(_CAUSE) for each in lines if each.message.startswith(_CAUSE)), None)


def _milliseconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 1_000
