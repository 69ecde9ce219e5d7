"""Who is calling: from a request's headers to a `Caller`, in the server's order of precedence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..clock import Clock, micros
from .tokens import InvalidTokenError, Tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..profiles import Profile
    from ..store import ClientKeys, ServiceKeys

BEARER = "Bearer "
"""The word must be written so: `bearer` is not seen (credentials: `lower-case bearer`)."""
_SERVICE_KEY = "ServiceKey "
_ROLE_OF_KEY_TYPE = {"service": "service_role", "anon": "anon"}
_SERVICE_KEY_ROLES = {"anon", "authenticated", "service_role"}


@frozen
class Caller:
    """Who sent a request. A client key is nobody: it has neither role, nor user, nor address."""

    role: str | None = None
    user_id: str | None = None
    email: str | None = None
    claims: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    scopes: Collection[str] | None = None
    """What a key was made for; a token has none and is good for all."""


class UnauthorizedError(Exception):
    """No credential, or one that does not hold; the text is the answer's `error`.

    Args:
        message: the text.
        code: the answer's `code`, on the admin routes.

    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Authenticator:
    """Checks the credentials of the user routes.

    Args:
        tokens: reads JWTs.
        client_keys: knows `fbk_` keys.
        service_keys: knows `sk_` and `pk_` keys.
        profile: which places of a request are looked at.
        clock: decides which keys have run out.

    """

    def __init__(self, tokens: Tokens, client_keys: ClientKeys, service_keys: ServiceKeys, profile: Profile, clock: Clock) -> None:
        self._tokens = tokens
        self._client_keys = client_keys
        self._service_keys = service_keys
        self._profile = profile
        self._clock = clock

    def identify(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Caller:
        """Return the caller; the first credential found decides, good or bad.

        Raises:
            UnauthorizedError: see there.

        """
        authorization = headers.get("authorization", "")
        service_key = headers.get("x-service-key") or _after(_SERVICE_KEY, authorization)
        if service_key:
            return self._by_service_key(service_key)
        bearer = _after(BEARER, authorization) or self._from_query(query, "token")
        if bearer:
            return self._by_token(bearer, "Invalid or expired Bearer token")
        legacy = headers.get("clientkey", "") if self._profile.reads_query_and_clientkey_header else ""
        if legacy.startswith("eyJ"):
            return self._by_token(legacy, "Invalid client key")
        client_key = headers.get("x-client-key") or self._from_query(query, "clientkey") or legacy
        if client_key:
            return self._by_client_key(client_key)
        message = "Authentication required. Provide Bearer token, X-Client-Key, or X-Service-Key"
        raise UnauthorizedError(message)

    def _by_service_key(self, key: str) -> Caller:
        if not key.startswith("eyJ"):
            return self._by_stored_service_key(key)
        refusal = "Invalid service role token"
        caller = self._by_token(key, refusal)
        if caller.role not in _SERVICE_KEY_ROLES:
            raise UnauthorizedError(refusal)
        return Caller(role=caller.role, claims=caller.claims)

    def _by_stored_service_key(self, key: str) -> Caller:
        record = self._service_keys.valid(key, micros(self._clock))
        if record is None:
            message = "Invalid service key"
            raise UnauthorizedError(message)
        return Caller(role=_ROLE_OF_KEY_TYPE[record.key_type], scopes=record.scopes)

    def _by_token(self, token: str, refusal: str) -> Caller:
        try:
            return caller_of(self._tokens.read(token))
        except InvalidTokenError as error:
            raise UnauthorizedError(refusal) from error

    def _by_client_key(self, key: str) -> Caller:
        record = self._client_keys.valid(key, micros(self._clock))
        if record is None:
            message = "Invalid client key"
            raise UnauthorizedError(message)
        return Caller(scopes=record.scopes)

    def _from_query(self, query: Mapping[str, str], name: str) -> str:
        return query.get(name, "") if self._profile.reads_query_and_clientkey_header else ""


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """Return whom a token's claims name."""
    return Caller(
        role=_text(claims, "role"),
        user_id=_text(claims, "user_id") or None,
        email=_text(claims, "email"),
        claims=claims,
    )


def _after(word: str, header: str) -> str:
    return header.removeprefix(word) if header.startswith(word) else ""


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
