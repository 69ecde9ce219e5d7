"""The body of a sync, read as the server reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..formats.body_fields import InvalidBodyError, body_fields, fields_of, flag, integer, items, text, texts
from ..store.functions import NUMBERS

if TYPE_CHECKING:
    from ..formats.json_text import JSONValue

_TEXTS = ("description", "schedule")
_FLAGS = ("enabled", "allow_net", "allow_env", "allow_read", "allow_write")


@frozen
class FunctionSpec:
    """One function as a client wants it. `settings` has what was sent, by the names that a function has for it."""

    name: str
    code: str
    original_code: str
    settings: dict[str, Any]


@frozen
class SyncRequest:
    """What a client wants a namespace to hold."""

    namespace: str
    functions: tuple[FunctionSpec, ...]
    delete_missing: bool
    dry_run: bool


def read_sync(content_type: str, body: bytes) -> SyncRequest:
    """Read a sync's body.

    Raises:
        InvalidBodyError: not declared as JSON, not JSON, no object, or a field of a wrong type.

    """
    fields = body_fields(content_type, body)
    options = fields_of(fields.get("options"), "options")
    try:
        return SyncRequest(
            namespace=text(fields, "namespace") or "default",
            functions=tuple(_spec(item) for item in items(fields, "jobs")),
            delete_missing=flag(options, "delete_missing") or False,
            dry_run=flag(options, "dry_run") or False,
        )
    except RecursionError as error:
        raise InvalidBodyError(str(error)) from error


def _spec(item: JSONValue) -> FunctionSpec:
    fields = fields_of(item, "a job")
    flag(fields, "is_bundled")  # must be one, and changes nothing: this server bundles no code
    code, original_code = text(fields, "code") or "", text(fields, "original_code")
    return FunctionSpec(
        name=text(fields, "name") or "",
        code=code,
        original_code=code if original_code is None else original_code,
        settings=_settings(fields),
    )


def _settings(fields: dict[str, JSONValue]) -> dict[str, Any]:
    read: dict[str, Any] = {name: text(fields, name) for name in _TEXTS}
    read |= {name: flag(fields, name) for name in _FLAGS}
    read |= {name: integer(fields, name) for name in NUMBERS}
    # An empty list is as none: it takes no role away.
    read |= {"require_roles": texts(fields, "require_roles") or None}
    return {name: value for name, value in read.items() if value is not None}
