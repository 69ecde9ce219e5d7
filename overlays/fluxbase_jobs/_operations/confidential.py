"""What may be shown of answers that can hold tokens: of a sign-in and of a refresh, nothing but what is known to be harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve
from typing_extensions import TypeIs

from .._transports.messages import Headers, RawResponse
from ..errors import FluxbaseError
from ..models.shortening import HIDDEN, replaced, without_secrets

MIN_KEY: Final = 8
"""Characters; what is shorter is no secret, and could be a part of any word."""
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


def without_key_in(response: RawResponse, key: object) -> RawResponse:
    """A response whose body does not repeat the caller's key, so that no text is cut where half of the key stays."""
    if not _is_secret(key) or key.encode() not in response.content:
        return response
    return evolve(response, content=response.content.replace(key.encode(), HIDDEN.encode()))


def without_key(error: FluxbaseError, key: object) -> FluxbaseError:
    """An error without the caller's key, which a server or a proxy may repeat in its answer, in whatever encoding."""
    if not _is_secret(key):
        return error
    return error.with_(**{name: replaced(getattr(error, name), key) for name in ("message", "code", "hint", "request_id", "details")})


def _is_secret(key: object) -> TypeIs[str]:
    return isinstance(key, str) and len(key) >= MIN_KEY
