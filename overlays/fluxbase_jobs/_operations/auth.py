"""The token endpoints."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from fluxbase_jobs_client import models as wire
from fluxbase_jobs_client.api.auth import refresh_tokens
from fluxbase_jobs_client.api.auth import sign_in as sign_in_endpoint

from .._context.credentials import key_header
from .._validation import arguments
from ..errors import InvalidInput
from ..models.tokens import Tokens
from .operation import Operation

_read_session = msgspec.json.Decoder(wire.Session).decode


class _Renewed(msgspec.Struct):
    """A new pair of tokens, read as loosely as can be: the server has spent the old refresh token, so that no new one may be lost."""

    access_token: str
    refresh_token: str | None = None
    expires_in: Any = None


_read_renewed = msgspec.json.Decoder(_Renewed).decode


def sign_in(email: object, password: object) -> Operation[wire.Session]:
    """Exchange an email and a password for tokens."""
    secret = arguments.plain_text(password)
    if not secret or arguments.text_fault(secret):
        raise InvalidInput("password must be text, not empty, without NUL characters and lone surrogates")
    body = wire.SignInRequest(email=arguments.text("email", email), password=secret)
    return Operation(request=sign_in_endpoint.build_request(body=body), read=_session, resendable=False, confidential=True)


def _session(content: bytes) -> wire.Session:
    session = _read_session(content)
    if not session.requires_2fa:
        _check_tokens(session.access_token, session.refresh_token)
    return session


def _check_tokens(access_token: object, refresh_token: object) -> None:
    """Raise msgspec.DecodeError for what no request can carry. An empty refresh token counts as none."""
    for token in (access_token, refresh_token or access_token):
        try:
            key_header(token)
        except InvalidInput:
            raise msgspec.DecodeError from None


def refresh(refresh_token: str) -> Operation[Tokens]:
    """Exchange a refresh token for the next pair of tokens. It works once: sent again, it is refused (recorded, auth_tokens)."""
    body = wire.RefreshRequest(refresh_token=refresh_token)
    return Operation(request=refresh_tokens.build_request(body=body), read=_tokens, resendable=False, confidential=True)


def _tokens(content: bytes) -> Tokens:
    tokens = _read_renewed(content)
    _check_tokens(tokens.access_token, tokens.refresh_token)
    return Tokens(
        access_token=tokens.access_token, refresh_token=tokens.refresh_token or None, expires_in=_whole_seconds(tokens.expires_in)
    )


def _whole_seconds(given: object) -> int | None:
    """Seconds that are sent as a number or as text; None for what is neither."""
    with suppress(ValueError, OverflowError):
        if isinstance(given, int | float | str) and not isinstance(given, bool):
            return int(float(given))
    return None
