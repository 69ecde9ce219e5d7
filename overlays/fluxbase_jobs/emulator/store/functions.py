"""Job functions as the server stores them: without the handlers that run them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, get_type_hints

from attrs import asdict

from .database import Database
from .listeners import Listeners
from .records import StoredFunction

_BOOLEANS: Final = [name for name, kind in get_type_hints(StoredFunction).items() if kind is bool]


class Functions:
    """Reads and writes the job functions of a database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.listeners = Listeners[Callable[[], None]]()

    def put(self, definition: StoredFunction) -> None:
        """Store a function; it replaces the one with the same id."""
        values = {**asdict(definition), "require_roles": json.dumps(definition.require_roles)}
        places = ", ".join(f":{column}" for column in values)
        self._db.change(f"INSERT OR REPLACE INTO functions ({', '.join(values)}) VALUES ({places})", values)  # noqa: S608  # the names of our own columns
        self._changed()

    def get(self, namespace: str, name: str) -> StoredFunction | None:
        """The function, or None."""
        return _function(self._db.one("SELECT * FROM functions WHERE namespace = ? AND name = ?", [namespace, name]))

    def first_named(self, name: str) -> StoredFunction | None:
        """The function of this name in the alphabetically first namespace, or None."""
        return _function(self._db.one("SELECT * FROM functions WHERE name = ? ORDER BY namespace LIMIT 1", [name]))

    def list(self, namespace: str | None = None) -> list[StoredFunction]:
        """All functions, or those of a namespace, sorted by namespace and name."""
        where = "true" if namespace is None else "namespace = :namespace"
        rows = self._db.all(f"SELECT * FROM functions WHERE {where} ORDER BY namespace, name", {"namespace": namespace})  # noqa: S608  # a constant condition
        return [found for row in rows if (found := _function(row))]

    def schedules(self) -> dict[tuple[str, str], str]:
        """The schedules of enabled functions, by namespace and name."""
        rows = self._db.all("SELECT namespace, name, schedule FROM functions WHERE enabled AND schedule <> ''")
        return {(row["namespace"], row["name"]): row["schedule"] for row in rows}

    def namespaces(self) -> Sequence[str]:
        """The namespaces that have functions, sorted."""
        return [row["namespace"] for row in self._db.all("SELECT DISTINCT namespace FROM functions ORDER BY namespace")]

    def delete(self, namespace: str, name: str) -> bool:
        """Delete a function, and clear `job_function_id` of its jobs. False if there is no such function."""
        with self._db.transaction():
            row = self._db.one("DELETE FROM functions WHERE namespace = ? AND name = ? RETURNING id", [namespace, name])
            if row:
                self._db.change("UPDATE jobs SET job_function_id = NULL WHERE job_function_id = ?", [row["id"]])
        self._changed()
        return row is not None

    def _changed(self) -> None:
        for call in self.listeners.calls:
            call()


def _function(row: dict[str, Any] | None) -> StoredFunction | None:
    if row is None:
        return None
    values: dict[str, Any] = {**row, **{name: bool(row[name]) for name in _BOOLEANS}}
    values["require_roles"] = tuple(json.loads(row["require_roles"]))
    return StoredFunction(**values)
