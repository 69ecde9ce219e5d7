"""Job functions as the server keeps them: what a client may know of each, without what runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .database import Database

NUMBERS = ("timeout_seconds", "memory_limit_mb", "max_retries", "progress_timeout_seconds")
"""A function's numbers, in the order in which the server stores them."""


@frozen(kw_only=True)
class StoredFunction:
    """One job function as stored. Times are microseconds since 1970, durations seconds, sizes megabytes."""

    id: str
    namespace: str
    name: str
    description: str | None = None
    code: str | None = None
    original_code: str | None = None
    is_bundled: bool = True
    enabled: bool = True
    schedule: str | None = field(default=None, repr=False)
    timeout_seconds: int = 300
    memory_limit_mb: int = 256
    max_retries: int = 0
    progress_timeout_seconds: int = 300
    allow_net: bool = True
    allow_env: bool = True
    allow_read: bool = False
    allow_write: bool = False
    require_roles: tuple[str, ...] = ()
    disable_execution_logs: bool = False
    version: int = 1
    source: str
    created_by: str | None = None
    created_at: int
    updated_at: int


class Functions:
    """The job functions of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._on_change: Callable[[], None] | None = None

    def on_change(self, call: Callable[[], None] | None) -> None:
        """Have this called after each change, in the thread that made it; None ends that."""
        self._on_change = call

    def put(self, definition: StoredFunction) -> None:
        """Store a function under its id, in the place of the one that has it."""
        values = {**asdict(definition), "require_roles": json.dumps(definition.require_roles)}
        places = ", ".join(f":{column}" for column in values)
        self._db.change(f"INSERT OR REPLACE INTO functions ({', '.join(values)}) VALUES ({places})", values)  # noqa: S608 - our own names
        self._changed()

    def get(self, namespace: str, name: str) -> StoredFunction | None:
        """Return the function, if there is one."""
        return _function(self._db.one("SELECT * FROM functions WHERE namespace = ? AND name = ?", [namespace, name]))

    def first_named(self, name: str) -> StoredFunction | None:
        """Return the function of this name whose namespace comes first in the alphabet."""
        return _function(self._db.one("SELECT * FROM functions WHERE name = ? ORDER BY namespace LIMIT 1", [name]))

    def list(self, namespace: str | None = None) -> list[StoredFunction]:
        """Return all functions, or those of a namespace, by namespace and name."""
        where = "true" if namespace is None else "namespace = :namespace"
        rows = self._db.all(f"SELECT * FROM functions WHERE {where} ORDER BY namespace, name", {"namespace": namespace})  # noqa: S608 - our own words
        return [found for row in rows if (found := _function(row))]

    def schedules(self) -> dict[tuple[str, str], str]:
        """Return the schedules of the functions that are enabled and have one, by namespace and name."""
        rows = self._db.all("SELECT namespace, name, schedule FROM functions WHERE enabled AND schedule <> ''")
        return {(row["namespace"], row["name"]): row["schedule"] for row in rows}

    def namespaces(self) -> Sequence[str]:
        """Return the namespaces that have functions, by alphabet."""
        return [row["namespace"] for row in self._db.all("SELECT DISTINCT namespace FROM functions ORDER BY namespace")]

    def delete(self, namespace: str, name: str) -> bool:
        """Delete a function, which its jobs then do not name any more; False if there is none."""
        with self._db.transaction():
            row = self._db.one("DELETE FROM functions WHERE namespace = ? AND name = ? RETURNING id", [namespace, name])
            if row:
                self._db.change("UPDATE jobs SET job_function_id = NULL WHERE job_function_id = ?", [row["id"]])
        self._changed()
        return row is not None

    def _changed(self) -> None:
        if self._on_change:
            self._on_change()


def _function(row: dict[str, Any] | None) -> StoredFunction | None:
    if row is None:
        return None
    values: dict[str, Any] = {**row, **{name: bool(row[name]) for name in _FLAGS}}
    values["require_roles"] = tuple(json.loads(row["require_roles"]))
    return StoredFunction(**values)


_FLAGS = ("is_bundled", "enabled", "allow_net", "allow_env", "allow_read", "allow_write", "disable_execution_logs")
