"""Reads the fields of a JSON request body with Go's rules: types are strict, unknown fields are ignored, null means absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .json_text import InvalidJSONError, JSONValue, TooDeepError, normalise, parse
from .timestamps import Timestamp, read_timestamp

_INT64: Final = 2**63
_FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class InvalidBodyError(ValueError):
    """The route cannot read the body."""


def body_fields(content_type: str, body: bytes) -> dict[str, JSONValue]:
    """Parse a body; the names of its fields become lower case.

    Raises:
        InvalidBodyError: the content type is not JSON, the body is not JSON or not an object.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _FORM_TYPES:
        # The server accepts forms but reads none of their fields (submit_validation: `form body`).
        return {}
    if not media_type.endswith("json"):
        raise InvalidBodyError("not declared as JSON")
    try:
        value = parse(body)
    except InvalidJSONError as error:
        raise InvalidBodyError(str(error)) from error
    return fields_of(value, "the body")


def fields_of(value: JSONValue, name: str) -> dict[str, JSONValue]:
    """The fields of an object by their names in lower case; null has no fields.

    Go matches field names in any case, and the last of several wins.

    Raises:
        InvalidBodyError: the value is not an object.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _type_error(name, "object")
    return {key.lower(): item for key, item in value.items()}


def string(fields: Mapping[str, JSONValue], name: str) -> str | None:
    """Read a string.

    Raises:
        InvalidBodyError: the field has another type.
    """
    value = _normalised(fields, name)
    if isinstance(value, str | None):
        return value
    raise _type_error(name, "string")


def integer(fields: Mapping[str, JSONValue], name: str) -> int | None:
    """Read a 64-bit integer; `1.0` is not one.

    Raises:
        InvalidBodyError: the field has another type.
    """
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
        return value
    raise _type_error(name, "integer")


def boolean(fields: Mapping[str, JSONValue], name: str) -> bool | None:
    """Read true or false.

    Raises:
        InvalidBodyError: the field has another type.
    """
    value = fields.get(name)
    if isinstance(value, bool | None):
        return value
    raise _type_error(name, "boolean")


def object_(fields: Mapping[str, JSONValue], name: str) -> dict[str, JSONValue] | None:
    """Read an object; the case of its keys is kept.

    Raises:
        InvalidBodyError: the field has another type.
    """
    value = _normalised(fields, name)
    if isinstance(value, dict | None):
        return value
    raise _type_error(name, "object")


def array(fields: Mapping[str, JSONValue], name: str) -> list[JSONValue]:
    """Read a list; null is an empty one.

    Raises:
        InvalidBodyError: the field has another type.
    """
    value = fields.get(name)
    if isinstance(value, list | None):
        return value or []
    raise _type_error(name, "list")


def strings(fields: Mapping[str, JSONValue], name: str) -> tuple[str, ...]:
    """Read a list of strings; a null among them is an empty string.

    Raises:
        InvalidBodyError: the field, or one of its items, has another type.
    """
    return tuple(string({name: item}, name) or "" for item in array(fields, name))


def timestamp(fields: Mapping[str, JSONValue], name: str) -> Timestamp | None:
    """Read an RFC 3339 time.

    Raises:
        InvalidBodyError: the field has another type or form.
    """
    value = string(fields, name)
    try:
        return None if value is None else read_timestamp(value)
    except ValueError as error:
        raise _type_error(name, "time") from error


def _normalised(fields: Mapping[str, JSONValue], name: str) -> JSONValue:
    try:
        return normalise(fields.get(name))
    except TooDeepError as error:
        raise InvalidBodyError(f"{name} is nested too deeply") from error


def _type_error(name: str, expected: str) -> InvalidBodyError:
    return InvalidBodyError(f"{name} is not a JSON {expected}")
