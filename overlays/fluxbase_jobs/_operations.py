"""One pure function per endpoint: arguments to an Operation. The only module that knows the generated endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, Generic, TypeVar

import msgspec
from attrs import frozen
from fluxbase_jobs_client import models as wire
from fluxbase_jobs_client.api.auth import sign_in as sign_in_endpoint
from fluxbase_jobs_client.api.jobs import cancel_job, get_job, get_job_logs, list_jobs, retry_job, submit_job
from fluxbase_jobs_client.types import UNSET

from . import _arguments as arguments
from . import _payload
from .errors import InvalidInput
from .models import Filters, Job, LogLine, OnBehalfOf, Submission

T = TypeVar("T")


@frozen(kw_only=True)
class Operation(Generic[T]):
    """One request and how to read its answer."""

    request: Mapping[str, Any]
    """Method, path, query, headers and body, as a generated `build_request` gives them."""
    read: Callable[[bytes], T]
    """The body of a 2xx answer as what users receive; raises msgspec.DecodeError."""
    job_id: str | None = None


class _Jobs(msgspec.Struct):
    jobs: list[Job] | None


class _Lines(msgspec.Struct):
    logs: list[LogLine] | None


# Loose on purpose: an empty list is null on the wire (recorded), and an envelope may one day be the bare list.
_read_job = msgspec.json.Decoder(Job).decode
_read_jobs = msgspec.json.Decoder(_Jobs | list[Job] | None).decode
_read_lines = msgspec.json.Decoder(_Lines | list[LogLine] | None).decode
_read_message = msgspec.json.Decoder(wire.Message).decode
_read_session = msgspec.json.Decoder(wire.Session).decode


def submit(job: Submission, now: datetime) -> Operation[Job]:
    """Queue a job. `now` is what a timedelta in `scheduled` counts from."""
    body = wire.SubmitJobRequest(
        job_name=arguments.text("job_name", job.job_name),
        payload=_payload.json_object(job.payload),
        namespace=arguments.optional_text("namespace", job.namespace),
        priority=None if job.priority is None else arguments.integer("priority", job.priority, -arguments.INT32 - 1),
        scheduled_at=None if job.scheduled is None else arguments.moment("scheduled", job.scheduled, now),
        on_behalf_of=None if job.on_behalf_of is None else _on_behalf_of(job.on_behalf_of),
    )
    request = submit_job.build_request(body=body, idempotency_key=_key(job.idempotency_key))
    size = len(request["content"])
    if size > _payload.MAX_BODY_BYTES:
        raise InvalidInput(f"payload makes a request of {size:,} bytes; the server takes {_payload.MAX_BODY_BYTES:,}")
    return Operation(request=request, read=_read_job)


def get(job_id: object) -> Operation[Job]:
    """Read a job."""
    job = arguments.uuid("job_id", job_id)
    return Operation(request=get_job.build_request(job), read=_read_job, job_id=job)


def list_(filters: Filters, limit: object, offset: object) -> Operation[list[Job]]:
    """Read a page of jobs, newest first."""
    request = list_jobs.build_request(
        status=arguments.optional_text("status", filters.status) or UNSET,
        namespace=arguments.optional_text("namespace", filters.namespace) or UNSET,
        job_name=arguments.optional_text("job_name", filters.job_name) or UNSET,
        include_result=arguments.flag("include_result", filters.include_result) or UNSET,
        limit=arguments.integer("limit", limit, 1),
        offset=arguments.integer("offset", offset, 0),
    )
    return Operation(request=request, read=_jobs)


def cancel(job_id: object) -> Operation[None]:
    """Cancel a pending or running job."""
    job = arguments.uuid("job_id", job_id)
    return Operation(request=cancel_job.build_request(job, idempotency_key=_key(None)), read=_confirmation, job_id=job)


def retry(job_id: object) -> Operation[None]:
    """Put a failed job back into the queue; the answer does not say more than that."""
    job = arguments.uuid("job_id", job_id)
    return Operation(request=retry_job.build_request(job, idempotency_key=_key(None)), read=_confirmation, job_id=job)


def logs(job_id: object, after_line: object) -> Operation[list[LogLine]]:
    """Read the lines of a job's log that come after a line number."""
    job = arguments.uuid("job_id", job_id)
    request = get_job_logs.build_request(job, after_line=arguments.integer("after_line", after_line, 0))
    return Operation(request=request, read=_lines, job_id=job)


def sign_in(email: object, password: object) -> Operation[wire.Session]:
    """Exchange an email and a password for tokens."""
    if not isinstance(password, str) or not password:
        raise InvalidInput("password must be text and not empty")
    body = wire.SignInRequest(email=arguments.text("email", email), password=password)
    return Operation(request=sign_in_endpoint.build_request(body=body), read=_read_session)


def _jobs(content: bytes) -> list[Job]:
    page = _read_jobs(content)
    return (page.jobs if isinstance(page, _Jobs) else page) or []


def _lines(content: bytes) -> list[LogLine]:
    page = _read_lines(content)
    return (page.logs if isinstance(page, _Lines) else page) or []


def _confirmation(content: bytes) -> None:
    _read_message(content)


def _key(given: object) -> str:
    """The caller's idempotency key, or a new one that nobody can guess: the server would hand the stored answer to anyone who sends it."""
    return token_urlsafe(24) if given is None else arguments.idempotency_key(given)


def _on_behalf_of(user: object) -> wire.OnBehalfOf:
    given = user if isinstance(user, OnBehalfOf) else OnBehalfOf(user_id=user)  # type: ignore[arg-type]  # checked in the next lines
    return wire.OnBehalfOf(
        user_id=arguments.uuid("on_behalf_of", given.user_id),
        user_email=arguments.optional_text("on_behalf_of.user_email", given.user_email),
        user_role=arguments.optional_text("on_behalf_of.user_role", given.user_role),
    )
