"""Jobs: their row, and every change of state a job can go through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .database import Database

_WITH_USER = """
    SELECT jobs.*, coalesce(json_extract(users.metadata, '$.name'), json_extract(users.metadata, '$.full_name')) AS user_name
    FROM jobs LEFT JOIN users ON users.id = jobs.created_by
"""

_DUE = "status = 'pending' AND (scheduled_at IS NULL OR scheduled_at <= :now)"
_CONDITIONS = ("status", "namespace", "job_name", "worker_id")


@frozen(kw_only=True)
class Job:
    """One job as stored. Times are microseconds since 1970; payload, result and progress are jsonb texts."""

    id: str
    namespace: str
    job_function_id: str | None
    job_name: str
    status: str = "pending"
    payload: str | None = field(default=None, repr=False)
    result: str | None = field(default=None, repr=False)
    progress: str | None = field(default=None, repr=False)
    priority: int = 0
    max_duration_seconds: int
    progress_timeout_seconds: int
    max_retries: int
    retry_count: int = 0
    error_message: str | None = None
    worker_id: str | None = None
    created_by: str | None = None
    user_role: str | None = None
    user_email: str | None = None
    user_name: str | None = None
    created_at: int
    scheduled_at: int | None = None
    started_at: int | None = None
    last_progress_at: int | None = None
    completed_at: int | None = None


@frozen(kw_only=True)
class JobFilter:
    """What to list; None means no condition. A `limit` of zero or less means all, and then `offset` is ignored."""

    status: str | None = None
    namespace: str | None = None
    job_name: str | None = None
    worker_id: str | None = None
    limit: int = 50
    offset: int = 0


class Jobs:
    """The jobs of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, job: Job) -> None:
        """Store a new job. It is durable when this returns."""
        values = asdict(job, filter=lambda attribute, _: attribute.name != "user_name")
        columns = ", ".join(values)
        places = ", ".join(f":{column}" for column in values)
        self._db.change(f"INSERT INTO jobs ({columns}) VALUES ({places})", values)  # noqa: S608 - our own names

    def get(self, job_id: str) -> Job | None:
        """Return the job, if there is one."""
        row = self._db.one(f"{_WITH_USER} WHERE jobs.id = ?", [job_id])
        return _job(row) if row else None

    def find(self, wanted: JobFilter) -> list[Job]:
        """Return the jobs wanted, newest first."""
        conditions = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) is not None}
        where = " AND ".join(f"{name} = :{name}" for name in conditions) or "true"
        page = "LIMIT :limit OFFSET :offset" if wanted.limit > 0 else ""
        rows = self._db.all(
            f"{_WITH_USER} WHERE {where} ORDER BY jobs.created_at DESC, jobs.sequence DESC {page}",
            {**conditions, "limit": wanted.limit, "offset": max(wanted.offset, 0)},
        )
        return [_job(row) for row in rows]

    def claim(self, worker_id: str, now: int) -> Job | None:
        """Give the worker the next job that is due: highest priority first, then oldest.

        A job that was stored after `now` was read, while the database was busy, starts when it was made.
        """
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
            """,  # noqa: S608 - our own words
            {"worker": worker_id, "now": now},
        )
        return self.get(row["id"]) if row else None

    def is_due(self, now: int) -> bool:
        """Whether a worker that looks would find a job."""
        return self._db.one(f"SELECT 1 FROM jobs WHERE {_DUE} LIMIT 1", {"now": now}) is not None  # noqa: S608 - our own words

    def next_scheduled(self, now: int) -> int | None:
        """Return the time at which the next job falls due, if one waits for its time."""
        row = self._db.one("SELECT min(scheduled_at) AS at FROM jobs WHERE status = 'pending' AND scheduled_at > ?", [now])
        return row["at"] if row else None

    def report_progress(self, job_id: str, progress: str, now: int) -> None:
        """Keep the progress of a running job."""
        self._db.change(
            "UPDATE jobs SET progress = ?, last_progress_at = ? WHERE id = ? AND status = 'running'",
            [progress, now, job_id],
        )

    def complete(self, job_id: str, result: str, now: int) -> None:
        """End a running job well; a job that has been cancelled meanwhile stays cancelled."""
        self._db.change(
            "UPDATE jobs SET status = 'completed', result = ?, completed_at = ? WHERE id = ? AND status = 'running'",
            [result, now, job_id],
        )

    def fail(self, job_id: str, error_message: str, now: int) -> None:
        """End a running job badly; a job that has been cancelled meanwhile stays cancelled."""
        self._db.change(
            "UPDATE jobs SET status = 'failed', error_message = ?, completed_at = ? WHERE id = ? AND status = 'running'",
            [error_message, now, job_id],
        )

    def cancel(self, job_id: str, now: int) -> bool:
        """Cancel a pending or running job; False if it is neither."""
        return bool(
            self._db.change(
                "UPDATE jobs SET status = 'cancelled', completed_at = ? WHERE id = ? AND status IN ('pending', 'running')",
                [now, job_id],
            )
        )

    def retry(self, job_id: str) -> bool:
        """Put a failed job back to pending if it has a retry left; progress and result stay as they are."""
        return bool(
            self._db.change(
                """
                UPDATE jobs
                SET status = 'pending', retry_count = retry_count + 1, worker_id = NULL, started_at = NULL,
                    last_progress_at = NULL, completed_at = NULL, error_message = NULL
                WHERE id = ? AND status = 'failed' AND retry_count < max_retries
                """,
                [job_id],
            )
        )

    def is_running(self, job_id: str) -> bool:
        """Tell whether the job is running."""
        return self._db.one("SELECT 1 FROM jobs WHERE id = ? AND status = 'running'", [job_id]) is not None

    def running(self) -> list[str]:
        """Return the ids of the jobs that are running."""
        return [row["id"] for row in self._db.all("SELECT id FROM jobs WHERE status = 'running'")]

    def requeue(self, job_ids: Iterable[str]) -> None:
        """Put those of the jobs that still count as running back to pending; retries are not counted."""
        with self._db.transaction():
            for job_id in job_ids:
                self._db.change(
                    "UPDATE jobs SET status = 'pending', worker_id = NULL, started_at = NULL, last_progress_at = NULL "
                    "WHERE id = ? AND status = 'running'",
                    [job_id],
                )


def _job(row: dict[str, Any]) -> Job:
    del row["sequence"]
    return Job(**row)
