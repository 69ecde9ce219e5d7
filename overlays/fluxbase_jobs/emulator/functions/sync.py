"""The sync of a namespace: creates, updates and optionally deletes functions until the namespace is as requested.

What cannot be stored is reported with the error messages of PostgreSQL and of the server's database driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from attrs import define, evolve, field, frozen

from ..formats.postgres import NUL_ERROR, int4_error
from ..profiles import Profile
from ..store import Functions, StoredFunction
from .sync_request import NO_ANNOTATIONS, FunctionSpec, SyncRequest, read_annotations

SOURCE_SYNC: Final = "api"
"""The `source` of functions that came from a sync."""

_NUMBERS: Final = ("timeout_seconds", "memory_limit_mb", "max_retries", "progress_timeout_seconds")
"""A function's numbers, in the order of the arguments of the server's SQL statements."""
_FIRST_NUMBER: Final = {"create": 10, "update": 7}
"""The position of the first number among the arguments of each statement; it is part of the error message."""
_DUPLICATE: Final = 'ERROR: duplicate key value violates unique constraint "functions_name_namespace_key" (SQLSTATE 23505)'
_UNKNOWN_USER: Final = (
    'ERROR: insert or update on table "functions" violates foreign key constraint "functions_created_by_fkey" (SQLSTATE 23503)'
)


@frozen
class SyncFailure:
    """A function that could not be created or updated."""

    name: str
    error: str
    action: str


@define
class SyncReport:
    """What a sync did, or would do if it were not a dry run. Names are in the order of the changes."""

    created: list[str] = field(factory=list[str])
    updated: list[str] = field(factory=list[str])
    deleted: list[str] = field(factory=list[str])
    failures: list[SyncFailure] = field(factory=list[SyncFailure])


@frozen
class Author:
    """The user who syncs. `is_known` is False if the server has no such user."""

    user_id: str | None
    is_known: bool


class Sync:
    """One sync of one namespace.

    Args:
        functions: the stored functions; nobody else may change them during the sync.
        profile: how this server version treats code and settings that are not sent.
        author: the user who syncs.
        now: microseconds since 1970.
    """

    def __init__(self, functions: Functions, profile: Profile, author: Author, now: int) -> None:
        self._functions = functions
        self._profile = profile
        self._author = author
        self._now = now
        self._report = SyncReport()

    def run(self, request: SyncRequest) -> SyncReport:
        """Carry out a request. A function that cannot be stored is reported, and the sync goes on with the next one."""
        known = {found.name: found for found in self._functions.list(request.namespace)}
        missing = sorted(set(known) - {spec.name for spec in request.functions}) if request.delete_missing else []
        if request.dry_run:
            return self._plan(request, known, missing)
        for spec in self._in_order(request.functions, known):
            if spec.name in known:
                self._update(spec, known[spec.name])
            else:
                self._create(spec, request.namespace)
        for name in missing:
            self._functions.delete(request.namespace, name)
            self._report.deleted.append(name)
        return self._report

    def _plan(self, request: SyncRequest, known: Mapping[str, StoredFunction], missing: list[str]) -> SyncReport:
        created = [spec.name for spec in request.functions if spec.name not in known]
        updated = [spec.name for spec in request.functions if spec.name in known]
        return SyncReport(created, updated, missing)

    def _in_order(self, specs: tuple[FunctionSpec, ...], known: Mapping[str, StoredFunction]) -> list[FunctionSpec]:
        """April servers create before they update, which is visible in the order of the failures."""
        return sorted(specs, key=lambda spec: spec.name in known) if self._profile.loses_synced_code else list(specs)

    def _create(self, spec: FunctionSpec, namespace: str) -> None:
        new = StoredFunction(
            id=str(uuid4()),
            namespace=namespace,
            name=spec.name,
            source=SOURCE_SYNC,
            created_by=self._author.user_id,
            created_at=self._now,
            updated_at=self._now,
        )
        function = evolve(new, **{**self._annotated(spec), **spec.settings, **self._code(spec)})
        error = _storage_error(function, "create") or self._conflict(function)
        if error:
            self._report.failures.append(SyncFailure(spec.name, error, "create"))
        else:
            self._functions.put(function)
            self._report.created.append(spec.name)

    def _conflict(self, function: StoredFunction) -> str | None:
        if self._functions.get(function.namespace, function.name):
            return _DUPLICATE  # the request has two functions of this name; only the first is created
        return None if self._author.is_known else _UNKNOWN_USER

    def _update(self, spec: FunctionSpec, known: StoredFunction) -> None:
        """Change what was sent, keep the rest. Of two functions with one name, each starts from what was stored before the sync."""
        annotated = {name: number for name, number in self._annotated(spec).items() if number}
        version = (self._functions.get(known.namespace, known.name) or known).version + 1
        changes: dict[str, Any] = {**annotated, **spec.settings, **self._code(spec)}
        function = evolve(known, **changes, disable_execution_logs=False, version=version, updated_at=self._now)
        error = _storage_error(function, "update")
        if error:
            self._report.failures.append(SyncFailure(spec.name, error, "update"))
        else:
            self._functions.put(function)
            self._report.updated.append(spec.name)

    def _annotated(self, spec: FunctionSpec) -> dict[str, int]:
        annotations = NO_ANNOTATIONS if self._profile.loses_synced_code else read_annotations(spec.original_code)
        return annotations.as_settings()

    def _code(self, spec: FunctionSpec) -> dict[str, Any]:
        if self._profile.loses_synced_code:
            return {"code": "", "original_code": "", "is_bundled": False}
        return {"code": spec.code, "original_code": spec.original_code, "is_bundled": True}


def _storage_error(function: StoredFunction, action: str) -> str | None:
    """The database error for a function that cannot be stored, or None."""
    return _number_error(function, _FIRST_NUMBER[action]) or (NUL_ERROR if _has_nul(function) else None)


def _number_error(function: StoredFunction, position: int) -> str | None:
    for number, name in enumerate(_NUMBERS, position):
        value: int = getattr(function, name)
        error = int4_error(value)
        if error:
            return f"failed to encode args[{number}]: unable to encode {value} into binary format for int4 (OID 23): {error}"
    return None


def _has_nul(function: StoredFunction) -> bool:
    texts = (
        function.namespace,
        function.name,
        function.description,
        function.code,
        function.original_code,
        function.schedule,
        *function.require_roles,
    )
    return any("\0" in text for text in texts if text)
