"""JSON Web Tokens: signs those that the emulator issues, verifies those that clients send."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import jwt

from ..clock import Clock, seconds
from ..store import User

ACCESS_SECONDS: Final = 15 * 60
REFRESH_SECONDS: Final = 7 * 24 * 60 * 60
SERVICE_SECONDS: Final = 24 * 60 * 60

_ALGORITHM: Final = "HS256"
_ISSUERS: Final = {None, "", "fluxbase", "supabase", "supabase-demo"}


class InvalidTokenError(Exception):
    """The token is malformed, signed with another secret, expired or not valid yet."""


class Tokens:
    """Signs and verifies tokens with one secret.

    Args:
        secret: the HS256 key, at least 32 bytes.
        clock: decides what has expired.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def access(self, user: User, lifetime_seconds: int = ACCESS_SECONDS) -> str:
        """Issue an access token of a user."""
        return self._user(user, "access", lifetime_seconds)

    def refresh(self, user: User) -> str:
        """Issue a refresh token of a user."""
        return self._user(user, "refresh", REFRESH_SECONDS)

    def role(self, role: str, lifetime_seconds: int = SERVICE_SECONDS) -> str:
        """Issue an access token of a role without a user: `service_role` or `anon`."""
        return self._sign({"role": role, "sub": role, "token_type": "access"}, lifetime_seconds)

    def verify(self, token: str) -> dict[str, Any]:
        """Verify a token and decode its claims. `token_type` is not checked, as on the real server.

        Raises:
            InvalidTokenError: the token is not valid.
        """
        try:
            claims = self._decode(token)
            self._check(claims)
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise InvalidTokenError from error
        return claims

    def _decode(self, token: str) -> dict[str, Any]:
        # Only the signature: PyJWT would compare times with the machine's clock.
        return jwt.decode(
            token,
            self._secret,
            algorithms=[_ALGORITHM],
            options={
                "verify_signature": True,
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )

    def _check(self, claims: dict[str, Any]) -> None:
        now = seconds(self._clock)
        if float(claims.get("exp", now + 1)) <= now or float(claims.get("nbf", now)) > now:
            raise InvalidTokenError
        if claims.get("iss") not in _ISSUERS:
            raise InvalidTokenError

    def _user(self, user: User, token_type: str, lifetime_seconds: int) -> str:
        claims = {
            "user_id": user.id,
            "sub": user.id,
            "email": user.email,
            "role": user.role,
            "session_id": str(uuid4()),
            "token_type": token_type,
        }
        return self._sign(claims, lifetime_seconds)

    def _sign(self, claims: dict[str, Any], lifetime_seconds: int) -> str:
        now = seconds(self._clock)
        standard = {
            "iss": "fluxbase",
            "aud": ["fluxbase"],
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_seconds,
            "jti": str(uuid4()),
        }
        return jwt.encode({**standard, **claims}, self._secret, algorithm=_ALGORITHM)
