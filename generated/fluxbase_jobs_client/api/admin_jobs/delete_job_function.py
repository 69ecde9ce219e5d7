# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient
from ...models.error import Error
from ...types import UNSET, Response, Unset, read

ANSWERS: Final[Mapping[int, Any]] = {
    204: None,
    400: Error,
    401: Error,
    403: Error,
    404: Error,
    409: Error,
    413: Error,
    422: Error,
    429: Error,
    500: Error,
    503: Error,
}
"""The described statuses and the type that each one's body has; None: no body."""


def build_request(
    namespace: str,
    name: str,
    *,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> dict[str, Any]:
    """The keyword arguments of `httpx.Client.request` for this operation; pure."""
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    request: dict[str, Any] = {
        "method": "delete",
        "url": f"/api/v1/admin/jobs/functions/{quote(str(namespace), safe='')}/{quote(str(name), safe='')}",
    }
    request["headers"] = headers
    return request


def read_response(response: httpx.Response, *, raise_on_unexpected_status: bool = False) -> Response[Any | Error]:
    """What the server answered; pure.

    Raises:
        errors.UnexpectedStatus: if asked for, on a status that is not described.
        msgspec.DecodeError: if asked for, on a body that can't be read; else such an answer has `parsed=None`.
    """
    return read(ANSWERS, response, raise_on_unexpected_status)


def sync_detailed(
    namespace: str,
    name: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Any | Error]:
    """Delete a job function

     Its jobs stay, and lose their `job_function_id`. A function that does not exist is answered with
    500, not with
    404.

    Args:
        namespace (str):
        name (str):
        idempotency_key (str | Unset):
        x_request_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error]
    """

    request = build_request(
        namespace=namespace,
        name=name,
        idempotency_key=idempotency_key,
        x_request_id=x_request_id,
    )
    response = client.get_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


def sync(
    namespace: str,
    name: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Any | Error | None:
    """Delete a job function

     Its jobs stay, and lose their `job_function_id`. A function that does not exist is answered with
    500, not with
    404.

    Args:
        namespace (str):
        name (str):
        idempotency_key (str | Unset):
        x_request_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error
    """

    return (
        sync_detailed(
            namespace=namespace,
            name=name,
            client=client,
            idempotency_key=idempotency_key,
            x_request_id=x_request_id,
        )
    ).parsed


async def asyncio_detailed(
    namespace: str,
    name: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Any | Error]:
    """Delete a job function

     Its jobs stay, and lose their `job_function_id`. A function that does not exist is answered with
    500, not with
    404.

    Args:
        namespace (str):
        name (str):
        idempotency_key (str | Unset):
        x_request_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error]
    """

    request = build_request(
        namespace=namespace,
        name=name,
        idempotency_key=idempotency_key,
        x_request_id=x_request_id,
    )
    response = await client.get_async_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


async def asyncio(
    namespace: str,
    name: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Any | Error | None:
    """Delete a job function

     Its jobs stay, and lose their `job_function_id`. A function that does not exist is answered with
    500, not with
    404.

    Args:
        namespace (str):
        name (str):
        idempotency_key (str | Unset):
        x_request_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error
    """

    return (
        await asyncio_detailed(
            namespace=namespace,
            name=name,
            client=client,
            idempotency_key=idempotency_key,
            x_request_id=x_request_id,
        )
    ).parsed
