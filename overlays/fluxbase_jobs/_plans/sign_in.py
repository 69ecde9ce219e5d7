"""Signing a user in."""

from __future__ import annotations

from typing import Final

from .._context.call_context import CallContext
from .._operations import auth
from ..errors import AuthenticationFailed
from ..models.tokens import Tokens
from ..result import Err, Ok, Result
from .exchange.request import exchange
from .exchange.steps import Plan

SECOND_FACTOR: Final = (
    "the account has two-factor authentication: sign in with the second factor elsewhere and pass the access token as key"
)


def sign_in(context: CallContext, email: object, password: object) -> Plan[Result[Tokens]]:
    """Exchange an email and a password for tokens."""
    signed_in = yield from exchange(context, auth.sign_in(email, password))
    if isinstance(signed_in, Err):
        return signed_in
    session, meta = signed_in.data, signed_in.meta
    if session.requires_2fa:
        error = AuthenticationFailed(
            "the server asks for a second factor (2FA) and sent no tokens",
            status=meta.status,
            request_id=meta.request_id,
            hint=SECOND_FACTOR,
            attempts=meta.attempts,
        )
        return Err(error, meta)
    tokens = Tokens(access_token=str(session.access_token), refresh_token=session.refresh_token or None, expires_in=session.expires_in)
    return Ok(tokens, meta)
