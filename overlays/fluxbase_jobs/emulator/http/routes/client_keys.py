"""The making and revoking of client keys (`fbk_...`)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.routing import Route

from fluxbase_jobs.emulator.auth import scopes
from fluxbase_jobs.emulator.auth.api_keys import new_key
from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.formats.body_fields import integer, moment, text, texts
from fluxbase_jobs.emulator.formats.json_text import JSONValue
from fluxbase_jobs.emulator.formats.postgres_errors import unstorable
from fluxbase_jobs.emulator.formats.timestamps import rfc3339
from fluxbase_jobs.emulator.formats.uuids import read_uuid
from fluxbase_jobs.emulator.http.responses import error, json_response
from fluxbase_jobs.emulator.store import ClientKey

from ..account_errors import failed, reading, refused
from ..endpoints import Call, authenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

_PATH = "/api/v1/client-keys"
_RATE_LIMIT_PER_MINUTE = 100
_SHOWN_OF_KEY = 12
_FAILURE = "Failed to create client key"


def routes(services: Services) -> list[Route]:
    """Return the routes below /api/v1/client-keys."""

    def route(path: str, handler: Callable[[Services, Call], Response]) -> Route:
        return Route(_PATH + path, authenticated(_for_writers(services, handler), services.authenticator), methods=["POST"])

    return [route("", create), route("/{id}/revoke", revoke)]


def create(services: Services, call: Call) -> Response:
    """Make a client key; this answer is the only place where the key itself is shown."""
    fields = call.fields
    name, wanted, description = text(fields, "name"), list(texts(fields, "scopes")), text(fields, "description")
    expires_at, rate_limit = moment(fields, "expires_at"), integer(fields, "rate_limit_per_minute")
    if not name:
        return refused(services, call, 400, "Name is required", "MISSING_REQUIRED_FIELD")
    detail = _unusable(services, wanted) or unstorable([name, description], [rate_limit])
    if detail:
        return failed(services, call, _FAILURE, detail)
    record = ClientKey(id=str(uuid4()), scopes=wanted, expires_at=expires_at.micros if expires_at else None)
    key = new_key("fbk_")
    services.client_keys.add(record, key)
    return json_response(_shown(services, record, fields, key), 201)


def revoke(services: Services, call: Call) -> Response:
    """Make a client key invalid, whoever made it."""
    key_id = read_uuid(call.request.path_params["id"])
    if key_id is None:
        return refused(services, call, 400, "Invalid client key ID", "INVALID_ID")
    if not services.client_keys.revoke(key_id, micros(services.clock)):
        return failed(services, call, "Failed to revoke client key", "client key not found")
    return json_response({"message": "Client key revoked successfully", "success": True})


def _for_writers(services: Services, handler: Callable[[Services, Call], Response]) -> Callable[[Call], Response]:
    """Return the handler for tokens, which have no scopes, and for keys with the scope that it takes."""
    needed = scopes.scope("clientkeys", "write", verb_first=services.settings.profile.scopes_begin_with_verb)
    bound = reading(services, handler)

    def allowed(call: Call) -> Response:
        if call.caller.scopes is not None and not scopes.grants(call.caller.scopes, needed):
            return error(403, "Insufficient permissions", required_scope=needed)
        return bound(call)

    return allowed


def _unusable(services: Services, wanted: list[str]) -> str | None:
    detail = scopes.unusable(wanted, verb_first=services.settings.profile.scopes_begin_with_verb)
    return f"invalid scopes: {detail}" if detail else None


def _shown(services: Services, record: ClientKey, fields: Mapping[str, JSONValue], key: str) -> JSONValue:
    now = rfc3339(micros(services.clock))
    shown: dict[str, JSONValue] = {
        "id": record.id,
        "name": text(fields, "name"),
        "description": text(fields, "description"),
        "key_prefix": key[:_SHOWN_OF_KEY],
        "scopes": list[JSONValue](record.scopes),
        "rate_limit_per_minute": integer(fields, "rate_limit_per_minute") or _RATE_LIMIT_PER_MINUTE,
        "expires_at": None if record.expires_at is None else rfc3339(record.expires_at),
        "created_at": now,
        "updated_at": now,
        "key": key,
    }
    return {name: value for name, value in shown.items() if value is not None}
