# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...client import AuthenticatedClient
from ...models.error import Error
from ...models.job_page import JobPage
from ...types import UNSET, Response, Unset, httpx, read

ANSWERS: Final[Mapping[int, Any]] = {
    200: JobPage,
    401: Error,
    403: Error,
    404: Error,
    429: Error,
}
"""The described statuses and the type that each one's body has; None: no body."""


def build_request(
    *,
    status: str | Unset = UNSET,
    job_name: str | Unset = UNSET,
    namespace: str | Unset = UNSET,
    worker_id: str | Unset = UNSET,
    include_result: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    offset: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> dict[str, Any]:
    """The keyword arguments of `httpx.Client.request` for this operation; pure."""
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    params: dict[str, Any] = {}

    params["status"] = status

    params["job_name"] = job_name

    params["namespace"] = namespace

    params["worker_id"] = worker_id

    params["include_result"] = include_result

    params["limit"] = limit

    params["offset"] = offset

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    request: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/admin/jobs/queue",
        "params": params,
    }
    request["headers"] = headers
    return request


def read_response(response: httpx.Response, *, raise_on_unexpected_status: bool = False) -> Response[Error | JobPage]:
    """What the server answered; pure.

    Raises:
        errors.UnexpectedStatus: if asked for, on a status that is not described.
        msgspec.DecodeError: if asked for, on a body that can't be read; else such an answer has `parsed=None`.
    """
    return read(ANSWERS, response, raise_on_unexpected_status)


def sync_detailed(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    job_name: str | Unset = UNSET,
    namespace: str | Unset = UNSET,
    worker_id: str | Unset = UNSET,
    include_result: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    offset: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | JobPage]:
    """List jobs (admin).

    As `list_jobs`, and by worker.

    Args:
        client: where to send the request.
        status: Only jobs in exactly this status. An unknown one matches nothing; an empty one counts as none.
        job_name: Only jobs of exactly this name.
        namespace: Only jobs of this namespace. Do not send `default`: on April it matches nothing, although that is
            where most jobs are. March takes it at its word.
        worker_id: Only jobs that this worker took, by its UUID. What is no UUID counts as absent.
        include_result: Whether items carry `result`. Only the literal `true` counts; `True` and `1` do not.
        limit: At most so many jobs; 50 without it. 0 or less means **no limit at all**, and `offset` is ignored
            then. There is no upper bound. What is no integer counts as absent.
        offset: So many jobs are skipped; 0 without it, and for less than 0.
        x_request_id: An id of the caller's, in visible ASCII, which then stands in the answer and in the server's log.
            Else the server makes one.

    Returns:
        The answer: status, headers, content, and `parsed`, which is None where the body is not a described one.

    Raises:
        errors.UnexpectedStatus: if the client was told to raise, on a status that is not described.
        msgspec.DecodeError: if the client was told to raise, on a body that can't be read.
        httpx.HTTPError: if no answer came, or not within the client's timeout.
    """

    request = build_request(
        status=status,
        job_name=job_name,
        namespace=namespace,
        worker_id=worker_id,
        include_result=include_result,
        limit=limit,
        offset=offset,
        x_request_id=x_request_id,
    )
    response = client.get_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


def sync(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    job_name: str | Unset = UNSET,
    namespace: str | Unset = UNSET,
    worker_id: str | Unset = UNSET,
    include_result: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    offset: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Error | JobPage | None:
    """List jobs (admin).

    As `list_jobs`, and by worker.

    Args:
        client: where to send the request.
        status: Only jobs in exactly this status. An unknown one matches nothing; an empty one counts as none.
        job_name: Only jobs of exactly this name.
        namespace: Only jobs of this namespace. Do not send `default`: on April it matches nothing, although that is
            where most jobs are. March takes it at its word.
        worker_id: Only jobs that this worker took, by its UUID. What is no UUID counts as absent.
        include_result: Whether items carry `result`. Only the literal `true` counts; `True` and `1` do not.
        limit: At most so many jobs; 50 without it. 0 or less means **no limit at all**, and `offset` is ignored
            then. There is no upper bound. What is no integer counts as absent.
        offset: So many jobs are skipped; 0 without it, and for less than 0.
        x_request_id: An id of the caller's, in visible ASCII, which then stands in the answer and in the server's log.
            Else the server makes one.

    Returns:
        What the body says, an error included; None where it is not a described one.

    Raises:
        errors.UnexpectedStatus: if the client was told to raise, on a status that is not described.
        msgspec.DecodeError: if the client was told to raise, on a body that can't be read.
        httpx.HTTPError: if no answer came, or not within the client's timeout.
    """

    return (
        sync_detailed(
            client=client,
            status=status,
            job_name=job_name,
            namespace=namespace,
            worker_id=worker_id,
            include_result=include_result,
            limit=limit,
            offset=offset,
            x_request_id=x_request_id,
        )
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    job_name: str | Unset = UNSET,
    namespace: str | Unset = UNSET,
    worker_id: str | Unset = UNSET,
    include_result: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    offset: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | JobPage]:
    """List jobs (admin).

    As `list_jobs`, and by worker.

    Args:
        client: where to send the request.
        status: Only jobs in exactly this status. An unknown one matches nothing; an empty one counts as none.
        job_name: Only jobs of exactly this name.
        namespace: Only jobs of this namespace. Do not send `default`: on April it matches nothing, although that is
            where most jobs are. March takes it at its word.
        worker_id: Only jobs that this worker took, by its UUID. What is no UUID counts as absent.
        include_result: Whether items carry `result`. Only the literal `true` counts; `True` and `1` do not.
        limit: At most so many jobs; 50 without it. 0 or less means **no limit at all**, and `offset` is ignored
            then. There is no upper bound. What is no integer counts as absent.
        offset: So many jobs are skipped; 0 without it, and for less than 0.
        x_request_id: An id of the caller's, in visible ASCII, which then stands in the answer and in the server's log.
            Else the server makes one.

    Returns:
        The answer: status, headers, content, and `parsed`, which is None where the body is not a described one.

    Raises:
        errors.UnexpectedStatus: if the client was told to raise, on a status that is not described.
        msgspec.DecodeError: if the client was told to raise, on a body that can't be read.
        httpx.HTTPError: if no answer came, or not within the client's timeout.
    """

    request = build_request(
        status=status,
        job_name=job_name,
        namespace=namespace,
        worker_id=worker_id,
        include_result=include_result,
        limit=limit,
        offset=offset,
        x_request_id=x_request_id,
    )
    response = await client.get_async_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


async def asyncio(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    job_name: str | Unset = UNSET,
    namespace: str | Unset = UNSET,
    worker_id: str | Unset = UNSET,
    include_result: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    offset: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Error | JobPage | None:
    """List jobs (admin).

    As `list_jobs`, and by worker.

    Args:
        client: where to send the request.
        status: Only jobs in exactly this status. An unknown one matches nothing; an empty one counts as none.
        job_name: Only jobs of exactly this name.
        namespace: Only jobs of this namespace. Do not send `default`: on April it matches nothing, although that is
            where most jobs are. March takes it at its word.
        worker_id: Only jobs that this worker took, by its UUID. What is no UUID counts as absent.
        include_result: Whether items carry `result`. Only the literal `true` counts; `True` and `1` do not.
        limit: At most so many jobs; 50 without it. 0 or less means **no limit at all**, and `offset` is ignored
            then. There is no upper bound. What is no integer counts as absent.
        offset: So many jobs are skipped; 0 without it, and for less than 0.
        x_request_id: An id of the caller's, in visible ASCII, which then stands in the answer and in the server's log.
            Else the server makes one.

    Returns:
        What the body says, an error included; None where it is not a described one.

    Raises:
        errors.UnexpectedStatus: if the client was told to raise, on a status that is not described.
        msgspec.DecodeError: if the client was told to raise, on a body that can't be read.
        httpx.HTTPError: if no answer came, or not within the client's timeout.
    """

    return (
        await asyncio_detailed(
            client=client,
            status=status,
            job_name=job_name,
            namespace=namespace,
            worker_id=worker_id,
            include_result=include_result,
            limit=limit,
            offset=offset,
            x_request_id=x_request_id,
        )
    ).parsed
