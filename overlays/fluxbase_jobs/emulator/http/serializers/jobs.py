"""How jobs and log lines look on the wire: three forms of a job, their keys in the server's order, absent for null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...formats.json_text import JSONValue, go_text, normalise, parse
from ...formats.timestamps import rfc3339, rfc3339_nanos

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...store import Job
    from ...store.logs import LogLine

_SECOND = 1_000_000_000
_WHOLE = 100


def submitted(job: Job, payload: dict[str, JSONValue] | None, scheduled_at: str | None) -> JSONValue:
    """Return the answer to a submit: payload as Go writes it, the schedule as the client wrote it."""
    texts = {
        "payload": None if payload is None else go_text(payload),
        "user_name": None,
        "scheduled_at": scheduled_at,
    }
    return _job(job, texts)


def full(job: Job, now_ns: int) -> JSONValue:
    """Return the answer to a get."""
    progress = _progress(job)
    return {**_job(job, {}), **_estimate(job, progress, now_ns), **_unpacked(progress)}


def listed(job: Job, now_ns: int, *, include_result: bool) -> JSONValue:
    """Return an item of a list: without payload, without unpacked progress."""
    hidden = {"payload": None} if include_result else {"payload": None, "result": None}
    return {**_job(job, hidden), **_estimate(job, _progress(job), now_ns)}


def log_line(line: LogLine) -> JSONValue:
    """Return one line of a log."""
    return {
        "id": line.id,
        "timestamp": rfc3339(line.at),
        "category": "execution",
        "level": line.level,
        "message": line.message,
        "fields": {"line_number": line.line_of_run, "time": line.at // 1_000_000},
        "execution_id": line.job_id,
        "line_number": line.line_number,
    }


def _job(job: Job, instead: Mapping[str, str | None]) -> dict[str, JSONValue]:
    fields: dict[str, JSONValue] = {
        "id": job.id,
        "namespace": job.namespace,
        "job_function_id": job.job_function_id,
        "job_name": job.job_name,
        "status": job.status,
        "payload": job.payload,
        "result": job.result,
        "progress": job.progress,
        "priority": job.priority,
        "max_duration_seconds": job.max_duration_seconds,
        "progress_timeout_seconds": job.progress_timeout_seconds,
        "max_retries": job.max_retries,
        "retry_count": job.retry_count,
        "error_message": job.error_message,
        "worker_id": job.worker_id,
        "created_by": job.created_by,
        "user_role": job.user_role,
        "user_email": job.user_email,
        "user_name": job.user_name,
        "created_at": rfc3339(job.created_at),
        "scheduled_at": _time(job.scheduled_at),
        "started_at": _time(job.started_at),
        "last_progress_at": _time(job.last_progress_at),
        "completed_at": _time(job.completed_at),
    }
    fields.update(instead)
    return {name: value for name, value in fields.items() if value is not None}


def _progress(job: Job) -> dict[str, Any]:
    value = parse(job.progress.encode()) if job.progress else None
    return value if isinstance(value, dict) else {}


def _unpacked(progress: Mapping[str, Any]) -> dict[str, JSONValue]:
    fields: dict[str, JSONValue] = {}
    if "percent" in progress:
        fields["progress_percent"] = progress["percent"]
    if progress.get("message"):
        fields["progress_message"] = progress["message"]
    if progress.get("data"):
        # Once through Go's map, which sorts the keys that jsonb had ordered by length.
        fields["progress_data"] = parse(go_text(normalise(progress["data"])).encode())
    return fields


def _estimate(job: Job, progress: Mapping[str, Any], now_ns: int) -> dict[str, JSONValue]:
    """Return when a running job will be done if it goes on as it has: the server works it out at every look."""
    percent = progress.get("percent", 0)
    if job.status != "running" or job.started_at is None or not 0 < percent < _WHOLE:
        return {}
    elapsed = now_ns - job.started_at * 1_000
    left = elapsed * (_WHOLE - percent) // percent
    return {"estimated_completion_at": rfc3339_nanos(now_ns + left), "estimated_seconds_left": left // _SECOND}


def _time(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
