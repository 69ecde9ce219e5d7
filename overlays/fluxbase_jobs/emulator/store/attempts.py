"""The runs of jobs that were followed by another one: a job's row only has the last one."""

from __future__ import annotations

from .database import Database
from .records import Attempt


class Attempts:
    """Reads and writes the earlier attempts of jobs."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def keep(self, job_id: str, status: str, outcome: str) -> None:
        """Keep the attempt that a job's row has now, before it is changed; nothing if the job has another status or no retry left."""
        self._db.change(
            """
            INSERT INTO attempts (job_id, outcome, worker_id, error_message, started_at, ended_at)
            SELECT id, :outcome, worker_id, error_message, started_at, completed_at FROM jobs
            WHERE id = :id AND status = :status AND (status <> 'failed' OR retry_count < max_retries)
            """,
            {"id": job_id, "status": status, "outcome": outcome},
        )

    def of(self, job_id: str) -> list[Attempt]:
        """The earlier attempts of a job, in order."""
        rows = self._db.all("SELECT * FROM attempts WHERE job_id = ? ORDER BY sequence", [job_id])
        return [Attempt(**{name: value for name, value in row.items() if name not in {"sequence", "job_id"}}) for row in rows]
