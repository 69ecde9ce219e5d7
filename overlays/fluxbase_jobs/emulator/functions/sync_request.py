"""The body of a sync request, and the `@fluxbase:` annotations in the code of its functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from attrs import asdict, frozen
from fluxbase_jobs_client.models import SyncFunction

from ..formats.body_fields import InvalidBodyError, array, body_fields, boolean, fields_of, integer, string, strings
from ..formats.json_text import JSONValue
from ..store import StoredFunction

_INT64: Final = 2**63
_READERS: Final[dict[object, Callable[[Mapping[str, JSONValue], str], object]]] = {
    str: string,
    bool: boolean,
    int: integer,
    list[str]: strings,
}
_NOT_SETTINGS: Final = {"name", "code", "original_code", "is_bundled"}


def _readers() -> dict[str, Callable[[Mapping[str, JSONValue], str], object]]:
    """How to read each setting: the fields of a sync in openapi.yaml that the emulator stores, by their types."""
    stored = get_type_hints(StoredFunction).keys() - _NOT_SETTINGS
    types = {name: kind for name, kind in get_type_hints(SyncFunction).items() if name in stored}
    return {name: _READERS[next(part for part in get_args(kind) if part is not NoneType)] for name, kind in types.items()}


_SETTINGS: Final = _readers()


@frozen
class FunctionSpec:
    """A function as the client wants it. `settings` has only what was sent, by the names of `StoredFunction`."""

    name: str
    code: str
    original_code: str
    settings: dict[str, Any]


@frozen
class SyncRequest:
    """The functions that a client wants in a namespace."""

    namespace: str
    functions: tuple[FunctionSpec, ...]
    delete_missing: bool
    dry_run: bool


@frozen
class Annotations:
    """Numbers that apply if a sync does not send them. Seconds, and megabytes."""

    timeout_seconds: int = 300
    memory_limit_mb: int = 256
    max_retries: int = 0
    progress_timeout_seconds: int = 300

    def as_settings(self) -> dict[str, int]:
        """The numbers by the names of `StoredFunction`."""
        return asdict(self)


NO_ANNOTATIONS: Final = Annotations(0, 0, 0, 0)
"""What the sync of April servers finds: they lose the code before they read it, and do not apply the defaults either."""

_ANNOTATION_NAMES: Final = {
    "timeout_seconds": "timeout",
    "memory_limit_mb": "memory",
    "max_retries": "max-retries",
    "progress_timeout_seconds": "progress-timeout",
}


def read_annotations(code: str) -> Annotations:
    """Find the annotations in the code of a function; the first of each name counts. The code is not run."""
    found = {field: _number(code, name) for field, name in _ANNOTATION_NAMES.items()}
    return Annotations(**{field: number for field, number in found.items() if number is not None})


def read_sync(content_type: str, body: bytes) -> SyncRequest:
    """Parse the body of a sync request.

    Raises:
        InvalidBodyError: the content type is not JSON, the body is not a JSON object, or a field has the wrong type.
    """
    fields = body_fields(content_type, body)
    options = fields_of(fields.get("options"), "options")
    try:
        return SyncRequest(
            namespace=string(fields, "namespace") or "default",
            functions=tuple(_spec(item) for item in array(fields, "jobs")),
            delete_missing=boolean(options, "delete_missing") or False,
            dry_run=boolean(options, "dry_run") or False,
        )
    except RecursionError as error:
        raise InvalidBodyError(str(error)) from error


def _spec(item: JSONValue) -> FunctionSpec:
    fields = fields_of(item, "a job")
    boolean(fields, "is_bundled")  # the type is checked, but the value has no effect: the emulator bundles no code
    code, original_code = string(fields, "code") or "", string(fields, "original_code")
    return FunctionSpec(
        name=string(fields, "name") or "",
        code=code,
        original_code=code if original_code is None else original_code,
        settings=_settings(fields),
    )


def _settings(fields: dict[str, JSONValue]) -> dict[str, Any]:
    sent = {name: read(fields, name) for name, read in _SETTINGS.items()}
    # An empty list counts as not sent: a sync cannot remove all roles of a function.
    return {name: value for name, value in sent.items() if value is not None and value != ()}


def _number(code: str, name: str) -> int | None:
    found = re.search(rf"@fluxbase:{name}\s+(\d+)", code, re.ASCII)
    return int(found[1]) if found and len(found[1]) <= len(str(_INT64)) and int(found[1]) < _INT64 else None
