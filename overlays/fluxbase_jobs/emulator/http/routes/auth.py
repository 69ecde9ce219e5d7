"""Sign-up, sign-in and refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from fluxbase_jobs.emulator.auth.admin_authenticator import ACCESS_COOKIE
from fluxbase_jobs.emulator.auth.passwords import hash_password, is_password
from fluxbase_jobs.emulator.auth.tokens import ACCESS_SECONDS, REFRESH_SECONDS
from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.formats.body_fields import InvalidBodyError, object_, text
from fluxbase_jobs.emulator.formats.json_text import JSONValue, normalise
from fluxbase_jobs.emulator.formats.timestamps import rfc3339
from fluxbase_jobs.emulator.http.rate_limits import RateLimit, client_address
from fluxbase_jobs.emulator.http.responses import json_response
from fluxbase_jobs.emulator.store import EmailTakenError

from ..account_errors import reading, refused
from ..endpoints import Call, public
from ..route_limits import limited

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services
    from fluxbase_jobs.emulator.store import User

_SHORTEST_PASSWORD = 12
_REFRESH_PATH = "/api/v1/auth"
_TOKEN_GROUP = 20
# The zeros are the server's: it announces a minute (auth_tokens) and refuses for one, but its texts go by an empty setting.
_SIGN_UPS = RateLimit(5, "Too many signup attempts. Please try again in 0 minutes.", retry_after=0)
_SIGN_INS = RateLimit(10, "Too many login attempts. Please try again in 1 minutes.")
_REFRESHES = RateLimit(5, "Too many token refresh attempts. Please wait 0 minute(s).", retry_after=0)


def routes(services: Services) -> list[Route]:
    """Return the routes below /api/v1/auth."""

    def route(name: str, handler: Callable[[Services, Call], Response], limit: RateLimit, key: Callable[[Call], str]) -> Route:
        return Route(f"/api/v1/auth/{name}", public(limited(services, reading(services, handler), limit, key)), methods=["POST"])

    return [
        route("signup", sign_up, _SIGN_UPS, _address),
        route("signin", sign_in, _SIGN_INS, _address),
        route("refresh", refresh, _REFRESHES, _token_group),
    ]


def sign_up(services: Services, call: Call) -> Response:
    """Make a user and sign it in."""
    fields = call.fields
    email, password = text(fields, "email") or "", text(fields, "password") or ""
    if not email:
        return refused(services, call, 400, "Email is required", "MISSING_REQUIRED_FIELD")
    if not password:
        return refused(services, call, 400, "Password is required", "MISSING_REQUIRED_FIELD")
    if "@" not in email:
        return _not_registered(services, call, "invalid email: invalid email address")
    if len(password) < _SHORTEST_PASSWORD:
        return _not_registered(services, call, "invalid password: password does not meet minimum requirements")
    try:
        user = services.users.add(email, hash_password(password), object_(fields, "user_metadata"), micros(services.clock))
    except EmailTakenError:
        return _not_registered(services, call, "failed to create user: user with this email already exists")
    return _signed_in(services, user, {"user": _user(user)}, 201)


def sign_in(services: Services, call: Call) -> Response:
    """Exchange address and password for tokens."""
    email, password = text(call.fields, "email"), text(call.fields, "password")
    if not email or not password:
        return refused(services, call, 400, "Email and password are required", "INVALID_INPUT")
    user = services.users.by_email(email)
    if user is None or not is_password(password, user.password_hash):
        return refused(services, call, 401, "Invalid email or password", "INVALID_CREDENTIALS")
    tenant = services.users.tenant_id() if services.settings.profile.names_tenant else None
    return _signed_in(services, user, {"user": _user(user, tenant)})


def refresh(services: Services, call: Call) -> Response:
    """Exchange a refresh token, which is used up by that, for new tokens."""
    token = _refresh_token(call) or call.request.cookies.get("fluxbase_refresh_token", "")
    if not token:
        return refused(services, call, 400, "Refresh token is required", "MISSING_REQUIRED_FIELD")
    user_id = services.users.close_session(token, micros(services.clock))
    user = services.users.by_id(user_id) if user_id else None
    if user is not None:
        return _signed_in(services, user, {})
    response = refused(services, call, 401, "Invalid or expired refresh token", "INVALID_TOKEN")
    _set_cookie(response, ACCESS_COOKIE, "", 0, "/")
    _set_cookie(response, "fluxbase_refresh_token", "", 0, _REFRESH_PATH)
    return response


def _not_registered(services: Services, call: Call, reason: str) -> Response:
    message = "Registration failed" if services.settings.profile.auth_errors_have_codes else reason
    return refused(services, call, 400, message, "INVALID_INPUT")


def _refresh_token(call: Call) -> str:
    try:
        return text(call.fields, "refresh_token") or ""
    except InvalidBodyError:
        return ""


def _address(call: Call) -> str:
    return client_address(call.request)


def _token_group(call: Call) -> str:
    # All tokens of one server begin alike, with the same header: this is one limit for all its users.
    return _refresh_token(call)[:_TOKEN_GROUP] or _address(call)


def _signed_in(services: Services, user: User, body: dict[str, JSONValue], status: int = 200) -> Response:
    access, refresh_token = services.tokens.access(user), services.tokens.refresh(user)
    services.users.open_session(user.id, refresh_token, micros(services.clock) + REFRESH_SECONDS * 1_000_000)
    tokens: dict[str, JSONValue] = {
        "access_token": access,
        "refresh_token": refresh_token,
        "expires_in": ACCESS_SECONDS,
    }
    response = json_response({**body, **tokens}, status)
    _set_cookie(response, ACCESS_COOKIE, access, ACCESS_SECONDS, "/")
    _set_cookie(response, "fluxbase_refresh_token", refresh_token, REFRESH_SECONDS, _REFRESH_PATH)
    return response


def _set_cookie(response: Response, name: str, value: str, max_age: int, path: str) -> None:
    same_site = "Lax" if name == ACCESS_COOKIE else "Strict"
    response.headers.append("set-cookie", f"{name}={value}; max-age={max_age}; path={path}; HttpOnly; SameSite={same_site}")


def _user(user: User, tenant_id: str | None = None) -> JSONValue:
    fields: dict[str, JSONValue] = {
        "id": user.id,
        "email": user.email,
        "email_verified": False,
        "role": user.role,
        "tenant_id": tenant_id,
        "user_metadata": normalise(user.metadata),
        "created_at": rfc3339(user.created_at),
        "updated_at": rfc3339(user.updated_at),
    }
    return {name: value for name, value in fields.items() if value is not None}
