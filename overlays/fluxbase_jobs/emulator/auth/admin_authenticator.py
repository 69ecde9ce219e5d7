"""Who is calling an admin route: a token from the cookie or the Authorization header. Keys are not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .authenticator import BEARER, Caller, UnauthorizedError, caller_of
from .tokens import InvalidTokenError, Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCESS_COOKIE = "fluxbase_access_token"


class AdminAuthenticator:
    """Checks the credentials of the admin routes.

    Args:
        tokens: reads JWTs.

    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def identify(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Caller:
        """Return the caller. The cookie comes before the header; `Bearer` may be left out there.

        Raises:
            UnauthorizedError: no token, or one that does not hold.

        """
        token = cookies.get(ACCESS_COOKIE) or headers.get("authorization", "").removeprefix(BEARER)
        if not token:
            message = "Missing authentication"
            raise UnauthorizedError(message, "MISSING_AUTHENTICATION")
        try:
            return caller_of(self._tokens.read(token))
        except InvalidTokenError as error:
            message = "Invalid or expired token"
            raise UnauthorizedError(message, "INVALID_TOKEN") from error
