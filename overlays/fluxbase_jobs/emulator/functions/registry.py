"""The job functions that can be submitted, and the Python handlers that run them.

As on the real server, the database says which functions can be submitted. They come from the handlers file or from a sync, and a
delete removes them. A handler of the same name runs their jobs; a synced function may have none, because the emulator stores the
code of a sync but never runs it.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from threading import RLock
from typing import Any, Final
from uuid import uuid4

from attrs import evolve

from ..clock import Clock, micros
from ..handlers.decorator import FunctionSet, JobFunction
from ..store import Functions, StoredFunction

SOURCE_FILES: Final = "filesystem"
"""The `source` of functions with a handler. The real server uses it for functions from its own folder."""


class FunctionRegistry:
    """The functions of one emulator, and their handlers.

    Args:
        stored: the functions in the database.
        clock: dates changes.
    """

    def __init__(self, stored: Functions, clock: Clock) -> None:
        self._stored = stored
        self._clock = clock
        self._handlers = FunctionSet()
        self._lock = RLock()

    def replace(self, functions: FunctionSet) -> None:
        """Replace all handlers. Functions without a handler are deleted, unless they came from a sync."""
        with self._lock:
            self._handlers = functions
            declared = {(definition.namespace, definition.name) for definition in functions}
            for known in self._stored.list():
                if known.source == SOURCE_FILES and (known.namespace, known.name) not in declared:
                    self._stored.delete(known.namespace, known.name)
            for definition in functions:
                self._store(definition, definition.namespace)

    def add(self, functions: Iterable[JobFunction]) -> None:
        """Add handlers. Each replaces the handler with the same namespace and name."""
        with self._lock:
            added = list(functions)
            self._handlers = self._handlers.merged_with(added)
            for definition in added:
                self._store(definition, definition.namespace)

    def load_into(self, namespace: str) -> None:
        """Store all functions that have a handler in a namespace, as a sync without functions does on the real server."""
        with self._lock:
            for definition in self._handlers:
                self._store(definition, namespace)

    @contextmanager
    def changing(self) -> Generator[Functions]:
        """Give access to the stored functions, and keep other threads from changing them."""
        with self._lock:
            yield self._stored

    def find(self, name: str, namespace: str = "") -> StoredFunction | None:
        """The function of this name, or None. Without a namespace: the one in the alphabetically first namespace."""
        return self._stored.get(namespace, name) if namespace else self._stored.first_named(name)

    def handler_of(self, name: str, namespace: str) -> JobFunction | None:
        """The handler of this name, in the function's namespace or else in any other, or None."""
        return self._handlers.find(name, namespace) or self._handlers.find(name)

    def source_of(self, definition: StoredFunction) -> str | None:
        """The Python source of a function's handler, or None. It is read at each call."""
        handler = self.handler_of(definition.name, definition.namespace)
        try:
            return inspect.getsource(inspect.unwrap(handler.handler)) if handler else None
        except (OSError, TypeError):
            return None  # defined at a prompt, or not a plain function

    def _store(self, definition: JobFunction, namespace: str) -> None:
        """Store a function with its handler's settings. This reverts what a sync changed, and raises the version."""
        now = micros(self._clock)
        new = StoredFunction(
            id=str(uuid4()), namespace=namespace, name=definition.name, source=SOURCE_FILES, created_at=now, updated_at=now
        )
        stored = evolve(new, **_settings(definition))
        known = self._stored.get(namespace, definition.name)
        self._stored.put(_successor(known, stored) if known else stored)


def _successor(known: StoredFunction, stored: StoredFunction) -> StoredFunction:
    return evolve(
        stored, id=known.id, source=known.source, version=known.version + 1, created_by=known.created_by, created_at=known.created_at
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
