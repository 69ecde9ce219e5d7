"""Counts over all jobs, or over those of a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from .database import Database

_DAYS = 7
_FUNCTIONS = 10
_DAY_MICROS = 24 * 3600 * 1_000_000


@frozen
class Statistics:
    """What is counted. The average is seconds, of the jobs that began and ended."""

    average_seconds: float
    by_status: dict[str, int]
    by_day: dict[str, int]
    by_function: dict[str, int]

    @property
    def total(self) -> int:
        """All jobs."""
        return sum(self.by_status.values())


class JobStatistics:
    """Counts the jobs of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def count(self, namespace: str | None, now: int) -> Statistics:
        """Count the jobs: by status, by day (UTC) of the last seven, by function for the ten that have most; most or newest first."""
        where = "true" if namespace is None else "namespace = :namespace"
        values: dict[str, object] = {"namespace": namespace, "since": now - _DAYS * _DAY_MICROS}
        day = "date(created_at / 1000000, 'unixepoch')"
        times = self._db.all(f"SELECT avg(completed_at - started_at) / 1e6 AS seconds FROM jobs WHERE {where}", values)  # noqa: S608 - our own words
        return Statistics(
            average_seconds=times[0]["seconds"] or 0.0,
            by_status=self._groups("status", where, "number DESC, name", values),
            by_day=self._groups(day, f"{where} AND created_at >= :since", "name DESC", values),
            by_function=self._groups("job_name", where, f"number DESC, name LIMIT {_FUNCTIONS}", values),
        )

    def _groups(self, key: str, where: str, order: str, values: dict[str, object]) -> dict[str, int]:
        rows = self._db.all(f"SELECT {key} AS name, count(*) AS number FROM jobs WHERE {where} GROUP BY 1 ORDER BY {order}", values)  # noqa: S608 - our own words
        return {row["name"]: row["number"] for row in rows}
