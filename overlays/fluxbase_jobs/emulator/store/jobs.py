"""Jobs, every change of their state, their log lines and statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias
from uuid import uuid4

from attrs import asdict, evolve, fields, frozen

from .attempts import Attempts
from .database import Database
from .listeners import Listeners
from .records import Job, LogLine, StoredLine
from .schema import JOINED_COLUMNS

_WITH_USER: Final = """
    SELECT jobs.*, coalesce(json_extract(users.metadata, '$.name'), json_extract(users.metadata, '$.full_name')) AS user_name
    FROM jobs LEFT JOIN users ON users.id = jobs.created_by
"""

_DUE: Final = "status = 'pending' AND (scheduled_at IS NULL OR scheduled_at <= :now)"
_DAYS: Final = 7
_FUNCTIONS: Final = 10
_DAY_MICROS: Final = 24 * 3600 * 1_000_000


@frozen(kw_only=True)
class JobFilter:
    """Which jobs to list. Each field but the last three is a column and the value that it must have; None means any value."""

    status: str | None = None
    namespace: str | None = None
    job_name: str | None = None
    worker_id: str | None = None
    contains: str = ""
    """A text that the job has somewhere: in its id, name, payload, result, error or the address of its user; in any case of letters."""
    limit: int = 50
    """How many jobs to list. Zero or less lists all of them, and ignores `offset`."""
    offset: int = 0


JobListener: TypeAlias = Callable[[Job | None, Job], None]
"""Called with a job before and after a change; None before for a new job."""
LineListener: TypeAlias = Callable[[LogLine], None]

_CONDITIONS: Final = [attribute.name for attribute in fields(JobFilter) if attribute.name not in {"contains", "limit", "offset"}]
_TEXTS: Final = ("jobs.id", "namespace || '/' || job_name", "payload", "result", "error_message", "user_email")
_CONTAINS: Final = " OR ".join(f"instr(lower({text}), lower(:contains))" for text in _TEXTS)


class Jobs:
    """Reads and writes the jobs of a database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.attempts: Final = Attempts(database)
        self.listeners: Final = Listeners[JobListener]()
        """Called in the order of the changes; the database is locked meanwhile."""

    def add(self, job: Job) -> None:
        """Store a new job. When this returns, the job survives a crash."""
        values = asdict(job, filter=lambda attribute, _: attribute.name not in JOINED_COLUMNS)
        columns = ", ".join(values)
        places = ", ".join(f":{column}" for column in values)
        with self._db.locked():
            self._db.change(f"INSERT INTO jobs ({columns}) VALUES ({places})", values)  # noqa: S608  # the names of our own columns
            for call in self.listeners.calls:
                call(None, job)

    def get(self, job_id: str) -> Job | None:
        """The job, or None."""
        row = self._db.one(f"{_WITH_USER} WHERE jobs.id = ?", [job_id])
        return _job(row) if row else None

    def find(self, filters: JobFilter) -> list[Job]:
        """The jobs that match a filter, newest first."""
        conditions = {name: value for name in _CONDITIONS if (value := getattr(filters, name)) is not None}
        where = " AND ".join([*(f"{name} = :{name}" for name in conditions), *([f"({_CONTAINS})"] if filters.contains else [])]) or "true"
        page = "LIMIT :limit OFFSET :offset" if filters.limit > 0 else ""
        rows = self._db.all(
            f"{_WITH_USER} WHERE {where} ORDER BY jobs.created_at DESC, jobs.sequence DESC {page}",
            {**conditions, "contains": filters.contains, "limit": filters.limit, "offset": max(filters.offset, 0)},
        )
        return [_job(row) for row in rows]

    def claim(self, worker_id: str, now: int) -> Job | None:
        """Set the next due job to running, for a worker: the highest priority first, then the oldest.

        A job may have been stored after the caller read `now`, while the database was busy. It then starts at its `created_at`.
        """
        with self._db.locked():
            job = self._claim(worker_id, now)
            if job and (calls := self.listeners.calls):
                old = evolve(job, status="pending", worker_id=None, started_at=None, last_progress_at=None)
                for call in calls:
                    call(old, job)
            return job

    def _claim(self, worker_id: str, now: int) -> Job | None:
        row = self._db.one(
            f"""
            UPDATE jobs
            SET status = 'running', worker_id = :worker, started_at = max(:now, created_at), last_progress_at = max(:now, created_at)
            WHERE sequence = (
                SELECT sequence FROM jobs
                WHERE {_DUE}
                ORDER BY priority DESC, created_at, sequence LIMIT 1
            )
            RETURNING id
            """,  # noqa: S608  # a constant condition
            {"worker": worker_id, "now": now},
        )
        return self.get(row["id"]) if row else None

    def is_due(self, now: int) -> bool:
        """Whether a job is due."""
        return self._db.one(f"SELECT 1 FROM jobs WHERE {_DUE} LIMIT 1", {"now": now}) is not None  # noqa: S608  # a constant condition

    def next_scheduled(self, now: int) -> int | None:
        """When the next scheduled job becomes due, or None."""
        row = self._db.one("SELECT min(scheduled_at) AS at FROM jobs WHERE status = 'pending' AND scheduled_at > ?", [now])
        return row["at"] if row else None

    def report_progress(self, job_id: str, progress: str, now: int) -> None:
        """Store the progress of a running job."""
        self._change(
            job_id,
            "UPDATE jobs SET progress = ?, last_progress_at = ? WHERE id = ? AND status = 'running'",
            [progress, now, job_id],
        )

    def complete(self, job_id: str, result: str, now: int) -> None:
        """Set a running job to completed; a job cancelled in the meantime stays cancelled."""
        self._change(
            job_id,
            "UPDATE jobs SET status = 'completed', result = ?, completed_at = ? WHERE id = ? AND status = 'running'",
            [result, now, job_id],
        )

    def fail(self, job_id: str, error_message: str, now: int) -> None:
        """Set a running job to failed; a job cancelled in the meantime stays cancelled."""
        self._change(
            job_id,
            "UPDATE jobs SET status = 'failed', error_message = ?, completed_at = ? WHERE id = ? AND status = 'running'",
            [error_message, now, job_id],
        )

    def cancel(self, job_id: str, now: int) -> bool:
        """Cancel a pending or running job. False if it is neither."""
        return self._change(
            job_id,
            "UPDATE jobs SET status = 'cancelled', completed_at = ? WHERE id = ? AND status IN ('pending', 'running')",
            [now, job_id],
        )

    def retry(self, job_id: str) -> bool:
        """Set a failed job back to pending, if it has a retry left. Its progress and result stay. False otherwise."""
        with self._db.transaction():
            self.attempts.keep(job_id, "failed", "failed")
            return self._change(
                job_id,
                """
                UPDATE jobs
                SET status = 'pending', retry_count = retry_count + 1, worker_id = NULL, started_at = NULL,
                    last_progress_at = NULL, completed_at = NULL, error_message = NULL
                WHERE id = ? AND status = 'failed' AND retry_count < max_retries
                """,
                [job_id],
            )

    def is_running(self, job_id: str) -> bool:
        """Whether a job is running."""
        return self._db.one("SELECT 1 FROM jobs WHERE id = ? AND status = 'running'", [job_id]) is not None

    def running(self) -> list[str]:
        """The ids of the running jobs."""
        return [row["id"] for row in self._db.all("SELECT id FROM jobs WHERE status = 'running'")]

    def unfinished(self, limit: int) -> tuple[int, list[Job]]:
        """How many jobs are running or pending, and the first of them: those that run, then in the order of their creation."""
        condition = "status IN ('running', 'pending')"
        count = self._db.all(f"SELECT count(*) AS number FROM jobs WHERE {condition}")[0]["number"]  # noqa: S608  # a constant condition
        order = "ORDER BY status DESC, jobs.created_at, jobs.sequence LIMIT ?"
        return count, [_job(row) for row in self._db.all(f"{_WITH_USER} WHERE {condition} {order}", [limit])]

    def requeue(self, job_ids: Iterable[str]) -> None:
        """Set those of the jobs that are still running back to pending. This does not count as a retry."""
        with self._db.transaction():
            for job_id in job_ids:
                self.attempts.keep(job_id, "running", "interrupted")
                self._change(
                    job_id,
                    "UPDATE jobs SET status = 'pending', worker_id = NULL, started_at = NULL, last_progress_at = NULL "
                    "WHERE id = ? AND status = 'running'",
                    [job_id],
                )

    def _change(self, job_id: str, statement: str, values: list[Any]) -> bool:
        """Run a statement that changes one job or none; whether it did."""
        with self._db.locked():
            calls = self.listeners.calls  # read once: another thread may add one before the end
            old = self.get(job_id) if calls else None
            has_changed = bool(self._db.change(statement, values))
            if has_changed and calls and (new := self.get(job_id)):
                for call in calls:
                    call(old, new)
            return has_changed


class Logs:
    """Reads and writes the log lines of a database.

    Args:
        database: the database.
        hide_this_start: whether `list` leaves out lines written since this start of the emulator (see the profile).
    """

    def __init__(self, database: Database, *, hide_this_start: bool) -> None:
        self._db = database
        self._hide_this_start = hide_this_start
        self._start = _last_start(database)
        self.listeners: Final = Listeners[LineListener]()
        """Called in the order of the lines; the database is locked meanwhile."""

    def add(self, job_id: str, line_of_run: int, level: str, message: str, now: int) -> None:
        """Store a line. Line numbers begin at 1 after each start, as on the real server."""
        identifier = str(uuid4())
        with self._db.locked():
            row = self._db.one(
                """
                INSERT INTO log_lines (id, job_id, start, line_number, line_of_run, level, message, at)
                SELECT :id, :job, :start, coalesce(max(line_number), 0) + 1, :line, :level, :message, :now
                FROM log_lines WHERE job_id = :job AND start = :start
                RETURNING line_number
                """,
                {
                    "id": identifier,
                    "job": job_id,
                    "start": self._start,
                    "line": line_of_run,
                    "level": level,
                    "message": message,
                    "now": now,
                },
            )
            if row and (calls := self.listeners.calls):
                line = LogLine(identifier, job_id, row["line_number"], line_of_run, level, message, now)
                for call in calls:
                    call(line)

    def list(self, job_id: str, after_line: int) -> list[LogLine]:
        """The readable lines with a number above `after_line`. A line with a NUL takes a number, but PostgreSQL does not store it."""
        last_start = self._start - 1 if self._hide_this_start else self._start
        rows = self._db.all(
            "SELECT id, job_id, line_number, line_of_run, level, message, at FROM log_lines "
            "WHERE job_id = ? AND line_number > ? AND start <= ? AND instr(message, char(0)) = 0 ORDER BY line_number, sequence",
            [job_id, after_line, last_start],
        )
        return [LogLine(**row) for row in rows]

    def stored(self, job_id: str, after: int, limit: int) -> Sequence[StoredLine]:
        """The last lines of all starts with a `sequence` above `after`, also those that `list` leaves out."""
        last_start = self._start - 1 if self._hide_this_start else self._start
        rows = self._db.all(
            "SELECT * FROM (SELECT * FROM log_lines WHERE job_id = ? AND sequence > ? ORDER BY sequence DESC LIMIT ?) ORDER BY sequence",
            [job_id, after, limit],
        )
        return [
            StoredLine(
                sequence=row["sequence"],
                line_of_run=row["line_of_run"],
                level=row["level"],
                message=row["message"],
                at=row["at"],
                is_hidden=row["start"] > last_start or "\0" in row["message"],
            )
            for row in rows
        ]

    def count(self, job_id: str) -> int:
        """The number of a job's lines, of all starts."""
        return int(self._db.all("SELECT count(*) AS number FROM log_lines WHERE job_id = ?", [job_id])[0]["number"])


@frozen
class Statistics:
    """Numbers of jobs."""

    average_seconds: float
    """The average duration of the jobs that have ended after a run."""
    by_status: dict[str, int]
    by_day: dict[str, int]
    by_function: dict[str, int]

    @property
    def total(self) -> int:
        """The number of all jobs."""
        return sum(self.by_status.values())


class JobStatistics:
    """Counts the jobs of a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def collect(self, namespace: str | None, now: int) -> Statistics:
        """Count all jobs, or those of a namespace.

        They are counted by status, by day (UTC) of the last seven, newest first, and for the ten functions with the most jobs.
        """
        where = "true" if namespace is None else "namespace = :namespace"
        values: dict[str, object] = {"namespace": namespace, "since": now - _DAYS * _DAY_MICROS}
        day = "date(created_at / 1000000, 'unixepoch')"
        times = self._db.all(f"SELECT avg(completed_at - started_at) / 1e6 AS seconds FROM jobs WHERE {where}", values)  # noqa: S608  # constants
        return Statistics(
            average_seconds=times[0]["seconds"] or 0.0,
            by_status=self._groups("status", where, "number DESC, name", values),
            by_day=self._groups(day, f"{where} AND created_at >= :since", "name DESC", values),
            by_function=self._groups("job_name", where, f"number DESC, name LIMIT {_FUNCTIONS}", values),
        )

    def by_status(self) -> dict[str, int]:
        """The numbers of all jobs by status."""
        return self._groups("status", "true", "name", {})

    def _groups(self, key: str, where: str, order: str, values: dict[str, object]) -> dict[str, int]:
        rows = self._db.all(f"SELECT {key} AS name, count(*) AS number FROM jobs WHERE {where} GROUP BY 1 ORDER BY {order}", values)  # noqa: S608  # constants
        return {row["name"]: row["number"] for row in rows}


def _job(row: dict[str, Any]) -> Job:
    del row["sequence"]
    return Job(**row)


def _last_start(database: Database) -> int:
    row = database.one("SELECT max(number) AS number FROM starts")
    return row["number"] if row else 0
