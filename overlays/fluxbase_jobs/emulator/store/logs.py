"""Log lines of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import frozen

if TYPE_CHECKING:
    from .database import Database


@frozen
class LogLine:
    """One line. `line_number` counts from 1 over all runs of the job, `line_of_run` from 0 in each."""

    id: str
    job_id: str
    line_number: int
    line_of_run: int
    level: str
    message: str
    at: int


class Logs:
    """The log lines of one database.

    Args:
        database: where they are kept.
        hide_this_start: leave out the lines written since this start (the profile says so).

    """

    def __init__(self, database: Database, *, hide_this_start: bool) -> None:
        self._db = database
        self._hide_this_start = hide_this_start
        self._start = _last_start(database)

    def add(self, job_id: str, line_of_run: int, level: str, message: str, now: int) -> None:
        """Write one line. Its number counts this start's lines: the real server begins at 1 again after a restart."""
        self._db.change(
            """
            INSERT INTO log_lines (id, job_id, start, line_number, line_of_run, level, message, at)
            SELECT :id, :job, :start, coalesce(max(line_number), 0) + 1, :line, :level, :message, :now
            FROM log_lines WHERE job_id = :job AND start = :start
            """,
            {
                "id": str(uuid4()),
                "job": job_id,
                "start": self._start,
                "line": line_of_run,
                "level": level,
                "message": message,
                "now": now,
            },
        )

    def list(self, job_id: str, after_line: int) -> list[LogLine]:
        """Return the readable lines whose number is above `after_line`."""
        last_start = self._start - 1 if self._hide_this_start else self._start
        rows = self._db.all(
            "SELECT id, job_id, line_number, line_of_run, level, message, at FROM log_lines "
            "WHERE job_id = ? AND line_number > ? AND start <= ? ORDER BY line_number, sequence",
            [job_id, after_line, last_start],
        )
        return [LogLine(**row) for row in rows]


def _last_start(database: Database) -> int:
    row = database.one("SELECT max(number) AS number FROM starts")
    return row["number"] if row else 0
