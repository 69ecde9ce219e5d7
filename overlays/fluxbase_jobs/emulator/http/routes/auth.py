"""Sign-up, sign-in and refresh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...auth.authenticator import ACCESS_COOKIE
from ...auth.passwords import hash_password, is_password
from ...auth.tokens import ACCESS_SECONDS, REFRESH_SECONDS
from ...clock import micros
from ...formats.body_fields import InvalidBodyError, object_, string
from ...formats.json_text import JSONValue, normalise
from ...formats.timestamps import rfc3339
from ...services import Services
from ...store import EmailTakenError, User
from ..account_errors import account_error, with_body_errors
from ..endpoints import Call, ServiceHandler, public
from ..rate_limits import RateLimit, client_address, rate_limited
from ..responses import json_response

_REFRESH_COOKIE: Final = "fluxbase_refresh_token"
_REFRESH_PATH: Final = "/api/v1/auth"
_MIN_PASSWORD_LENGTH: Final = 12
_TOKEN_GROUP_LENGTH: Final = 20
# The windows last a minute (auth_tokens); the zeros are in the server's messages, which are written from an empty setting.
_SIGN_UP_LIMIT: Final = RateLimit(5, "Too many signup attempts. Please try again in 0 minutes.", retry_after=0)
_SIGN_IN_LIMIT: Final = RateLimit(10, "Too many login attempts. Please try again in 1 minutes.")
_REFRESH_LIMIT: Final = RateLimit(5, "Too many token refresh attempts. Please wait 0 minute(s).", retry_after=0)


def routes(services: Services) -> list[Route]:
    """The routes below /api/v1/auth."""

    def route(name: str, handler: ServiceHandler, limit: RateLimit, key: Callable[[Call], str]) -> Route:
        limited = rate_limited(services, with_body_errors(services, handler), limit, key)
        return Route(f"/api/v1/auth/{name}", public(limited), methods=["POST"])

    return [
        route("signup", sign_up, _SIGN_UP_LIMIT, _address),
        route("signin", sign_in, _SIGN_IN_LIMIT, _address),
        route("refresh", refresh, _REFRESH_LIMIT, _token_group),
    ]


def sign_up(services: Services, call: Call) -> Response:
    """Create a user and issue tokens."""
    fields = call.fields
    email, password = string(fields, "email") or "", string(fields, "password") or ""
    if not email:
        return account_error(services, call, 400, "Email is required", "MISSING_REQUIRED_FIELD")
    if not password:
        return account_error(services, call, 400, "Password is required", "MISSING_REQUIRED_FIELD")
    if "@" not in email:
        return _registration_failed(services, call, "invalid email: invalid email address")
    if len(password) < _MIN_PASSWORD_LENGTH:
        return _registration_failed(services, call, "invalid password: password does not meet minimum requirements")
    try:
        user = services.users.add(email, hash_password(password), object_(fields, "user_metadata"), micros(services.clock))
    except EmailTakenError:
        return _registration_failed(services, call, "failed to create user: user with this email already exists")
    return _with_tokens(services, user, {"user": _user(user)}, 201)


def sign_in(services: Services, call: Call) -> Response:
    """Exchange e-mail address and password for tokens."""
    email, password = string(call.fields, "email"), string(call.fields, "password")
    if not email or not password:
        return account_error(services, call, 400, "Email and password are required", "INVALID_INPUT")
    user = services.users.by_email(email)
    if user is None or not is_password(password, user.password_hash):
        return account_error(services, call, 401, "Invalid email or password", "INVALID_CREDENTIALS")
    tenant = services.users.tenant_id() if services.settings.profile.names_tenant else None
    return _with_tokens(services, user, {"user": _user(user, tenant)})


def refresh(services: Services, call: Call) -> Response:
    """Exchange a refresh token, which can be used once, for new tokens."""
    token = _refresh_token(call) or call.request.cookies.get(_REFRESH_COOKIE, "")
    if not token:
        return account_error(services, call, 400, "Refresh token is required", "MISSING_REQUIRED_FIELD")
    user_id = services.users.close_session(token, micros(services.clock))
    user = services.users.by_id(user_id) if user_id else None
    if user is not None:
        return _with_tokens(services, user, {})
    response = account_error(services, call, 401, "Invalid or expired refresh token", "INVALID_TOKEN")
    _set_cookie(response, ACCESS_COOKIE, "", 0, "/")
    _set_cookie(response, _REFRESH_COOKIE, "", 0, _REFRESH_PATH)
    return response


def _registration_failed(services: Services, call: Call, reason: str) -> Response:
    message = "Registration failed" if services.settings.profile.auth_errors_have_codes else reason
    return account_error(services, call, 400, message, "INVALID_INPUT")


def _refresh_token(call: Call) -> str:
    try:
        return string(call.fields, "refresh_token") or ""
    except InvalidBodyError:
        return ""


def _address(call: Call) -> str:
    return client_address(call.request)


def _token_group(call: Call) -> str:
    # All tokens of a server have the same header and so the same beginning: all its users share one limit.
    return _refresh_token(call)[:_TOKEN_GROUP_LENGTH] or _address(call)


def _with_tokens(services: Services, user: User, body: dict[str, JSONValue], status: int = 200) -> Response:
    access, refresh_token = services.tokens.access(user), services.tokens.refresh(user)
    services.users.open_session(user.id, refresh_token, micros(services.clock) + REFRESH_SECONDS * 1_000_000)
    tokens: dict[str, JSONValue] = {
        "access_token": access,
        "refresh_token": refresh_token,
        "expires_in": ACCESS_SECONDS,
    }
    response = json_response({**body, **tokens}, status)
    _set_cookie(response, ACCESS_COOKIE, access, ACCESS_SECONDS, "/")
    _set_cookie(response, _REFRESH_COOKIE, refresh_token, REFRESH_SECONDS, _REFRESH_PATH)
    return response


def _set_cookie(response: Response, name: str, value: str, max_age: int, path: str) -> None:
    same_site = "Lax" if name == ACCESS_COOKIE else "Strict"
    response.headers.append("set-cookie", f"{name}={value}; max-age={max_age}; path={path}; HttpOnly; SameSite={same_site}")


def _user(user: User, tenant_id: str | None = None) -> JSONValue:
    body: dict[str, JSONValue] = {
        "id": user.id,
        "email": user.email,
        "email_verified": False,
        "role": user.role,
        "tenant_id": tenant_id,
        "user_metadata": normalise(user.metadata),
        "created_at": rfc3339(user.created_at),
        "updated_at": rfc3339(user.updated_at),
    }
    return {name: value for name, value in body.items() if value is not None}
