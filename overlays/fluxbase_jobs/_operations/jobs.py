"""The endpoints that every caller may use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from attrs import evolve, fields, frozen
from fluxbase_jobs_client import models as wire
from fluxbase_jobs_client.api.jobs import cancel_job, get_job, get_job_logs, list_jobs, retry_job, submit_job
from fluxbase_jobs_client.types import UNSET

from .._validation import arguments
from .._validation import payload as _payload
from ..errors import InvalidInput
from ..models.inputs import OnBehalfOf, Submission
from ..models.jobs import Job, JobStatus, LogLine
from . import readers
from .answers import Asked
from .operation import KEY_HEADER, Operation, idempotency_key, keyed
from .trace_context import with_trace

PAST: Final = "scheduled lies in the past: the job runs as soon as a worker takes it"


def submit(job: Submission, now: datetime) -> Operation[Job]:
    """Queue a job. `now` is what a timedelta in `scheduled` counts from."""
    job = with_trace(job)
    payload = _payload.encoded(job.payload)
    body = wire.SubmitJobRequest(
        job_name=arguments.text("job_name", job.job_name),
        payload=None if payload is None else cast("Any", msgspec.Raw(payload)),  # as the generated body has it, and encoded once
        namespace=arguments.optional_text("namespace", job.namespace),
        priority=None if job.priority is None else arguments.integer("priority", job.priority, -arguments.INT32 - 1),
        scheduled_at=_scheduled_at(job, now),
        on_behalf_of=None if job.on_behalf_of is None else _on_behalf_of("on_behalf_of", job.on_behalf_of),
    )
    request = submit_job.build_request(body=body, idempotency_key=idempotency_key(job.idempotency_key))
    size = len(request["content"])
    if size > _payload.MAX_BODY_BYTES:
        raise InvalidInput(f"payload makes a request of {size:,} bytes; the server takes {_payload.MAX_BODY_BYTES:,}")
    notes = () if body.scheduled_at is None or body.scheduled_at >= now else (PAST,)
    asked = Asked(job_name=body.job_name, namespace=body.namespace)
    return Operation(request=request, read=readers.job, asked=asked, notes=notes)


def _scheduled_at(job: Submission, now: datetime) -> datetime | None:
    if job.scheduled is None:
        return None
    if job.idempotency_key is not None and arguments.is_a(job.scheduled, timedelta):
        raise InvalidInput(
            "scheduled must be a datetime beside an idempotency_key: a timedelta counts from now, so that each call would be another request"
        )
    return arguments.moment("scheduled", job.scheduled, now)


def submit_again(job: Job, key: object) -> Operation[Job]:
    """Queue a new job like this one, its payload as the very text that the server stored: no number changes on the way."""
    payload: Any = _stored_payload(job)
    body = wire.SubmitJobRequest(job_name=job.job_name, payload=payload, namespace=job.namespace, priority=job.priority)
    request = submit_job.build_request(body=body, idempotency_key=idempotency_key(key))
    if len(request["content"]) > _payload.MAX_BODY_BYTES and payload is not None:
        # PostgreSQL stores JSON with blanks: a payload of almost the maximum no longer fits with them.
        payload = msgspec.Raw(msgspec.json.format(bytes(payload), indent=-1))
        request = submit_job.build_request(body=evolve(body, payload=payload), idempotency_key=request["headers"][KEY_HEADER])
    asked = Asked(copied_id=job.id, job_name=job.job_name, namespace=job.namespace)
    return Operation(request=request, read=readers.job, asked=asked)


def _stored_payload(job: Job) -> msgspec.Raw | None:
    """The text of a job's payload, fit to be sent. Raises InvalidInput where it is no JSON object."""
    text = job.payload_text
    if text is None:
        return None
    try:
        content = text.encode()
        if isinstance(msgspec.json.decode(content), dict):
            return msgspec.Raw(content)
    except (ValueError, RecursionError):
        pass
    raise InvalidInput(f"job {job.id} cannot be submitted again: its stored payload is no JSON object")


def get(job_id: object, name: str = "job_id") -> Operation[Job]:
    """Read a job. `name` is that of the argument."""
    job = arguments.job_id(job_id, name)
    return Operation(request=get_job.build_request(job), read=readers.job, asked=Asked(job_id=job))


@frozen(kw_only=True)
class Filters:
    """Which jobs to list, as the caller gave it; None: any."""

    status: JobStatus | None = None
    namespace: str | None = None
    job_name: str | None = None
    include_result: bool = False
    worker_id: str | UUID | None = None
    """For admins only: users' lists know no such filter."""
    created_by: str | UUID | None = None
    """A user's id, or "me"; never sent, as the server knows no such filter."""


@frozen(kw_only=True)
class Page:
    """The checked parameters of one page of jobs."""

    status: str | None
    namespace: str | None
    job_name: str | None
    include_result: bool
    worker_id: str | None
    limit: int
    offset: int


def page(filters: Filters, limit: object, offset: object) -> Page:
    """The parameters of a page, checked. The server would pass over a worker id that is none, and list all jobs."""
    return Page(
        status=arguments.job_status("status", filters.status),
        namespace=arguments.optional_text("namespace", filters.namespace),
        job_name=arguments.optional_text("job_name", filters.job_name),
        include_result=arguments.flag("include_result", filters.include_result),
        worker_id=None if filters.worker_id is None else arguments.uuid("worker_id", filters.worker_id),
        limit=arguments.integer("limit", limit, 1),
        offset=arguments.integer("offset", offset, 0),
    )


def list_(page: Page) -> Operation[list[Job]]:
    """Read a page of jobs, newest first."""
    return Operation(request=list_jobs.build_request(**query(page, "worker_id")), read=readers.jobs)


def query(page: Page, *left_out: str) -> dict[str, Any]:
    """The parameters of a page as the generated request builders take them: nothing for None and False."""
    return {field.name: _sent(getattr(page, field.name)) for field in fields(Page) if field.name not in left_out}


def _sent(value: Any) -> Any:
    return UNSET if value is None or value is False else value


def cancel(job_id: object) -> Operation[None]:
    """Cancel a pending or running job."""
    return keyed(cancel_job.build_request, job_id, readers.confirmation)


def retry(job_id: object) -> Operation[None]:
    """Put a failed job back into the queue; the answer does not say more than that."""
    return keyed(retry_job.build_request, job_id, readers.confirmation)


def logs(job_id: object, after_line: object) -> Operation[list[LogLine]]:
    """Read the lines of a job's log that come after a line number."""
    job = arguments.job_id(job_id)
    request = get_job_logs.build_request(job, after_line=arguments.integer("after_line", after_line, 0))
    return Operation(request=request, read=readers.lines, asked=Asked(job_id=job))


@arguments.only_invalid_input
def _on_behalf_of(name: str, user: object) -> wire.OnBehalfOf:
    if arguments.is_a(user, Mapping):
        raise InvalidInput(
            f"{name} must be a user's id or an OnBehalfOf", hint="pass OnBehalfOf(user_id=..., user_email=..., user_role=...)"
        )
    given = cast("OnBehalfOf", user) if arguments.is_a(user, OnBehalfOf) else OnBehalfOf(user_id=user)  # type: ignore[arg-type]  # checked in the next lines
    return wire.OnBehalfOf(
        user_id=arguments.uuid(name if given is not user else f"{name}.user_id", given.user_id),
        user_email=arguments.optional_text(f"{name}.user_email", given.user_email),
        user_role=arguments.optional_text(f"{name}.user_role", given.user_role),
    )
