"""Sign-up, sign-in and refresh."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from starlette.routing import Route

from fluxbase_jobs.emulator.admin_credentials import ACCESS_COOKIE
from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.jsontext import InvalidJSONError, JSONValue, normalise, parse
from fluxbase_jobs.emulator.passwords import hash_password, is_password
from fluxbase_jobs.emulator.responses import coded_error, error, json_response
from fluxbase_jobs.emulator.store import EmailTakenError
from fluxbase_jobs.emulator.times import rfc3339
from fluxbase_jobs.emulator.tokens import ACCESS_SECONDS, REFRESH_SECONDS

from .endpoint import Call, public

if TYPE_CHECKING:
    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services
    from fluxbase_jobs.emulator.store import User

_SHORTEST_PASSWORD = 12
_REFRESH_PATH = "/api/v1/auth"


def routes(services: Services) -> list[Route]:
    """Return the routes below /api/v1/auth."""
    handlers = {"signup": sign_up, "signin": sign_in, "refresh": refresh}
    return [Route(f"/api/v1/auth/{name}", public(partial(handler, services)), methods=["POST"]) for name, handler in handlers.items()]


def sign_up(services: Services, call: Call) -> Response:
    """Make a user and sign it in."""
    fields = _fields(call)
    email, password = _text(fields, "email"), _text(fields, "password")
    if "@" not in email or len(password) < _SHORTEST_PASSWORD:
        return coded_error(call.request, 400, "Registration failed", "INVALID_INPUT")
    given = fields.get("user_metadata")
    metadata = cast("dict[str, Any]", given) if isinstance(given, dict) else None
    try:
        user = services.users.add(email, hash_password(password), metadata, micros(services.clock))
    except EmailTakenError:
        return coded_error(call.request, 400, "Registration failed", "INVALID_INPUT")
    return _signed_in(services, user, {"user": _user(user)}, 201)


def sign_in(services: Services, call: Call) -> Response:
    """Exchange address and password for tokens."""
    fields = _fields(call)
    user = services.users.by_email(_text(fields, "email"))
    if user is None or not is_password(_text(fields, "password"), user.password_hash):
        return _refused(services, call, "Invalid email or password", "INVALID_CREDENTIALS")
    tenant = services.users.tenant_id() if services.settings.profile.names_tenant else None
    return _signed_in(services, user, {"user": _user(user, tenant)})


def refresh(services: Services, call: Call) -> Response:
    """Exchange a refresh token, which is used up by that, for new tokens."""
    token = _text(_fields(call), "refresh_token") or call.request.cookies.get("fluxbase_refresh_token", "")
    if not token:
        return coded_error(call.request, 400, "refresh_token is required", "MISSING_REQUIRED_FIELD")
    user_id = services.users.close_session(token, micros(services.clock))
    user = services.users.by_id(user_id) if user_id else None
    if user is not None:
        return _signed_in(services, user, {})
    response = _refused(services, call, "Invalid or expired refresh token", "INVALID_TOKEN")
    _set_cookie(response, ACCESS_COOKIE, "", 0, "/")
    _set_cookie(response, "fluxbase_refresh_token", "", 0, _REFRESH_PATH)
    return response


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
    response.headers.append("set-cookie", f"{name}={value}; max-age={max_age}; path={path}; HttpOnly; SameSite=Strict")


def _refused(services: Services, call: Call, message: str, code: str) -> Response:
    if services.settings.profile.auth_errors_have_codes:
        return coded_error(call.request, 401, message, code)
    return error(401, message)


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


def _fields(call: Call) -> dict[str, Any]:
    try:
        value = parse(call.body)
    except InvalidJSONError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
