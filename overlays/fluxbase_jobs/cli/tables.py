"""How jobs, functions, workers and statistics look as tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from .. import Job, JobFunction, JobStats, LogLine, Worker
from .output import Cell, Column, Output, is_terminal, json_text, safe, styled

ID_HEADING: Final = "ID"
"""How a table of jobs begins: a pipe may bring it along with the ids."""
JOB_COLUMNS: Final = (
    Column(ID_HEADING),
    Column("NAME", is_cut=True),
    Column("STATUS"),
    Column("%", is_number=True),
    Column("CREATED"),
    Column("TOOK", is_number=True),
    Column("MESSAGE", is_cut=True),
)
_NARROW: Final = 100
"""Below this width the last two columns of jobs are left out, so that ids and names stay whole."""
FUNCTION_COLUMNS: Final = (
    Column("NAMESPACE", is_cut=True),
    Column("NAME", is_cut=True),
    Column("ENABLED"),
    Column("SCHEDULE"),
    Column("TIMEOUT", is_number=True),
    Column("RETRIES", is_number=True),
    Column("DESCRIPTION", is_cut=True),
)
WORKER_COLUMNS: Final = (
    Column("NAME", is_cut=True),
    Column("STATUS"),
    Column("JOBS", is_number=True),
    Column("HOST", is_cut=True),
    Column("HEARTBEAT"),
    Column("STARTED"),
)


def show_jobs(output: Output, jobs: Iterable[Job], width: int) -> None:
    """A table of jobs."""
    kept = len(JOB_COLUMNS) - (2 if is_terminal() and width < _NARROW else 0)
    rows = [_job_row(job)[:kept] for job in jobs]
    output.table(JOB_COLUMNS[:kept], rows, "no jobs")


def _job_row(job: Job) -> tuple[Cell, ...]:
    message = job.error_message or ("" if job.is_terminal else job.progress_message or _due(job))
    percent = 100 if job.succeeded else job.progress_percent
    return (
        job.id,
        safe(job.job_name),
        styled(job.status),
        "" if percent is None else str(percent),
        moment(job.created_at),
        took(job),
        safe(message),
    )


def _due(job: Job) -> str:
    """When a job may start that is scheduled for later."""
    is_later = job.status == "pending" and job.scheduled_at is not None and job.scheduled_at > datetime.now(UTC)
    return f"due {moment(job.scheduled_at)}" if is_later else ""


def show_job(output: Output, job: Job) -> None:
    """All of one job, a field a line; what it does not have is left out."""
    shown = {"payload", "result", "progress", "logs", "progress_data", "status", "id"}
    rows: list[tuple[str, RenderableType]] = [("id", job.id), ("status", styled(job.status))]
    for name, value in job.to_dict().items():
        if name not in shown and value not in (None, ""):
            is_moment = isinstance(getattr(job, name), datetime)
            rows.append((name, Text(full_moment(getattr(job, name)) if is_moment else safe(str(value)))))
    if span := took(job):
        rows.append(("took", span))
    rows += [(name, json_text(value)) for name in ("progress_data", "payload", "result") if (value := getattr(job, name)) is not None]
    output.pairs(rows)


def log_line(line: LogLine, label: str = "") -> Text:
    """A line of a log: its time, its level where it is not the usual one, and its message."""
    level = line.level if line.level not in {"info", "log"} else ""
    style = styled(level).style if level else ""
    parts: list[Text | tuple[str, str]] = [(line.timestamp.astimezone().strftime("%H:%M:%S "), "dim")] if is_terminal() else []
    parts += [(f"{label} ", "bold")] if label else []
    parts += [(f"{level} ", str(style))] if level else []
    return Text.assemble(*parts, (_message(line.message), str(style)))


def _message(text: str) -> str:
    """A message as the job wrote it where a program reads it; on a terminal without characters that could change it."""
    return "\n".join(map(safe, text.split("\n"))) if is_terminal() else text


def show_functions(output: Output, functions: Iterable[JobFunction]) -> None:
    """A table of functions."""
    rows = [
        (
            safe(each.namespace),
            safe(each.name),
            "yes" if each.enabled else Text("no", "yellow"),
            safe(each.schedule or ""),
            f"{each.timeout_seconds} s",
            str(each.max_retries),
            safe(each.description or ""),
        )
        for each in functions
    ]
    output.table(FUNCTION_COLUMNS, rows, "no functions")


def show_workers(output: Output, workers: Iterable[Worker]) -> None:
    """A table of workers."""
    rows = [
        (
            safe(each.name or each.id),
            safe(each.status),
            f"{each.current_job_count}/{each.max_concurrent_jobs}",
            safe(each.hostname or ""),
            moment(each.last_heartbeat_at),
            moment(each.started_at),
        )
        for each in workers
    ]
    output.table(WORKER_COLUMNS, rows, "no workers are listed; a server of April 2026 lists none although they run")


def show_stats(output: Output, stats: JobStats) -> None:
    """The numbers of jobs, by status and by function."""
    names = ("total", "pending", "running", "completed", "failed", "cancelled")
    rows: list[tuple[str, RenderableType]] = [(name, str(getattr(stats, f"{name}_jobs"))) for name in names]
    rows.append(("average", f"{stats.avg_duration_seconds:.1f} s"))
    rows += [(safe(each.name), str(each.count)) for each in stats.jobs_by_function]
    output.pairs(rows)


def moment(when: datetime | None) -> str:
    """How long ago, where a person reads it; else the moment."""
    if when is None:
        return ""
    if not is_terminal():
        return when.isoformat()
    seconds = (datetime.now(UTC) - when).total_seconds()
    return f"{span_text(timedelta(seconds=abs(seconds)))} ago" if seconds >= 0 else f"in {span_text(timedelta(seconds=-seconds))}"


def full_moment(when: datetime) -> str:
    """The moment in the local time zone, where a person reads it."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if is_terminal() else when.isoformat()


def took(job: Job) -> str:
    """How long a job ran, or has been running."""
    if job.started_at is None or job.completed_at is None:
        return ""
    return span_text(job.completed_at - job.started_at)


def span_text(span: timedelta) -> str:
    """A time span in its largest units: `3.2 s`, `4 m`, `5 h`, `6 d`."""
    seconds = max(span.total_seconds(), 0)
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return ""
