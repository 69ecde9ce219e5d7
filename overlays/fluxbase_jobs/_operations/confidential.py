"""What may be shown of answers: of a sign-in and of a refresh only what is known to be harmless, of others no secret that was sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from attrs import evolve

from .._transports.messages import Headers, RawResponse
from ..errors import FluxbaseError
from ..models.secret_forms import MIN_SECRET, without
from ..models.shortening import MAX_DETAILS, with_texts, without_secrets
from .error_bodies import in_utf8

ErrorT = TypeVar("ErrorT", bound=FluxbaseError)

_QUOTED: Final = 8 * MAX_DETAILS
"""Bytes of the beginning and of the end of a long body: more than is shown, with the longest secret in its longest form."""
_TEXTS: Final = ("message", "code", "hint", "request_id", "details", "job_status")
UNDOCUMENTED: Final = "the body is not the documented one"
_MESSAGES: Final = frozenset(
    {
        # Recorded, auth_tokens.
        "Invalid email or password",
        "Invalid or expired refresh token",
        # CONTRACT.md, 4.3 and 6.
        "Email is required",
        "Email and password are required",
        "Password is required",
        "Refresh token is required",
        "Invalid request body",
        "Rate limit exceeded",
        "Payload Too Large",
        "Not Found",
        "service_unavailable",
        "Unable to verify token status",
    }
)
_CODES: Final = frozenset(
    {
        *("ACCOUNT_LOCKED", "CAPTCHA_INVALID", "CAPTCHA_REQUIRED", "EMAIL_NOT_VERIFIED", "FEATURE_DISABLED", "INTERNAL_ERROR"),
        *("INVALID_CREDENTIALS", "INVALID_INPUT", "INVALID_REQUEST_BODY", "INVALID_TOKEN", "MISSING_REQUIRED_FIELD"),
        *("PASSWORD_LOGIN_DISABLED", "PAYLOAD_TOO_LARGE", "RATE_LIMIT_EXCEEDED", "SIGNUP_DISABLED"),
    }
)
_HEADERS: Final = frozenset({"content-length", "content-type", "date", "retry-after", "x-request-id"})
_HEADER_VALUE: Final = re.compile(r"[\w ,;:=/+-]{1,100}", re.ASCII)
_REQUEST_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)


def public_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The messages and codes in an error's body that the server is known to send; any other text could be a token."""
    texts = {key: body[key] for key in ("error", "message") if isinstance(body.get(key), str) and body[key] in _MESSAGES}
    codes = {key: body[key] for key in ("code", "error_code") if isinstance(body.get(key), str) and body[key] in _CODES}
    return texts | codes


def public_headers(headers: Mapping[str, str]) -> Headers:
    """The headers that say when, how long and of which type, without those whose value could be a token."""
    return Headers((name.encode(), value.encode()) for name, value in headers.items() if _is_public(name.lower(), value))


def _is_public(name: str, value: str) -> bool:
    if name.startswith("x-ratelimit-"):
        return value.isdecimal()
    fits = _REQUEST_ID if name == "x-request-id" else _HEADER_VALUE
    return name in _HEADERS and fits.fullmatch(value) is not None and without_secrets(value) == value


def public_failure(error: FluxbaseError) -> FluxbaseError:
    """A failure to send, without the text that a proxy gave as its reason. Other reasons are this machine's."""
    before, proxy, _ = error.message.partition("ProxyError")
    return error.with_(message=f"{before}{proxy})") if proxy else error


def secrets_among(texts: Iterable[object]) -> tuple[str, ...]:
    """Those that are long enough to be secrets."""
    return tuple(text for text in texts if isinstance(text, str) and len(text) >= MIN_SECRET)


def without_secrets_in_headers(headers: Mapping[str, str], secrets: tuple[str, ...]) -> Mapping[str, str]:
    """A response's headers, in which a server or a proxy may repeat what it was sent."""
    sent_back = "\n".join(headers.values())
    if without(sent_back, secrets) == sent_back:
        return headers
    return Headers((name.encode("latin-1"), without(value, secrets).encode("latin-1", errors="replace")) for name, value in headers.items())


def quotable(response: RawResponse, secrets: tuple[str, ...]) -> RawResponse:
    """A response as errors may quote it: without the secrets, so that none is cut where half of it stays.

    Of a long body that is no error's, the beginning and the end: no more is shown.
    """
    content = in_utf8(response).content
    if response.status < 400 and len(content) > 2 * _QUOTED:
        content = content[:_QUOTED] + b" ... " + content[-_QUOTED:]
    text = content.decode(errors="surrogateescape")
    public = without(text, secrets)
    content = response.content if public == text else public.encode(errors="surrogateescape")
    return evolve(response, headers=without_secrets_in_headers(response.headers, secrets), content=content)


def without_secrets_of_call(error: ErrorT, secrets: tuple[str, ...]) -> ErrorT:
    """An error whose texts do not repeat the secrets."""
    texts = {name: with_texts(getattr(error, name, None), lambda text: without(text, secrets)) for name in _TEXTS}
    changed = {name: value for name, value in texts.items() if value != getattr(error, name, None)}
    return error.with_(**changed) if changed else error
