# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...client import AuthenticatedClient
from ...models.error import Error
from ...models.message import Message
from ...types import UNSET, Response, Unset, httpx, read, segment

ANSWERS: Final[Mapping[int, Any]] = {
    200: Message,
    400: Error,
    401: Error,
    403: Error,
    404: Error,
    409: Error,
    413: Error,
    422: Error,
    429: Error,
}
"""The described statuses and the type that each one's body has; None: no body."""


def build_request(
    job_id: str,
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
        "method": "post",
        "url": f"/api/v1/admin/jobs/{segment(job_id)}/terminate",
    }
    request["headers"] = headers
    return request


def read_response(response: httpx.Response, *, raise_on_unexpected_status: bool = False) -> Response[Error | Message]:
    """What the server answered; pure.

    Raises:
        errors.UnexpectedStatus: if asked for, on a status that is not described.
        msgspec.DecodeError: if asked for, on a body that can't be read; else such an answer has `parsed=None`.
    """
    return read(ANSWERS, response, raise_on_unexpected_status)


def sync_detailed(
    job_id: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | Message]:
    """Stop a running job.

    Short form of `admin_terminate_job`. April only.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        idempotency_key: 1 to 256 bytes; an empty one counts as none. Makes a repeated request safe for 24 hours: the same
            key with the same method, path and body bytes gets the first answer again, marked `Idempotency-
            Replayed`, without being carried out. Another path or body under the key is 422, and 409 as long as
            the first request is under way.

            Answers of 4xx are kept and replayed too, a 401 even to a caller who has a good token by now: take a
            new key after a token refresh. 5xx, 413 and 429 are not kept. Keys are the server's, not the
            caller's: whoever sends a key gets its answer, so it must be hard to guess. A key makes a repetition
            safe, not a race: March made two jobs of eight requests sent at once.
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
        job_id=job_id,
        idempotency_key=idempotency_key,
        x_request_id=x_request_id,
    )
    response = client.get_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


def sync(
    job_id: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Error | Message | None:
    """Stop a running job.

    Short form of `admin_terminate_job`. April only.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        idempotency_key: 1 to 256 bytes; an empty one counts as none. Makes a repeated request safe for 24 hours: the same
            key with the same method, path and body bytes gets the first answer again, marked `Idempotency-
            Replayed`, without being carried out. Another path or body under the key is 422, and 409 as long as
            the first request is under way.

            Answers of 4xx are kept and replayed too, a 401 even to a caller who has a good token by now: take a
            new key after a token refresh. 5xx, 413 and 429 are not kept. Keys are the server's, not the
            caller's: whoever sends a key gets its answer, so it must be hard to guess. A key makes a repetition
            safe, not a race: March made two jobs of eight requests sent at once.
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
            job_id=job_id,
            client=client,
            idempotency_key=idempotency_key,
            x_request_id=x_request_id,
        )
    ).parsed


async def asyncio_detailed(
    job_id: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | Message]:
    """Stop a running job.

    Short form of `admin_terminate_job`. April only.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        idempotency_key: 1 to 256 bytes; an empty one counts as none. Makes a repeated request safe for 24 hours: the same
            key with the same method, path and body bytes gets the first answer again, marked `Idempotency-
            Replayed`, without being carried out. Another path or body under the key is 422, and 409 as long as
            the first request is under way.

            Answers of 4xx are kept and replayed too, a 401 even to a caller who has a good token by now: take a
            new key after a token refresh. 5xx, 413 and 429 are not kept. Keys are the server's, not the
            caller's: whoever sends a key gets its answer, so it must be hard to guess. A key makes a repetition
            safe, not a race: March made two jobs of eight requests sent at once.
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
        job_id=job_id,
        idempotency_key=idempotency_key,
        x_request_id=x_request_id,
    )
    response = await client.get_async_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


async def asyncio(
    job_id: str,
    *,
    client: AuthenticatedClient,
    idempotency_key: str | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Error | Message | None:
    """Stop a running job.

    Short form of `admin_terminate_job`. April only.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        idempotency_key: 1 to 256 bytes; an empty one counts as none. Makes a repeated request safe for 24 hours: the same
            key with the same method, path and body bytes gets the first answer again, marked `Idempotency-
            Replayed`, without being carried out. Another path or body under the key is 422, and 409 as long as
            the first request is under way.

            Answers of 4xx are kept and replayed too, a 401 even to a caller who has a good token by now: take a
            new key after a token refresh. 5xx, 413 and 429 are not kept. Keys are the server's, not the
            caller's: whoever sends a key gets its answer, so it must be hard to guess. A key makes a repetition
            safe, not a race: March made two jobs of eight requests sent at once.
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
            job_id=job_id,
            client=client,
            idempotency_key=idempotency_key,
            x_request_id=x_request_id,
        )
    ).parsed
