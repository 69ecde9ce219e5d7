"""The making of service keys (`sk_...`, `pk_...`) by admins."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import frozen
from starlette.routing import Route

from fluxbase_jobs.emulator.auth import scopes
from fluxbase_jobs.emulator.auth.api_keys import new_key
from fluxbase_jobs.emulator.clock import micros
from fluxbase_jobs.emulator.formats.body_fields import integer, moment, text, texts
from fluxbase_jobs.emulator.formats.json_text import JSONValue
from fluxbase_jobs.emulator.formats.postgres_errors import unstorable
from fluxbase_jobs.emulator.formats.timestamps import Moment, rfc3339, rfc3339_nanos
from fluxbase_jobs.emulator.http.responses import json_response
from fluxbase_jobs.emulator.store import NameTakenError, ServiceKey

from ..account_errors import failed, reading, refused
from ..endpoints import Call, administrative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

_DEFAULT_SCOPES = {"service": [scopes.ALL], "anon": ["read"]}
_PREFIXES = {"service": "sk_live_", "anon": "pk_live_"}
_SHOWN_OF_KEY = 16
_FAILURE = "Failed to create service key"


def routes(services: Services) -> list[Route]:
    """Return the route /api/v1/admin/service-keys."""
    roles = services.settings.profile.tenant_admin_roles
    endpoint = administrative(reading(services, create), services.admin_authenticator, roles)
    return [Route("/api/v1/admin/service-keys", endpoint, methods=["POST"])]


def create(services: Services, call: Call) -> Response:
    """Make a service key; this answer is the only place where the key itself is shown."""
    wanted = _Wanted.read(call.fields, has_type=services.settings.profile.service_keys_have_types)
    refusal = _refusal(services, call, wanted)
    if refusal is not None:
        return refusal
    key = _new_key(services, wanted)
    expires_at = wanted.expires_at.micros if wanted.expires_at else None
    record = ServiceKey(name=wanted.name, key_type=wanted.key_type, scopes=wanted.scopes, expires_at=expires_at)
    try:
        services.service_keys.add(record, key, unique_name=services.settings.profile.service_key_names_are_unique)
    except NameTakenError:
        return failed(services, call, _FAILURE, "its name is taken")
    return json_response(_shown(services, wanted, key), 201)


@frozen
class _Wanted:
    name: str
    description: str | None
    key_type: str
    scopes: list[str]
    allowed_namespaces: list[str]
    rate_limit_per_minute: int | None
    rate_limit_per_hour: int | None
    expires_at: Moment | None

    @classmethod
    def read(cls, fields: Mapping[str, JSONValue], *, has_type: bool) -> _Wanted:
        key_type = (text(fields, "key_type") if has_type else None) or "service"
        given = None if fields.get("scopes") is None else list(texts(fields, "scopes"))
        return cls(
            name=text(fields, "name") or "",
            description=text(fields, "description"),
            key_type=key_type,
            scopes=_DEFAULT_SCOPES.get(key_type, []) if given is None else given,
            allowed_namespaces=list(texts(fields, "allowed_namespaces")) if has_type else [],
            rate_limit_per_minute=integer(fields, "rate_limit_per_minute"),
            rate_limit_per_hour=integer(fields, "rate_limit_per_hour"),
            expires_at=moment(fields, "expires_at"),
        )


def _refusal(services: Services, call: Call, wanted: _Wanted) -> Response | None:
    profile = services.settings.profile
    if not wanted.name:
        return refused(services, call, 400, "Name is required", "MISSING_REQUIRED_FIELD")
    if wanted.key_type not in _PREFIXES:
        return refused(services, call, 400, "key_type must be 'anon' or 'service'", "INVALID_INPUT")
    unusable = scopes.unusable(wanted.scopes, verb_first=profile.scopes_begin_with_verb)
    if unusable and not profile.service_keys_have_types:
        return refused(services, call, 400, f"Invalid scopes: {unusable}", "INVALID_INPUT")
    texts = [wanted.name, wanted.description, *wanted.scopes, *wanted.allowed_namespaces]
    detail = unstorable(texts, [wanted.rate_limit_per_minute, wanted.rate_limit_per_hour])
    return failed(services, call, _FAILURE, detail) if detail else None


def _new_key(services: Services, wanted: _Wanted) -> str:
    if services.settings.profile.service_keys_have_types:
        return new_key(_PREFIXES[wanted.key_type])
    return new_key("sk_", padded=False)


def _shown(services: Services, wanted: _Wanted, key: str) -> JSONValue:
    fields: dict[str, JSONValue] = {
        "id": str(uuid4()),
        "name": wanted.name,
        "description": wanted.description,
        "key_prefix": key[:_SHOWN_OF_KEY],
        "key_type": wanted.key_type,
        "scopes": list[JSONValue](wanted.scopes),
        "allowed_namespaces": list[JSONValue](wanted.allowed_namespaces) or None,
        "enabled": True,
        "rate_limit_per_minute": wanted.rate_limit_per_minute,
        "rate_limit_per_hour": wanted.rate_limit_per_hour,
        "created_at": rfc3339_nanos(services.clock.now_ns()),
        "expires_at": wanted.expires_at.echo if wanted.expires_at else None,
        "key": key,
    }
    if not services.settings.profile.service_keys_have_types:
        # Read back from its database: times in UTC, to the microsecond.
        del fields["key_type"]
        fields["created_at"] = rfc3339(micros(services.clock))
        fields["expires_at"] = rfc3339(wanted.expires_at.micros) if wanted.expires_at else None
    return {name: value for name, value in fields.items() if value is not None}
