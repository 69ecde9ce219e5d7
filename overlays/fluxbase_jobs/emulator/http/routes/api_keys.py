"""Creates and revokes client keys (`fbk_...`), and creates service keys (`sk_...`, `pk_...`) for admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from attrs import frozen
from starlette.responses import Response
from starlette.routing import Route

from ...auth.api_keys import ALL_SCOPES, generate_key, has_scope, scope, scopes_error
from ...clock import micros
from ...formats.body_fields import integer, string, strings, timestamp
from ...formats.json_text import JSONValue
from ...formats.postgres import read_uuid, storage_error
from ...formats.timestamps import Timestamp, rfc3339, rfc3339_nanos
from ...services import Services
from ...store import ClientKey, NameTakenError, ServiceKey
from ..account_errors import account_error, internal_error, with_body_errors
from ..endpoints import Call, Handler, ServiceHandler, admin_only, authenticated
from ..responses import error, json_response

_CLIENT_KEYS: Final = "/api/v1/client-keys"
_CLIENT_KEY_FAILURE: Final = "Failed to create client key"
_CLIENT_KEY_PREFIX_LENGTH: Final = 12
_CLIENT_KEY_REQUESTS_PER_MINUTE: Final = 100
_SERVICE_KEYS: Final = "/api/v1/admin/service-keys"
_SERVICE_KEY_FAILURE: Final = "Failed to create service key"
_SERVICE_KEY_PREFIX_LENGTH: Final = 16
_SERVICE_KEY_PREFIXES: Final = {"service": "sk_live_", "anon": "pk_live_"}
_DEFAULT_SCOPES: Final = {"service": [ALL_SCOPES], "anon": ["read"]}


def routes(services: Services) -> list[Route]:
    """The routes for client keys and service keys."""

    def client_key_route(path: str, handler: ServiceHandler) -> Route:
        endpoint = authenticated(_require_write_scope(services, handler), services.authenticator)
        return Route(_CLIENT_KEYS + path, endpoint, methods=["POST"])

    roles = services.settings.profile.tenant_admin_roles
    service_keys = admin_only(with_body_errors(services, create_service_key), services.admin_authenticator, roles)
    return [
        client_key_route("", create_client_key),
        client_key_route("/{id}/revoke", revoke_client_key),
        Route(_SERVICE_KEYS, service_keys, methods=["POST"]),
    ]


def create_client_key(services: Services, call: Call) -> Response:
    """Create a client key. Only this response contains the key itself."""
    fields = call.fields
    name, scopes, description = string(fields, "name"), list(strings(fields, "scopes")), string(fields, "description")
    expires_at, rate_limit = timestamp(fields, "expires_at"), integer(fields, "rate_limit_per_minute")
    if not name:
        return account_error(services, call, 400, "Name is required", "MISSING_REQUIRED_FIELD")
    detail = _client_key_scopes_error(services, scopes) or storage_error([name, description], [rate_limit])
    if detail:
        return internal_error(services, call, _CLIENT_KEY_FAILURE, detail)
    record = ClientKey(id=str(uuid4()), scopes=scopes, expires_at=expires_at.micros if expires_at else None)
    key = generate_key("fbk_")
    services.client_keys.add(record, key)
    return json_response(_client_key(services, record, fields, key), 201)


def revoke_client_key(services: Services, call: Call) -> Response:
    """Revoke a client key, whoever created it."""
    key_id = read_uuid(call.request.path_params["id"])
    if key_id is None:
        return account_error(services, call, 400, "Invalid client key ID", "INVALID_ID")
    if not services.client_keys.revoke(key_id, micros(services.clock)):
        return internal_error(services, call, "Failed to revoke client key", "client key not found")
    return json_response({"message": "Client key revoked successfully", "success": True})


def create_service_key(services: Services, call: Call) -> Response:
    """Create a service key. Only this response contains the key itself."""
    requested = _ServiceKeyRequest.read(call.fields, has_type=services.settings.profile.service_keys_have_types)
    error_response = _service_key_error(services, call, requested)
    if error_response is not None:
        return error_response
    key = _generate_service_key(services, requested)
    expires_at = requested.expires_at.micros if requested.expires_at else None
    record = ServiceKey(name=requested.name, key_type=requested.key_type, scopes=requested.scopes, expires_at=expires_at)
    try:
        services.service_keys.add(record, key, unique_name=services.settings.profile.service_key_names_are_unique)
    except NameTakenError:
        return internal_error(services, call, _SERVICE_KEY_FAILURE, "its name is taken")
    return json_response(_service_key(services, requested, key), 201)


def _require_write_scope(services: Services, handler: ServiceHandler) -> Handler:
    """Make a handler answer 403 to keys without the scope to write client keys. Tokens have no scopes and are accepted."""
    needed = scope("clientkeys", "write", verb_first=services.settings.profile.scopes_begin_with_verb)
    bound = with_body_errors(services, handler)

    def handle(call: Call) -> Response:
        if call.caller.scopes is not None and not has_scope(call.caller.scopes, needed):
            return error(403, "Insufficient permissions", required_scope=needed)
        return bound(call)

    return handle


def _client_key_scopes_error(services: Services, scopes: list[str]) -> str | None:
    detail = scopes_error(scopes, verb_first=services.settings.profile.scopes_begin_with_verb)
    return f"invalid scopes: {detail}" if detail else None


def _client_key(services: Services, record: ClientKey, fields: Mapping[str, JSONValue], key: str) -> JSONValue:
    now = rfc3339(micros(services.clock))
    body: dict[str, JSONValue] = {
        "id": record.id,
        "name": string(fields, "name"),
        "description": string(fields, "description"),
        "key_prefix": key[:_CLIENT_KEY_PREFIX_LENGTH],
        "scopes": list[JSONValue](record.scopes),
        "rate_limit_per_minute": integer(fields, "rate_limit_per_minute") or _CLIENT_KEY_REQUESTS_PER_MINUTE,
        "expires_at": None if record.expires_at is None else rfc3339(record.expires_at),
        "created_at": now,
        "updated_at": now,
        "key": key,
    }
    return {name: value for name, value in body.items() if value is not None}


@frozen
class _ServiceKeyRequest:
    name: str
    description: str | None
    key_type: str
    scopes: list[str]
    allowed_namespaces: list[str]
    rate_limit_per_minute: int | None
    rate_limit_per_hour: int | None
    expires_at: Timestamp | None

    @classmethod
    def read(cls, fields: Mapping[str, JSONValue], *, has_type: bool) -> _ServiceKeyRequest:
        key_type = (string(fields, "key_type") if has_type else None) or "service"
        given = None if fields.get("scopes") is None else list(strings(fields, "scopes"))
        return cls(
            name=string(fields, "name") or "",
            description=string(fields, "description"),
            key_type=key_type,
            scopes=_DEFAULT_SCOPES.get(key_type, []) if given is None else given,
            allowed_namespaces=list(strings(fields, "allowed_namespaces")) if has_type else [],
            rate_limit_per_minute=integer(fields, "rate_limit_per_minute"),
            rate_limit_per_hour=integer(fields, "rate_limit_per_hour"),
            expires_at=timestamp(fields, "expires_at"),
        )


def _service_key_error(services: Services, call: Call, requested: _ServiceKeyRequest) -> Response | None:
    profile = services.settings.profile
    if not requested.name:
        return account_error(services, call, 400, "Name is required", "MISSING_REQUIRED_FIELD")
    if requested.key_type not in _SERVICE_KEY_PREFIXES:
        return account_error(services, call, 400, "key_type must be 'anon' or 'service'", "INVALID_INPUT")
    message = scopes_error(requested.scopes, verb_first=profile.scopes_begin_with_verb)
    if message and not profile.service_keys_have_types:
        return account_error(services, call, 400, f"Invalid scopes: {message}", "INVALID_INPUT")
    texts = [requested.name, requested.description, *requested.scopes, *requested.allowed_namespaces]
    detail = storage_error(texts, [requested.rate_limit_per_minute, requested.rate_limit_per_hour])
    return internal_error(services, call, _SERVICE_KEY_FAILURE, detail) if detail else None


def _generate_service_key(services: Services, requested: _ServiceKeyRequest) -> str:
    if services.settings.profile.service_keys_have_types:
        return generate_key(_SERVICE_KEY_PREFIXES[requested.key_type])
    return generate_key("sk_", padded=False)


def _service_key(services: Services, requested: _ServiceKeyRequest, key: str) -> JSONValue:
    body: dict[str, JSONValue] = {
        "id": str(uuid4()),
        "name": requested.name,
        "description": requested.description,
        "key_prefix": key[:_SERVICE_KEY_PREFIX_LENGTH],
        "key_type": requested.key_type,
        "scopes": list[JSONValue](requested.scopes),
        "allowed_namespaces": list[JSONValue](requested.allowed_namespaces) or None,
        "enabled": True,
        "rate_limit_per_minute": requested.rate_limit_per_minute,
        "rate_limit_per_hour": requested.rate_limit_per_hour,
        "created_at": rfc3339_nanos(services.clock.now_ns()),
        "expires_at": requested.expires_at.echo if requested.expires_at else None,
        "key": key,
    }
    if not services.settings.profile.service_keys_have_types:
        # March servers read the row back from the database, so times are in UTC with microseconds.
        del body["key_type"]
        body["created_at"] = rfc3339(micros(services.clock))
        body["expires_at"] = rfc3339(requested.expires_at.micros) if requested.expires_at else None
    return {name: value for name, value in body.items() if value is not None}
