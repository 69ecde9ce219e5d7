"""The runs of jobs that were followed by another one: a job's row only has the last one."""

from __future__ import annotations

from typing import Any

from .database import Database
from .records import Attempt


class Attempts:
    """Reads and writes the earlier attempts of jobs."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def keep(self, outcome: str, condition: str, values: dict[str, Any]) -> None:
        """Keep the attempt that the rows of `jobs` have now, where a condition holds. To be called before they are changed."""
        self._db.change(
            "INSERT INTO attempts (job_id, outcome, worker_id, error_message, started_at, ended_at) "
            f"SELECT id, :outcome, worker_id, error_message, started_at, completed_at FROM jobs WHERE {condition}",  # noqa: S608  # our own constants
            {**values, "outcome": outcome},
        )

    def of(self, job_id: str) -> list[Attempt]:
        """The earlier attempts of a job, in order."""
        rows = self._db.all("SELECT * FROM attempts WHERE job_id = ? ORDER BY sequence", [job_id])
        return [Attempt(**{name: value for name, value in row.items() if name not in {"sequence", "job_id"}}) for row in rows]
