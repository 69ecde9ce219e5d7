"""The generated client as its users know it from openapi-python-client. Type checkers must accept it; it is never run (see check_typing.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, assert_type

import httpx
from fluxbase_jobs_client import AuthenticatedClient, Client
from fluxbase_jobs_client.api.admin_jobs import delete_job_function, list_job_functions
from fluxbase_jobs_client.api.auth import sign_in
from fluxbase_jobs_client.api.jobs import cancel_job, get_job, get_job_logs, list_jobs, submit_job
from fluxbase_jobs_client.errors import UnexpectedStatus
from fluxbase_jobs_client.models import (
    Error,
    Job,
    JobFunction,
    JobPage,
    LogEntry,
    LogPage,
    Message,
    OnBehalfOf,
    Session,
    SignInRequest,
    SubmitJobRequest,
)
from fluxbase_jobs_client.types import UNSET, Response, Unset

ID = "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"


def constructs() -> tuple[Client, AuthenticatedClient]:
    """Clients with all their settings."""
    client = Client(
        base_url="https://example.com",
        headers={"x-a": "1"},
        cookies={"c": "2"},
        timeout=httpx.Timeout(5),
        verify_ssl=False,
        follow_redirects=True,
        raise_on_unexpected_status=True,
        httpx_args={"trust_env": False},
    )
    signed_in = AuthenticatedClient("https://example.com", "sk_1", prefix="", auth_header_name="X-Service-Key")
    return client.with_headers({"x-b": "3"}), signed_in.with_timeout(httpx.Timeout(6)).set_httpx_client(httpx.Client())


def signs_in(client: Client) -> AuthenticatedClient:
    """The plain client is for signing in."""
    session = sign_in.sync(client=client, body=SignInRequest(email="ada@example.com", password="correct horse"))
    assert_type(session, Error | Session | None)
    if not isinstance(session, Session) or session.access_token is None:
        raise TypeError(session)
    return AuthenticatedClient(base_url="https://example.com", token=session.access_token)


def submits(client: AuthenticatedClient) -> Job | None:
    """A body is a model; what is optional is left out or UNSET."""
    user = OnBehalfOf(user_id=ID)
    body = SubmitJobRequest(job_name="resize", payload={"id": 7}, priority=5, scheduled_at=datetime.now(UTC), on_behalf_of=user)
    answered = submit_job.sync_detailed(client=client, body=body, idempotency_key="order-7", x_request_id=UNSET)
    assert_type(answered, Response[Error | Job])
    if answered.status_code != HTTPStatus.CREATED or not isinstance(answered.parsed, Job):
        print(answered.headers["retry-after"], answered.content.decode())
        return None
    assert_type(answered.parsed.payload, str | None)
    assert_type(answered.parsed.created_at, datetime)
    return answered.parsed


def reads(client: AuthenticatedClient, limit: int | Unset = UNSET) -> list[LogEntry]:
    """Lists in envelopes, which may be null, and bare ones."""
    page = list_jobs.sync(client=client, status="failed", include_result=True, limit=limit)
    assert_type(page, Error | JobPage | None)
    if isinstance(page, JobPage):
        assert_type(page.jobs, list[Job] | None)
    assert_type(list_job_functions.sync(client=client, namespace="media"), list[JobFunction] | Error | None)
    assert_type(delete_job_function.sync("media", "resize", client=client), Any | Error | None)
    match get_job_logs.sync(ID, client=client, after_line=3):
        case LogPage(logs=list(lines)):
            return lines
        case Error(error=message, retry_after=seconds):
            assert_type(message, str)
            assert_type(seconds, int | None)
        case _:
            pass
    return []


def raises(client: AuthenticatedClient) -> int:
    """Undescribed statuses, where a client is set to raise them."""
    with client:
        try:
            get_job.sync(ID, client=client)
        except UnexpectedStatus as unexpected:
            assert_type(unexpected.content, bytes)
            return unexpected.status_code
    return 0


def brings_its_own_transport() -> Response[Error | Message]:
    """The pure halves around any transport."""
    request = cancel_job.build_request(ID, idempotency_key="order-7")
    assert_type(request, dict[str, Any])
    return cancel_job.read_response(httpx.request(**request), raise_on_unexpected_status=True)


async def awaits(client: AuthenticatedClient) -> str | None:
    """The async forms of the same endpoints."""
    async with client:
        assert_type(await get_job.asyncio_detailed(ID, client=client), Response[Error | Job])
        job = await get_job.asyncio(ID, client=client)
        assert_type(job, Error | Job | None)
        return job.status if isinstance(job, Job) else None
