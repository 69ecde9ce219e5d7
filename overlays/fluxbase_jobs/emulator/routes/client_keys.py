"""The making of client keys (`fbk_...`)."""

from __future__ import annotations

import base64
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.routing import Route

from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.jsontext import InvalidJSONError, JSONValue, parse
from fluxbase_jobs.emulator.responses import error, json_response
from fluxbase_jobs.emulator.store import ClientKey
from fluxbase_jobs.emulator.times import read_moment, rfc3339

from .endpoint import Call, authenticated

if TYPE_CHECKING:
    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

_RATE_LIMIT_PER_MINUTE = 100


def routes(services: Services) -> list[Route]:
    """Return the route /api/v1/client-keys."""
    endpoint = authenticated(partial(create, services), services.credentials)
    return [Route("/api/v1/client-keys", endpoint, methods=["POST"])]


def create(services: Services, call: Call) -> Response:
    """Make a client key; this answer is the only place where the key itself is shown."""
    try:
        wanted = _wanted(call.body)
        expires_at = read_moment(wanted["expires_at"]).micros if wanted.get("expires_at") else None
    except (InvalidJSONError, ValueError, TypeError):
        return error(400, "Invalid request body")
    refused = [s for s in wanted["scopes"] if s in services.settings.profile.refused_client_key_scopes]
    if refused:
        return error(500, f"Failed to create client key: invalid scopes: invalid scopes: {', '.join(refused)}")
    key = "fbk_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    record = ClientKey(
        id=str(uuid4()),
        name=wanted["name"],
        key_prefix=key[:12],
        scopes=wanted["scopes"],
        rate_limit_per_minute=wanted.get("rate_limit_per_minute") or _RATE_LIMIT_PER_MINUTE,
        expires_at=expires_at,
        created_at=micros(services.clock),
    )
    services.client_keys.add(record, key)
    return json_response(_shown(record, key), 201)


def _wanted(body: bytes) -> dict[str, Any]:
    value = parse(body)
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        message = "a client key needs a name"
        raise InvalidJSONError(message)
    scopes = value.get("scopes") or []
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        message = "scopes is a list of texts"
        raise InvalidJSONError(message)
    if not isinstance(value.get("rate_limit_per_minute"), int | None):
        message = "rate_limit_per_minute is a whole number"
        raise InvalidJSONError(message)
    return {**value, "scopes": scopes}


def _shown(record: ClientKey, key: str) -> JSONValue:
    fields: dict[str, JSONValue] = {
        "id": record.id,
        "name": record.name,
        "key_prefix": record.key_prefix,
        "scopes": list[JSONValue](record.scopes),
        "rate_limit_per_minute": record.rate_limit_per_minute,
        "expires_at": None if record.expires_at is None else rfc3339(record.expires_at),
        "created_at": rfc3339(record.created_at),
        "updated_at": rfc3339(record.created_at),
        "key": key,
    }
    return {name: value for name, value in fields.items() if value is not None}
