"""Converts rows of the database to the JSON of responses: keys in the server's order, null fields left out.

The fields of jobs and functions come from the classes in `store/records.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final

from attrs import fields

from ..formats.json_text import JSONValue, go_text, normalise, parse
from ..formats.timestamps import rfc3339, rfc3339_nanos
from ..runtime.worker_pool import WorkerRecord
from ..store import Job, LogLine, Statistics, StoredFunction

_SECOND: Final = 1_000_000_000
_COMPLETE_PERCENT: Final = 100
_WITHOUT_PAYLOAD: Final[Mapping[str, JSONValue]] = {"payload": None}
_WITHOUT_PAYLOAD_AND_RESULT: Final[Mapping[str, JSONValue]] = {"payload": None, "result": None}
_STATUSES: Final = ("pending", "running", "completed", "failed", "cancelled")


class RecordSerializer:
    """Reads the fields of a record, in the order of its class. Fields whose names end in `_at` are times.

    Args:
        record: the class, whose instances are serialized.
    """

    def __init__(self, record: type) -> None:
        self._names = [attribute.name for attribute in fields(record)]
        self._times = [name for name in self._names if name.endswith("_at")]
        self._values = attrgetter(*self._names)

    def serialize(self, row: object, replaced: Mapping[str, JSONValue] | None = None) -> dict[str, JSONValue]:
        """The fields that are not null; times as RFC 3339, lists of the database as JSON lists.

        Args:
            row: an instance of the class.
            replaced: values instead of those of the row; null leaves the field out.
        """
        values: dict[str, Any] = dict(zip(self._names, self._values(row), strict=True))
        for name in self._times:
            if values[name] is not None:
                values[name] = rfc3339(values[name])
        if replaced:
            values.update(replaced)
        return {name: value for name, value in values.items() if value is not None}


_JOBS: Final = RecordSerializer(Job)
_FUNCTIONS: Final = RecordSerializer(StoredFunction)
_WORKERS: Final = RecordSerializer(WorkerRecord)


def submitted_job(job: Job, payload: dict[str, JSONValue] | None, scheduled_at: str | None) -> JSONValue:
    """The response to a submit: with the payload as Go writes it, and the schedule as the client wrote it."""
    go_payload = None if payload is None else go_text(payload)
    return _JOBS.serialize(job, {"payload": go_payload, "user_name": None, "scheduled_at": scheduled_at})


def full_job(job: Job, now_ns: int) -> JSONValue:
    """The response to a get."""
    progress = _progress(job)
    return {**_JOBS.serialize(job), **_estimate(job, progress, now_ns), **_unpacked(progress)}


def listed_job(job: Job, now_ns: int, *, include_result: bool) -> JSONValue:
    """An item of a list: without payload and `progress_` fields."""
    hidden = _WITHOUT_PAYLOAD if include_result else _WITHOUT_PAYLOAD_AND_RESULT
    return {**_JOBS.serialize(job, hidden), **_estimate(job, _progress(job), now_ns)}


def log_line(line: LogLine) -> JSONValue:
    """A line of a log."""
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


def full_function(definition: StoredFunction, source: str | None) -> JSONValue:
    """A function with its code. `source` is the code of its handler, for a function without stored code."""
    code = source if definition.code is None else definition.code
    original_code = source if definition.original_code is None else definition.original_code
    return _FUNCTIONS.serialize(definition, {"code": code, "original_code": original_code, "require_roles": _roles(definition)})


def listed_function(definition: StoredFunction, tenant_id: str | None) -> JSONValue:
    """An item of a list of functions: without code; `tenant_id` stands before the times."""
    listed = _FUNCTIONS.serialize(definition, {"code": None, "original_code": None, "require_roles": _roles(definition)})
    if tenant_id is None:
        return listed
    times = {name: listed.pop(name) for name in ("created_at", "updated_at")}
    return {**listed, "tenant_id": tenant_id, **times}


def statistics(counted: Statistics) -> JSONValue:
    """The numbers of jobs."""
    by_status: dict[str, JSONValue] = {f"{status}_jobs": counted.by_status.get(status, 0) for status in _STATUSES}
    return {
        "total_jobs": counted.total,
        **by_status,
        "avg_duration_seconds": counted.average_seconds,
        "jobs_by_status": _counts("status", counted.by_status),
        "jobs_by_day": _counts("date", counted.by_day),
        "jobs_by_function": _counts("name", counted.by_function),
    }


def worker(record: WorkerRecord) -> JSONValue:
    """A worker."""
    fields_of_record = _WORKERS.serialize(record)
    head = {name: fields_of_record.pop(name) for name in ("id", "name", "hostname")}
    return {**head, "status": "active", **fields_of_record}


def _counts(name: str, counts: dict[str, int]) -> JSONValue:
    return [{name: key, "count": count} for key, count in counts.items()] or None


def _roles(definition: StoredFunction) -> JSONValue:
    return [*definition.require_roles] or None


def _progress(job: Job) -> dict[str, Any]:
    value = parse(job.progress.encode()) if job.progress else None
    return value if isinstance(value, dict) else {}


def _unpacked(progress: Mapping[str, Any]) -> dict[str, JSONValue]:
    unpacked: dict[str, JSONValue] = {}
    if "percent" in progress:
        unpacked["progress_percent"] = progress["percent"]
    if progress.get("message"):
        unpacked["progress_message"] = progress["message"]
    if progress.get("data"):
        # The server reads it into a Go map, which sorts the keys by name; jsonb had sorted them by length.
        unpacked["progress_data"] = parse(go_text(normalise(progress["data"])).encode())
    return unpacked


def _estimate(job: Job, progress: Mapping[str, Any], now_ns: int) -> dict[str, JSONValue]:
    """When a running job will end if it continues at the same pace. The server computes it at each read."""
    percent = progress.get("percent", 0)
    if job.status != "running" or job.started_at is None or not 0 < percent < _COMPLETE_PERCENT:
        return {}
    elapsed = now_ns - job.started_at * 1_000
    left = elapsed * (_COMPLETE_PERCENT - percent) // percent
    return {"estimated_completion_at": rfc3339_nanos(now_ns + left), "estimated_seconds_left": left // _SECOND}
