"""Finds out who sent a request: from its headers to a `Caller`, in the server's order of precedence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import field, frozen

from ..clock import Clock, micros
from ..profiles import Profile
from ..store import ClientKeys, ServiceKeys
from .tokens import InvalidTokenError, Tokens

ACCESS_COOKIE: Final = "fluxbase_access_token"
_BEARER: Final = "Bearer "
"""Case-sensitive: the server ignores `bearer` (credentials: `lower-case bearer`)."""
_SERVICE_KEY: Final = "ServiceKey "
_ROLE_OF_KEY_TYPE: Final = {"service": "service_role", "anon": "anon"}
_SERVICE_KEY_ROLES: Final = {"anon", "authenticated", "service_role"}


@frozen
class Caller:
    """Who sent a request. A client key gives neither a role nor a user."""

    role: str | None = None
    user_id: str | None = None
    email: str | None = None
    claims: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    scopes: Collection[str] | None = None
    """The scopes of a key. None for a token, which is not limited by scopes."""


class UnauthorizedError(Exception):
    """A request has no credential or an invalid one.

    Args:
        message: the response's `error`.
        code: the response's `code`, on the admin routes.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Authenticator:
    """Authenticates requests to the user routes: by token, service key or client key.

    Args:
        tokens: verifies JWTs.
        client_keys: finds `fbk_` keys.
        service_keys: finds `sk_` and `pk_` keys.
        profile: which headers and parameters this server version reads.
        clock: decides which keys have expired.
    """

    def __init__(self, tokens: Tokens, client_keys: ClientKeys, service_keys: ServiceKeys, profile: Profile, clock: Clock) -> None:
        self._tokens = tokens
        self._client_keys = client_keys
        self._service_keys = service_keys
        self._profile = profile
        self._clock = clock

    def authenticate(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Caller:
        """Find out who sent a request. The first credential found counts, even if it is invalid and a later one is not.

        Raises:
            UnauthorizedError: no credential, or an invalid one.
        """
        authorization = headers.get("authorization", "")
        service_key = headers.get("x-service-key") or _after(_SERVICE_KEY, authorization)
        if service_key:
            return self._by_service_key(service_key)
        bearer = _after(_BEARER, authorization) or self._from_query(query, "token")
        if bearer:
            return self._by_token(bearer, "Invalid or expired Bearer token")
        legacy = headers.get("clientkey", "") if self._profile.reads_query_and_clientkey_header else ""
        if legacy.startswith("eyJ"):
            return self._by_token(legacy, "Invalid client key")
        client_key = headers.get("x-client-key") or self._from_query(query, "clientkey") or legacy
        if client_key:
            return self._by_client_key(client_key)
        raise UnauthorizedError("Authentication required. Provide Bearer token, X-Client-Key, or X-Service-Key")

    def _by_service_key(self, key: str) -> Caller:
        if not key.startswith("eyJ"):
            return self._by_stored_service_key(key)
        message = "Invalid service role token"
        caller = self._by_token(key, message)
        if caller.role not in _SERVICE_KEY_ROLES:
            raise UnauthorizedError(message)
        return Caller(role=caller.role, claims=caller.claims)

    def _by_stored_service_key(self, key: str) -> Caller:
        record = self._service_keys.find_valid(key, micros(self._clock))
        if record is None:
            raise UnauthorizedError("Invalid service key")
        return Caller(role=_ROLE_OF_KEY_TYPE[record.key_type], scopes=record.scopes)

    def _by_token(self, token: str, message: str) -> Caller:
        try:
            return _caller(self._tokens.verify(token))
        except InvalidTokenError as error:
            raise UnauthorizedError(message) from error

    def _by_client_key(self, key: str) -> Caller:
        record = self._client_keys.find_valid(key, micros(self._clock))
        if record is None:
            raise UnauthorizedError("Invalid client key")
        return Caller(scopes=record.scopes)

    def _from_query(self, query: Mapping[str, str], name: str) -> str:
        return query.get(name, "") if self._profile.reads_query_and_clientkey_header else ""


class AdminAuthenticator:
    """Authenticates requests to the admin routes: by token only, never by key.

    Args:
        tokens: verifies JWTs.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def authenticate(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Caller:
        """Find out who sent a request, by its cookie or else its Authorization header, where `Bearer` is optional.

        Raises:
            UnauthorizedError: no token, or an invalid one.
        """
        token = cookies.get(ACCESS_COOKIE) or headers.get("authorization", "").removeprefix(_BEARER)
        if not token:
            raise UnauthorizedError("Missing authentication", "MISSING_AUTHENTICATION")
        try:
            return _caller(self._tokens.verify(token))
        except InvalidTokenError as error:
            raise UnauthorizedError("Invalid or expired token", "INVALID_TOKEN") from error


def _caller(claims: Mapping[str, Any]) -> Caller:
    return Caller(
        role=_text(claims, "role"),
        user_id=_text(claims, "user_id") or None,
        email=_text(claims, "email"),
        claims=claims,
    )


def _after(prefix: str, header: str) -> str:
    return header.removeprefix(prefix) if header.startswith(prefix) else ""


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
