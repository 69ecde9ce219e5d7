"""Read a submit request, and turn it into a job or a refusal; the checks are in the real server's order."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from attrs import evolve, field, frozen

from ..auth.authenticator import Caller
from ..clock import micros
from ..formats.body_fields import body_fields, fields_of, integer, object_, string, timestamp
from ..formats.json_text import JSONValue, NulInTextError, jsonb_text
from ..formats.postgres import int4_error, read_uuid
from ..formats.timestamps import Timestamp
from ..services import Services
from ..store import Job, StoredFunction

_RANK: Final = {"anon": 0, "authenticated": 1, "admin": 2}
_IMPERSONATING_ROLES: Final = {"service_role", "tenant_service"}
_NAMED_FUNCTIONS: Final = 10
_RUN_FIELDS: Final = ("result", "progress", "error_message", "worker_id", "user_name")
_TIME_FIELDS: Final = ("scheduled_at", "started_at", "last_progress_at", "completed_at")


@frozen
class OnBehalfOf:
    """The user for whom a service role submits a job."""

    user_id: str
    user_email: str | None
    user_role: str | None


@frozen
class Submission:
    """A client's request to run a job."""

    job_name: str
    namespace: str
    payload: dict[str, JSONValue] | None = field(repr=False)
    priority: int
    scheduled_at: Timestamp | None
    on_behalf_of: OnBehalfOf | None


def read_submission(content_type: str, body: bytes) -> Submission:
    """Parse the body of a submit request.

    Raises:
        InvalidBodyError: the body is not declared as JSON, is not a JSON object, or a field has the wrong type.
    """
    fields = body_fields(content_type, body)
    return Submission(
        job_name=string(fields, "job_name") or "",
        namespace=string(fields, "namespace") or "",
        payload=object_(fields, "payload"),
        priority=integer(fields, "priority") or 0,
        scheduled_at=timestamp(fields, "scheduled_at"),
        on_behalf_of=_on_behalf_of(object_(fields, "on_behalf_of")),
    )


def _on_behalf_of(value: dict[str, JSONValue] | None) -> OnBehalfOf | None:
    if value is None:
        return None
    fields = fields_of(value, "on_behalf_of")
    return OnBehalfOf(string(fields, "user_id") or "", string(fields, "user_email"), string(fields, "user_role"))


@frozen
class Refusal:
    """The error response to a submission that is not queued."""

    status: int
    message: str
    extras: dict[str, JSONValue] = field(factory=dict[str, JSONValue])


@frozen
class NewJob:
    """A job to store; `is_storable` is False if PostgreSQL would reject it (submit_validation: NUL, priority)."""

    row: Job
    is_storable: bool


@frozen
class _Owner:
    user_id: str | None
    role: str | None
    email: str | None


def job_of(definition: StoredFunction, payload: str | None, created_at: int) -> Job:
    """Create a job of a function, without an owner. The payload is jsonb text, the time microseconds since 1970."""
    return Job(
        id=str(uuid4()),
        namespace=definition.namespace,
        job_function_id=definition.id,
        job_name=definition.name,
        payload=payload,
        max_duration_seconds=definition.timeout_seconds,
        progress_timeout_seconds=definition.progress_timeout_seconds,
        max_retries=definition.max_retries,
        created_at=created_at,
    )


def new_job(services: Services, submission: Submission, caller: Caller) -> NewJob | Refusal:
    """Create the job that a caller submits, or the refusal."""
    if not submission.job_name:
        return Refusal(400, "job_name is required")
    owner = _owner(services, submission.on_behalf_of, caller)
    if isinstance(owner, Refusal):
        return owner
    definition = services.registry.find(submission.job_name, submission.namespace)
    if definition is None:
        hint: dict[str, JSONValue] = {"hint": _known_functions(services)} if services.has_hints else {}
        return Refusal(404, "Job function not found", {"job": submission.job_name, **hint})
    if not definition.enabled:
        return Refusal(403, "Job function is disabled")
    return _role_refusal(services, definition, caller) or _job(services, submission, definition, owner)


def resubmission(original: Job, now: int) -> Job:
    """Copy a job for the same owner as a new one that is due at once."""
    cleared: dict[str, Any] = dict.fromkeys((*_RUN_FIELDS, *_TIME_FIELDS))
    return evolve(original, id=str(uuid4()), status="pending", retry_count=0, created_at=now, **cleared)


def _known_functions(services: Services) -> str:
    names = [f"{known.namespace}/{known.name}" for known in services.functions.list()]
    more = f" and {len(names) - _NAMED_FUNCTIONS} more" if len(names) > _NAMED_FUNCTIONS else ""
    return f"this server's functions are {', '.join(names[:_NAMED_FUNCTIONS])}{more}" if names else "this server has no functions"


def _owner(services: Services, on_behalf_of: OnBehalfOf | None, caller: Caller) -> _Owner | Refusal:
    if on_behalf_of is None:
        known = caller.user_id and services.users.by_id(caller.user_id)
        return _Owner(caller.user_id if known else None, caller.role, caller.email)
    if caller.role not in _IMPERSONATING_ROLES:
        return Refusal(403, "on_behalf_of requires service_role")
    user_id = read_uuid(on_behalf_of.user_id)
    if user_id is None:
        return Refusal(400, "Invalid user_id in on_behalf_of")
    if services.users.by_id(user_id) is None:
        return Refusal(400, "User not found in on_behalf_of.user_id")
    return _Owner(user_id, on_behalf_of.user_role or "authenticated", on_behalf_of.user_email)


def _role_refusal(services: Services, definition: StoredFunction, caller: Caller) -> Refusal | None:
    required: list[JSONValue] = list(definition.require_roles)
    if not required:
        return None
    if not caller.role:
        return Refusal(403, "Authentication required", {"required_roles": required})
    if caller.role in services.settings.profile.super_roles or _is_enough(caller.role, definition.require_roles):
        return None
    return Refusal(403, "Insufficient permissions", {"required_roles": required, "user_role": caller.role})


def _is_enough(role: str, required: tuple[str, ...]) -> bool:
    # An unknown role counts as authenticated; an unknown required role must be matched exactly.
    rank = _RANK.get(role, _RANK["authenticated"])
    return any(rank >= _RANK[needed] if needed in _RANK else role == needed for needed in required)


def _job(services: Services, submission: Submission, definition: StoredFunction, owner: _Owner) -> NewJob:
    payload, is_text = _payload_text(submission.payload)
    row = evolve(
        job_of(definition, payload, micros(services.clock)),
        priority=submission.priority,
        created_by=owner.user_id,
        user_role=owner.role,
        user_email=owner.email,
        scheduled_at=submission.scheduled_at.micros if submission.scheduled_at else None,
    )
    is_time = submission.scheduled_at is None or submission.scheduled_at.is_storable
    return NewJob(row, is_storable=is_text and is_time and int4_error(submission.priority) is None)


def _payload_text(payload: dict[str, JSONValue] | None) -> tuple[str | None, bool]:
    try:
        return (None if payload is None else jsonb_text(payload)), True
    except NulInTextError:
        return None, False
