# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...client import AuthenticatedClient
from ...models.error import Error
from ...models.log_page import LogPage
from ...types import UNSET, Response, Unset, httpx, read, segment

ANSWERS: Final[Mapping[int, Any]] = {
    200: LogPage,
    400: Error,
    401: Error,
    403: Error,
    404: Error,
    429: Error,
    500: Error,
    503: Error,
}
"""The described statuses and the type that each one's body has; None: no body."""


def build_request(
    job_id: str,
    *,
    after_line: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> dict[str, Any]:
    """The keyword arguments of `httpx.Client.request` for this operation; pure."""
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    params: dict[str, Any] = {}

    params["after_line"] = after_line

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    request: dict[str, Any] = {
        "method": "get",
        "url": f"/api/v1/jobs/{segment(job_id)}/logs",
        "params": params,
    }
    request["headers"] = headers
    return request


def read_response(response: httpx.Response, *, raise_on_unexpected_status: bool = False) -> Response[Error | LogPage]:
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
    after_line: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | LogPage]:
    """Read a job's log lines.

    All lines after `after_line`, ordered by `line_number`. Lines arrive about a second late, also after the
    job's end. The text of a thrown error is here, after `Job execution error: `, and nowhere else.

    500 `Failed to get job`: there is no such job. 404: the job is another user's, or was submitted without a
    user (by client key, say) and the caller is no service role. April's default set-up hides the lines
    written since the server's start: `logs` is null and `count` 0 there until it starts again.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        after_line: Only lines with a higher `line_number`; 0 without it. What is no integer counts as absent.
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
        after_line=after_line,
        x_request_id=x_request_id,
    )
    response = client.get_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


def sync(
    job_id: str,
    *,
    client: AuthenticatedClient,
    after_line: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Error | LogPage | None:
    """Read a job's log lines.

    All lines after `after_line`, ordered by `line_number`. Lines arrive about a second late, also after the
    job's end. The text of a thrown error is here, after `Job execution error: `, and nowhere else.

    500 `Failed to get job`: there is no such job. 404: the job is another user's, or was submitted without a
    user (by client key, say) and the caller is no service role. April's default set-up hides the lines
    written since the server's start: `logs` is null and `count` 0 there until it starts again.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        after_line: Only lines with a higher `line_number`; 0 without it. What is no integer counts as absent.
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
            after_line=after_line,
            x_request_id=x_request_id,
        )
    ).parsed


async def asyncio_detailed(
    job_id: str,
    *,
    client: AuthenticatedClient,
    after_line: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Response[Error | LogPage]:
    """Read a job's log lines.

    All lines after `after_line`, ordered by `line_number`. Lines arrive about a second late, also after the
    job's end. The text of a thrown error is here, after `Job execution error: `, and nowhere else.

    500 `Failed to get job`: there is no such job. 404: the job is another user's, or was submitted without a
    user (by client key, say) and the caller is no service role. April's default set-up hides the lines
    written since the server's start: `logs` is null and `count` 0 there until it starts again.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        after_line: Only lines with a higher `line_number`; 0 without it. What is no integer counts as absent.
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
        after_line=after_line,
        x_request_id=x_request_id,
    )
    response = await client.get_async_httpx_client().request(**request)
    return read_response(response, raise_on_unexpected_status=client.raise_on_unexpected_status)


async def asyncio(
    job_id: str,
    *,
    client: AuthenticatedClient,
    after_line: int | Unset = UNSET,
    x_request_id: str | Unset = UNSET,
) -> Error | LogPage | None:
    """Read a job's log lines.

    All lines after `after_line`, ordered by `line_number`. Lines arrive about a second late, also after the
    job's end. The text of a thrown error is here, after `Job execution error: `, and nowhere else.

    500 `Failed to get job`: there is no such job. 404: the job is another user's, or was submitted without a
    user (by client key, say) and the caller is no service role. April's default set-up hides the lines
    written since the server's start: `logs` is null and `count` 0 there until it starts again.

    Args:
        job_id: The job's UUID: with hyphens or as 32 hexadecimal digits, in any case, with or without `urn:uuid:`
            before it. Braces, blanks and anything else are 400. Encode it as one path segment.
        client: where to send the request.
        after_line: Only lines with a higher `line_number`; 0 without it. What is no integer counts as absent.
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
            after_line=after_line,
            x_request_id=x_request_id,
        )
    ).parsed
