"""The sync of a namespace: functions are created, updated and, if so wanted, deleted until it is as the request says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import define, evolve, field, frozen

from ..formats.code_annotations import NOTHING, read_annotations
from ..store import StoredFunction
from .storage_errors import DUPLICATE, UNKNOWN_USER, unstorable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..profiles import Profile
    from ..store import Functions
    from .sync_request import FunctionSpec, SyncRequest

FROM_API = "api"
"""The `source` of functions that came by sync, by the real server's word."""


@frozen
class Fault:
    """Why one function is not as wanted."""

    name: str
    error: str
    action: str


@define
class Report:
    """What a sync did, or in a dry run would do: names in the order done."""

    created: list[str] = field(factory=list[str])
    updated: list[str] = field(factory=list[str])
    deleted: list[str] = field(factory=list[str])
    faults: list[Fault] = field(factory=list[Fault])


@frozen
class Author:
    """Who syncs; `is_known` is False for a user that the server does not have."""

    user_id: str | None
    is_known: bool


class Sync:
    """One sync of one namespace.

    Args:
        functions: what there is; the caller sees to it that nobody else changes it meanwhile.
        profile: what the era makes of code and of what is not sent.
        author: who wants it.
        now: microseconds since 1970.

    """

    def __init__(self, functions: Functions, profile: Profile, author: Author, now: int) -> None:
        self._functions = functions
        self._profile = profile
        self._author = author
        self._now = now
        self._report = Report()

    def run(self, request: SyncRequest) -> Report:
        """Do what the request wants; what cannot be stored is reported, and the rest is done all the same."""
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

    def _plan(self, request: SyncRequest, known: Mapping[str, StoredFunction], missing: list[str]) -> Report:
        created = [spec.name for spec in request.functions if spec.name not in known]
        updated = [spec.name for spec in request.functions if spec.name in known]
        return Report(created, updated, missing)

    def _in_order(self, specs: tuple[FunctionSpec, ...], known: Mapping[str, StoredFunction]) -> list[FunctionSpec]:
        """April creates before it updates, which shows in the order of the faults."""
        return sorted(specs, key=lambda spec: spec.name in known) if self._profile.loses_synced_code else list(specs)

    def _create(self, spec: FunctionSpec, namespace: str) -> None:
        fresh = StoredFunction(
            id=str(uuid4()),
            namespace=namespace,
            name=spec.name,
            source=FROM_API,
            created_by=self._author.user_id,
            created_at=self._now,
            updated_at=self._now,
        )
        wanted = evolve(fresh, **{**self._annotated(spec), **spec.settings, **self._code(spec)})
        fault = unstorable(wanted, "create") or self._conflict(wanted)
        if fault:
            self._report.faults.append(Fault(spec.name, fault, "create"))
        else:
            self._functions.put(wanted)
            self._report.created.append(spec.name)

    def _conflict(self, wanted: StoredFunction) -> str | None:
        if self._functions.get(wanted.namespace, wanted.name):
            return DUPLICATE  # named twice in one request: only the first is created
        return None if self._author.is_known else UNKNOWN_USER

    def _update(self, spec: FunctionSpec, known: StoredFunction) -> None:
        """Change what was sent and keep the rest; of two with one name each is changed from what was there at first."""
        annotated = {name: number for name, number in self._annotated(spec).items() if number}
        version = (self._functions.get(known.namespace, known.name) or known).version + 1
        changes: dict[str, Any] = {**annotated, **spec.settings, **self._code(spec)}
        wanted = evolve(known, **changes, disable_execution_logs=False, version=version, updated_at=self._now)
        fault = unstorable(wanted, "update")
        if fault:
            self._report.faults.append(Fault(spec.name, fault, "update"))
        else:
            self._functions.put(wanted)
            self._report.updated.append(spec.name)

    def _annotated(self, spec: FunctionSpec) -> dict[str, int]:
        found = NOTHING if self._profile.loses_synced_code else read_annotations(spec.original_code)
        return found.as_settings()

    def _code(self, spec: FunctionSpec) -> dict[str, Any]:
        if self._profile.loses_synced_code:
            return {"code": "", "original_code": "", "is_bundled": False}
        return {"code": spec.code, "original_code": spec.original_code, "is_bundled": True}
