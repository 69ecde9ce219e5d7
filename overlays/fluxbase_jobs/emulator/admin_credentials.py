"""Who is calling an admin route: a token from the cookie or the Authorization header, and its role. Keys are not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .credentials import BEARER, Caller, caller_of
from .tokens import InvalidTokenError, Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCESS_COOKIE = "fluxbase_access_token"


class AdminRefusalError(Exception):
    """The caller may not use an admin route; the text is the answer's `error`.

    Args:
        status: 401, or 403 where the caller is known.
        message: the text.
        code: the answer's `code`.

    """

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class AdminCredentials:
    """Checks the credentials of the admin routes.

    Args:
        tokens: reads JWTs.

    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def identify(self, headers: Mapping[str, str], cookies: Mapping[str, str], roles: frozenset[str]) -> Caller:
        """Return the caller if it has one of the roles. The cookie comes before the header; `Bearer` may be left out there.

        Raises:
            AdminRefusalError: no token, one that does not hold, or another role.

        """
        token = cookies.get(ACCESS_COOKIE) or headers.get("authorization", "").removeprefix(BEARER)
        if not token:
            raise AdminRefusalError(401, "Missing authentication", "MISSING_AUTHENTICATION")
        caller = self._caller(token)
        if caller.role not in roles:
            raise AdminRefusalError(403, "Insufficient permissions", "INSUFFICIENT_PERMISSIONS")
        return caller

    def _caller(self, token: str) -> Caller:
        try:
            return caller_of(self._tokens.read(token))
        except InvalidTokenError as error:
            raise AdminRefusalError(401, "Invalid or expired token", "INVALID_TOKEN") from error
