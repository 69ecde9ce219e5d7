"""The JSON Web Tokens: making those that the emulator hands out, reading those that clients send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt

from ..clock import Clock, seconds

if TYPE_CHECKING:
    from jwt.types import Options

    from ..store import User

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 7 * 24 * 60 * 60
SERVICE_SECONDS = 24 * 60 * 60

_ALGORITHM = "HS256"
_ISSUERS = {None, "", "fluxbase", "supabase", "supabase-demo"}
_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_sub": False,
    "verify_jti": False,
}


class InvalidTokenError(Exception):
    """The token is malformed, signed with another secret, or not valid at this time."""


class Tokens:
    """Makes and reads tokens with one secret.

    Args:
        secret: the HS256 key, at least 32 bytes.
        clock: decides what has expired.

    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def access(self, user: User, lifetime_seconds: int = ACCESS_SECONDS) -> str:
        """Return a token that acts as the user."""
        return self._user(user, "access", lifetime_seconds)

    def refresh(self, user: User) -> str:
        """Return a token that buys the user's next pair of tokens."""
        return self._user(user, "refresh", REFRESH_SECONDS)

    def role(self, role: str, lifetime_seconds: int = SERVICE_SECONDS) -> str:
        """Return a token that acts as a role without a user: `service_role` or `anon`."""
        return self._sign({"role": role, "sub": role, "token_type": "access"}, lifetime_seconds)

    def read(self, token: str) -> dict[str, Any]:
        """Return the claims of a valid token. Its `token_type` is not looked at, as on the real server.

        Raises:
            InvalidTokenError: see there.

        """
        try:
            claims = jwt.decode(token, self._secret, algorithms=[_ALGORITHM], options=_SIGNATURE_ONLY)
            self._check(claims)
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise InvalidTokenError from error
        return claims

    def _check(self, claims: dict[str, Any]) -> None:
        # Own comparisons rather than PyJWT's, which asks the machine's clock.
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
