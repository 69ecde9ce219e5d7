"""The job functions that can be submitted, and the Python handlers that run them.

What can be submitted is in the database, as on the real server: it comes from the handlers file or by sync, and goes by
delete. What runs it is a handler with its name; a function that came by sync may have none. Code that came over the wire
is kept and never run.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import evolve

from .clock import Clock, micros
from .functions import FunctionSet
from .store import Functions, StoredFunction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .functions import JobFunction

FROM_FILES = "filesystem"
"""The `source` of functions that have a handler, by the real server's word for its own folder."""


class Catalogue:
    """The functions of one emulator.

    Args:
        stored: what the database knows.
        clock: dates changes.

    """

    def __init__(self, stored: Functions, clock: Clock) -> None:
        self._stored = stored
        self._clock = clock
        self._handlers = FunctionSet()
        self._lock = RLock()

    def replace(self, functions: FunctionSet) -> None:
        """Take these handlers; functions whose handler is gone go too, unless they came by sync."""
        with self._lock:
            self._handlers = functions
            wanted = {(definition.namespace, definition.name) for definition in functions}
            for known in self._stored.list():
                if known.source == FROM_FILES and (known.namespace, known.name) not in wanted:
                    self._stored.delete(known.namespace, known.name)
            for definition in functions:
                self._store(definition, definition.namespace)

    def add(self, functions: Iterable[JobFunction]) -> None:
        """Take these handlers too; each replaces the one that has its namespace and name."""
        with self._lock:
            added = list(functions)
            self._handlers = self._handlers.with_these(added)
            for definition in added:
                self._store(definition, definition.namespace)

    def load_into(self, namespace: str) -> None:
        """Give a namespace all functions that have a handler, as a sync that names none does on the real server."""
        with self._lock:
            for definition in self._handlers:
                self._store(definition, namespace)

    def find(self, name: str, namespace: str = "") -> StoredFunction | None:
        """Return the function; without a namespace the first one of that name, by alphabet of namespaces."""
        return self._stored.get(namespace, name) if namespace else self._stored.first_named(name)

    def handler_of(self, name: str, namespace: str) -> JobFunction | None:
        """Return what runs a function: the handler of its name, in its namespace or else in another."""
        return self._handlers.find(name, namespace) or self._handlers.find(name)

    def _store(self, definition: JobFunction, namespace: str) -> None:
        now = micros(self._clock)
        known = self._stored.get(namespace, definition.name)
        if known is None:
            fresh = StoredFunction(
                id=str(uuid4()), namespace=namespace, name=definition.name, source=FROM_FILES, created_at=now, updated_at=now
            )
            self._stored.put(evolve(fresh, **_settings(definition)))
            return
        changed = evolve(known, **_settings(definition))
        if changed != known:
            self._stored.put(evolve(changed, version=known.version + 1, updated_at=now))


def _settings(definition: JobFunction) -> dict[str, Any]:
    return {
        "description": definition.description,
        "enabled": definition.enabled,
        "schedule": definition.schedule,
        "timeout_seconds": definition.timeout,
        "max_retries": definition.max_retries,
        "require_roles": definition.require_roles,
        "disable_execution_logs": not definition.execution_logs,
        "source": FROM_FILES,
    }
