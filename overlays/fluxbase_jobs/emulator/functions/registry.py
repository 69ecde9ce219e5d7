"""The job functions that can be submitted, and the Python handlers that run them.

What can be submitted is in the database, as on the real server: it comes from the handlers file or by sync, and goes by
delete. What runs it is a handler with its name; a function that came by sync may have none. Code that came over the wire
is kept and never run.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import evolve

from ..clock import Clock, micros
from ..handlers.decorator import FunctionSet
from ..store import Functions, StoredFunction

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from ..handlers.decorator import JobFunction

FROM_FILES = "filesystem"
"""The `source` of functions that have a handler, by the real server's word for its own folder."""


class FunctionRegistry:
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
            self._handlers = self._handlers.merged_with(added)
            for definition in added:
                self._store(definition, definition.namespace)

    def load_into(self, namespace: str) -> None:
        """Give a namespace all functions that have a handler, as a sync that names none does on the real server."""
        with self._lock:
            for definition in self._handlers:
                self._store(definition, namespace)

    @contextmanager
    def changing(self) -> Generator[Functions]:
        """Let nobody else change the functions while the block does."""
        with self._lock:
            yield self._stored

    def find(self, name: str, namespace: str = "") -> StoredFunction | None:
        """Return the function; without a namespace the first one of that name, by alphabet of namespaces."""
        return self._stored.get(namespace, name) if namespace else self._stored.first_named(name)

    def handler_of(self, name: str, namespace: str) -> JobFunction | None:
        """Return what runs a function: the handler of its name, in its namespace or else in another."""
        return self._handlers.find(name, namespace) or self._handlers.find(name)

    def source_of(self, definition: StoredFunction) -> str | None:
        """Return the handler's Python source for a function that has no code of its own, looked up when asked for."""
        handler = self.handler_of(definition.name, definition.namespace)
        try:
            return inspect.getsource(inspect.unwrap(handler.handler)) if handler else None
        except (OSError, TypeError):
            return None  # typed in at a prompt, or no plain function

    def _store(self, definition: JobFunction, namespace: str) -> None:
        """Make the function as its handler says; what a sync changed is undone, and the version counts each time."""
        now = micros(self._clock)
        fresh = StoredFunction(
            id=str(uuid4()), namespace=namespace, name=definition.name, source=FROM_FILES, created_at=now, updated_at=now
        )
        wanted = evolve(fresh, **_settings(definition))
        known = self._stored.get(namespace, definition.name)
        self._stored.put(_in_place_of(known, wanted) if known else wanted)


def _in_place_of(known: StoredFunction, wanted: StoredFunction) -> StoredFunction:
    return evolve(
        wanted, id=known.id, source=known.source, version=known.version + 1, created_by=known.created_by, created_at=known.created_at
    )


def _settings(definition: JobFunction) -> dict[str, Any]:
    return {
        "description": definition.description,
        "enabled": definition.enabled,
        "schedule": definition.schedule,
        "timeout_seconds": definition.timeout,
        "max_retries": definition.max_retries,
        "require_roles": definition.require_roles,
        "disable_execution_logs": not definition.execution_logs,
    }
