# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.session import Session
from ...models.sign_in_request import SignInRequest
from ...types import UNSET, Response, Unset, encode, httpx, read

ANSWERS: Final[Mapping[int, Any]] = {
    200: Session,
    400: Error,
    401: Error,
    403: Error,
    413: Error,
    429: Error,
}
"""The described statuses and the type that each one's body has; None: no body."""


def build_request(
    *,
    body: SignInRequest,
    x_request_id: str | Unset = UNSET,
) -> dict[str, Any]:
    """The keyword arguments of `httpx.Client.request` for this operation; pure."""
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    request: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/auth/signin",
    }
    request["content"] = encode(body)
    headers["Content-Type"] = "application/json"
    request["headers"] = headers
    return request


def read_response(response: httpx.Response, *, raise_on_unexpected_status: bool = False) -> Response[Error | Session]:
    """What the server answered; pure.

    Raises:
        errors.UnexpectedStatus: if asked for, on a status that is not described.
        msgspec.DecodeError: if asked for, on a body that can't be read; else such an answer has `parsed=None`.
    """
    return read(ANSWERS, response, raise_on_unexpected_status)


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: SignInRequest,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | Session]:
    """Exchange an address and a password for tokens.

    401: wrong address or password. 403: account locked (after five wrong passwords), address not confirmed,
    or passwords switched off. 200 without tokens: a second factor is due, which this document does not
    cover.

    Args:
        client: where to send the request.
        body: what to send.
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
        body=body,
        x_request_id=x_request_id,
    )
    response = client.get_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: SignInRequest,
    x_request_id: str | Unset = UNSET,
) -> Error | Session | None:
    """Exchange an address and a password for tokens.

    401: wrong address or password. 403: account locked (after five wrong passwords), address not confirmed,
    or passwords switched off. 200 without tokens: a second factor is due, which this document does not
    cover.

    Args:
        client: where to send the request.
        body: what to send.
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
            body=body,
            x_request_id=x_request_id,
        )
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: SignInRequest,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | Session]:
    """Exchange an address and a password for tokens.

    401: wrong address or password. 403: account locked (after five wrong passwords), address not confirmed,
    or passwords switched off. 200 without tokens: a second factor is due, which this document does not
    cover.

    Args:
        client: where to send the request.
        body: what to send.
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
        body=body,
        x_request_id=x_request_id,
    )
    response = await client.get_async_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: SignInRequest,
    x_request_id: str | Unset = UNSET,
) -> Error | Session | None:
    """Exchange an address and a password for tokens.

    401: wrong address or password. 403: account locked (after five wrong passwords), address not confirmed,
    or passwords switched off. 200 without tokens: a second factor is due, which this document does not
    cover.

    Args:
        client: where to send the request.
        body: what to send.
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
            body=body,
            x_request_id=x_request_id,
        )
    ).parsed
