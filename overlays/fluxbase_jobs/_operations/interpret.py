"""Read a raw response: the value in it, or the error that it reports. All five error bodies of the server are read here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar, cast

from .. import errors
from .._transports.messages import RawResponse
from .._validation.arguments import MAX_SECONDS
from ..models.shortening import MAX_CODE, presentable, shortened
from ..policies.retry import TRANSIENT_STATUSES
from .answers import require_match
from .confidential import UNDOCUMENTED, public_body, public_headers, quotable
from .error_bodies import code_of, details, details_text, in_utf8, message_in, message_in_text, read_body, without_bom
from .operation import Operation

T = TypeVar("T")

_LONGER: Final = ("message", "error_description", "detail", "description", "reason")
"""Where the text stands beside a short `error`: the first is the server's, gateways and sign-in services have the others."""
_CODE: Final = re.compile(r"[a-z]+(_[a-z]+)+")
_HINTS: Final = {
    # What the admin routes answer to a key that was not sent in the Authorization header (recorded, admin).
    "MISSING_AUTHENTICATION": "admin calls need a token (a JWT) of a service role or an admin as key; they ignore service keys "
    "(sk_, pk_, fb_) and client keys (fbk_)",
}
_SECONDS: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
"""Seconds as servers and gateways send them; the standard has whole ones only."""
IN_PROGRESS: Final = "IDEMPOTENCY_REQUEST_IN_PROGRESS"
"""The code of a 409: the first request with the same key has not ended."""


def interpret(operation: Operation[T], response: RawResponse, utc: datetime) -> tuple[T, None] | tuple[Any, errors.FluxbaseError]:
    """The value of a response, or its error. `utc` is when it arrived, for a Retry-After that is a date."""
    if 200 <= response.status < 300:
        try:
            value = operation.read(without_bom(response.content))
            require_match(operation.asked, value)
        except (ValueError, RecursionError) as fault:
            return None, _unreadable(response, _undocumented(operation, fault), operation)
        return value, None
    if 400 <= response.status < 600:
        return None, _refusal(response, operation, utc)
    reason = "a redirect, which is not followed" if response.status // 100 == 3 else "not an answer of this API"
    return None, _unreadable(response, reason, operation)


def public_error(
    operation: Operation[Any], response: RawResponse, error: errors.FluxbaseError, utc: datetime, secrets: tuple[str, ...]
) -> errors.FluxbaseError:
    """The error of a response without the secrets of the call, which gateways and proxies may repeat."""
    shown = quotable(response, secrets)
    if shown.content is response.content and shown.headers is response.headers:
        return error
    if response.status >= 400:
        return interpret(operation, shown, utc)[1] or error
    quoted = None if operation.confidential else details_text(shown.content)
    return error.with_(details=quoted, request_id=_request_id(shown, operation))


def _undocumented(operation: Operation[Any], fault: Exception) -> str:
    return UNDOCUMENTED if operation.confidential else f"{UNDOCUMENTED}: {fault}"


def _unreadable(response: RawResponse, reason: str, operation: Operation[T]) -> errors.InvalidResponse:
    return errors.InvalidResponse(
        f"the server answered {response.status}: {reason}",
        status=response.status,
        request_id=_request_id(response, operation),
        hint="is the url that of a Fluxbase server, and is it reached without a proxy's page in between?",
        details=None if operation.confidential else details_text(response.content),
        job_id=operation.job_id,
    )


def _refusal(response: RawResponse, operation: Operation[Any], utc: datetime) -> errors.FluxbaseError:
    response = in_utf8(response)
    decoded = read_body(response.content)
    sent = cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else {}
    body = public_body(sent) if operation.confidential else sent
    kind = _error_class(response.status, body)
    other = None if operation.confidential else message_in(decoded) or message_in_text(response.content, _content_type(response))
    message, code = _message_and_code(response, body, other)
    error = kind(
        message,
        code=code,
        status=response.status,
        request_id=_request_id(response, operation) or _text(body, "request_id"),
        hint=_text(body, "hint") or _HINTS.get(str(code)),
        details=None if operation.confidential else details(response.content, decoded, _content_type(response)),
        retryable=response.status in TRANSIENT_STATUSES or code == IN_PROGRESS,
        job_id=operation.job_id,
    )
    state = {"job_status": presentable(body["status"], MAX_CODE)} if isinstance(error, errors.NotAllowedInState) else {}
    return error.with_(retry_after=_retry_after(response.headers, sent.get("retry_after"), utc), **state)


def _request_id(response: RawResponse, operation: Operation[Any]) -> str | None:
    return (public_headers(response.headers) if operation.confidential else response.headers).get("x-request-id")


def _error_class(status: int, body: dict[str, Any]) -> type[errors.FluxbaseError]:
    if status >= 500:
        return errors.ServerFailed
    if status == 400 and _text(body, "status"):
        return errors.NotAllowedInState
    return errors.BY_STATUS.get(status, errors.Rejected)


def _message_and_code(response: RawResponse, body: dict[str, Any], other: str | None) -> tuple[str, str | int | None]:
    """The message for people and the code for programs.

    Usually `error` is the text. In token checks it is a code, `token_revoked` say, and the text is in `message` (recorded, database_down).
    `other` is the message of a body of another shape, None where the body must not be quoted.
    """
    text, code = _text(body, "error"), code_of(body)
    longer = next((found for key in _LONGER if (found := _text(body, key))), None)
    if text and longer and _CODE.fullmatch(text):
        return longer, code or text
    if text and longer:
        return f"{text}: {longer}", code
    return text or longer or _fallback_message(response, other), code


def _fallback_message(response: RawResponse, other: str | None) -> str:
    """A message for a body that is none of the server's: a gateway's error, a proxy's page, plain text, nothing."""
    if other:
        return f"the server answered {response.status}: {other}"
    kind = shortened(_content_type(response), 60)
    return f"the server answered {response.status} with {len(response.content):,} bytes of {kind or 'unnamed type'}"


def _content_type(response: RawResponse) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _text(body: dict[str, Any], key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) and value else None


def _retry_after(headers: Mapping[str, str], in_body: object, utc: datetime) -> float | None:
    """The seconds after which to retry: from the header (seconds or a date), else from the body. Of several headers the longest wait counts."""
    header = headers.get("retry-after", "").strip()
    given = header.split(", ")
    if all(_SECONDS.fullmatch(part) for part in given):
        return max(_wait(float(part)) for part in given)
    if (moment := _date(header)) is not None:
        # By the clock of the server, which is the one that counts: ours may be wrong.
        now = _date(headers.get("date", "")) or utc
        return _wait(moment.timestamp() - now.timestamp())
    if isinstance(in_body, str) and _SECONDS.fullmatch(in_body):
        return _wait(float(in_body))
    if isinstance(in_body, int | float) and not isinstance(in_body, bool):
        return _wait(in_body)
    return None


def _date(text: str) -> datetime | None:
    """A date in one of HTTP's three forms; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _wait(seconds: float) -> float:
    """Seconds to wait, within what a wait may last; a moment in the past is 0."""
    return float(max(0.0, min(seconds, MAX_SECONDS)))
