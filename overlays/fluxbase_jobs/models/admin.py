"""What admins receive, and what they hand to a sync. Fields that pass through unchanged come from the generated models."""

# Worker's property hides the text field that it decodes, and lists that may be null on the wire are lists here, on purpose.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

import attrs
from attrs import define, frozen
from fluxbase_jobs_client import models as wire
from fluxbase_jobs_client.models import DayCount, FunctionCount, StatusCount, SyncSummary

from .decoding import decoded, fill_empty, json_value, struct_of
from .wire_value import WireValue

if TYPE_CHECKING:  # type checkers read the generated models, at run time the bases are msgspec structs with the same fields
    from fluxbase_jobs_client.models import JobFunction as _FunctionFields
    from fluxbase_jobs_client.models import JobStats as _StatsFields
    from fluxbase_jobs_client.models import Worker as _WorkerFields
else:
    _FunctionFields = struct_of(wire.JobFunction)
    _StatsFields = struct_of(wire.JobStats)
    _WorkerFields = struct_of(wire.Worker)

__all__ = [
    "DayCount",
    "FunctionCount",
    "JobFunction",
    "JobStats",
    "StatusCount",
    "SyncDetails",
    "SyncError",
    "SyncFunction",
    "SyncOrder",
    "SyncResult",
    "SyncSummary",
    "Worker",
]


class JobStats(WireValue, _StatsFields):
    """Numbers of jobs. `avg_duration_seconds` is 0 where no job has run."""

    PRINTED: ClassVar = tuple(field.name for field in attrs.fields(wire.JobStats))
    COLUMNS: ClassVar = tuple(name for name in PRINTED if not name.startswith("jobs_by_"))

    if TYPE_CHECKING:  # a field of the base, narrowed for type checkers
        jobs_by_status: list[StatusCount]
        """One for each status that occurs."""
        jobs_by_day: list[DayCount]
        """The last seven days."""
        jobs_by_function: list[FunctionCount]
        """The ten functions with most jobs."""

    def __post_init__(self) -> None:
        fill_empty(self, "jobs_by_status", "jobs_by_day", "jobs_by_function")


class Worker(WireValue, _WorkerFields):
    """One worker of a server, which has several. Equal by value and hashable by id."""

    TEXTS: ClassVar = ("metadata",)
    PRINTED: ClassVar = ("id", "name", "status")

    def __hash__(self) -> int:
        return hash(self.id)

    @cached_property
    def metadata(self) -> Any:
        """What the worker reports about itself, like its process id. The server sends JSON text, which `metadata_text` keeps."""
        return json_value(self.metadata_text)

    @property
    def metadata_text(self) -> str | None:
        """The JSON text as the server sent it."""
        return cast("str | None", decoded(_WorkerFields, self, "metadata"))


class JobFunction(WireValue, _FunctionFields):
    """A function that jobs run. `code` and `original_code` are None in lists. Equal by value and hashable by id."""

    PRINTED: ClassVar = ("namespace", "name", "version", "enabled")

    if TYPE_CHECKING:  # a field of the base, narrowed for type checkers
        require_roles: list[str]
        """Roles of which a submitter needs one; empty for none."""

    def __post_init__(self) -> None:
        fill_empty(self, "require_roles")

    def __hash__(self) -> int:
        return hash(self.id)


@define(frozen=True, kw_only=True, slots=False)
class SyncFunction(wire.SyncFunction):
    """A function to create or update, for `admin.jobs.sync`.

    What is None is not sent. An existing function then keeps what it has, but on the March 2026 server the two timeouts and the memory
    go back to what the code's own `@fluxbase:` marks say, or to the default (measured). A new one gets the default of the March 2026 server: enabled,
    300 seconds, 256 MB, no retries, network and environment but no files; April's stores 0 for each number. An empty `require_roles` is
    like None: it takes no role away from an existing function.
    """


@frozen(kw_only=True)
class SyncOrder:
    """The arguments of `admin.jobs.sync`, not checked yet."""

    functions: object
    namespace: str
    delete_missing: bool
    dry_run: bool
    verify: bool
    from_server_folder: bool


@frozen(kw_only=True)
class SyncDetails:
    """The names of the functions that a sync was about."""

    created: list[str]
    updated: list[str]
    deleted: list[str]
    unchanged: list[str]


@frozen(kw_only=True)
class SyncError:
    """A function that failed to sync.

    Attributes:
        name: the function's name.
        error: the server's message.
        action: what was attempted, e.g. "create"; None where the server does not send it.
    """

    name: str | None
    error: str
    action: str | None = None


@frozen(kw_only=True)
class SyncResult:
    """What a sync did, or would do in a dry run. The answers of all servers take this one form.

    Attributes:
        namespace: the namespace.
        dry_run: whether nothing was changed.
        message: the server's message for people.
        summary: how many functions were created, updated, deleted, left unchanged, or failed.
        details: their names.
        errors: the functions that failed; the others were synced all the same.
    """

    namespace: str
    dry_run: bool
    message: str | None
    summary: SyncSummary
    details: SyncDetails
    errors: list[SyncError]


def sync_result(synced: wire.SyncResult) -> SyncResult:
    """The one form: March calls a failed function's name `job`, April leaves out what is empty (recorded, admin)."""
    names = synced.details
    return SyncResult(
        namespace=synced.namespace,
        dry_run=synced.dry_run,
        message=synced.message,
        summary=synced.summary,
        details=SyncDetails(
            created=names.created or [], updated=names.updated or [], deleted=names.deleted or [], unchanged=names.unchanged or []
        ),
        errors=[SyncError(name=failed.name or failed.job, error=failed.error, action=failed.action) for failed in synced.errors or []],
    )
