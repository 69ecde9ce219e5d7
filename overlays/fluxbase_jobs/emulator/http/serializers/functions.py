"""How job functions look on the wire: two forms, their keys in the server's order, absent for null."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...formats.timestamps import rfc3339

if TYPE_CHECKING:
    from ...formats.json_text import JSONValue
    from ...store import StoredFunction


def full(definition: StoredFunction, source: str | None) -> JSONValue:
    """Return one function with its code; `source` stands for code that the function itself has none of."""
    code = source if definition.code is None else definition.code
    original_code = source if definition.original_code is None else definition.original_code
    return _without_nulls(
        {**_head(definition), "code": code, "original_code": original_code, **_settings(definition), **_dates(definition)}
    )


def summary(definition: StoredFunction, tenant_id: str | None) -> JSONValue:
    """Return an item of a list of functions."""
    return _without_nulls({**_head(definition), **_settings(definition), "tenant_id": tenant_id, **_dates(definition)})


def _head(definition: StoredFunction) -> dict[str, JSONValue]:
    return {
        "id": definition.id,
        "name": definition.name,
        "namespace": definition.namespace,
        "description": definition.description,
    }


def _settings(definition: StoredFunction) -> dict[str, JSONValue]:
    return {
        "is_bundled": definition.is_bundled,
        "enabled": definition.enabled,
        "schedule": definition.schedule,
        "timeout_seconds": definition.timeout_seconds,
        "memory_limit_mb": definition.memory_limit_mb,
        "max_retries": definition.max_retries,
        "progress_timeout_seconds": definition.progress_timeout_seconds,
        "allow_net": definition.allow_net,
        "allow_env": definition.allow_env,
        "allow_read": definition.allow_read,
        "allow_write": definition.allow_write,
        "require_roles": [*definition.require_roles] or None,
        "disable_execution_logs": definition.disable_execution_logs,
        "version": definition.version,
        "created_by": definition.created_by,
        "source": definition.source,
    }


def _dates(definition: StoredFunction) -> dict[str, JSONValue]:
    return {"created_at": rfc3339(definition.created_at), "updated_at": rfc3339(definition.updated_at)}


def _without_nulls(fields: dict[str, JSONValue]) -> JSONValue:
    return {name: value for name, value in fields.items() if value is not None}
