"""A JSON body's fields, read as the server binds them: strict in types, blind to what it does not know, null is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .json_text import InvalidJSONError, JSONValue, normalise, parse
from .timestamps import Moment, read_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

_INT64 = 2**63
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class InvalidBodyError(ValueError):
    """The body is not what the route takes."""


def body_fields(content_type: str, body: bytes) -> dict[str, JSONValue]:
    """Return the fields of a body by their names in lower case.

    Raises:
        InvalidBodyError: not declared as JSON, not JSON, or no object.

    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _FORMS:
        # Taken, but no field of it is read (submit_validation: `form body`).
        return {}
    if not kind.endswith("json"):
        message = "not declared as JSON"
        raise InvalidBodyError(message)
    try:
        value = parse(body)
    except InvalidJSONError as error:
        raise InvalidBodyError(str(error)) from error
    return fields_of(value, "the body")


def fields_of(value: JSONValue, name: str) -> dict[str, JSONValue]:
    """Return an object's fields by their names in lower case; null has none.

    Go finds a field in any case of its name; the last one counts.

    Raises:
        InvalidBodyError: no object.

    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _mismatch(name, "object")
    return {key.lower(): item for key, item in value.items()}


def text(fields: Mapping[str, JSONValue], name: str) -> str | None:
    """Return a text.

    Raises:
        InvalidBodyError: something else.

    """
    value = _normalised(fields, name)
    if isinstance(value, str | None):
        return value
    raise _mismatch(name, "text")


def integer(fields: Mapping[str, JSONValue], name: str) -> int | None:
    """Return a whole number of 64 bits; `1.0` is none.

    Raises:
        InvalidBodyError: something else.

    """
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
        return value
    raise _mismatch(name, "integer")


def flag(fields: Mapping[str, JSONValue], name: str) -> bool | None:
    """Return true or false.

    Raises:
        InvalidBodyError: something else.

    """
    value = fields.get(name)
    if isinstance(value, bool | None):
        return value
    raise _mismatch(name, "boolean")


def object_(fields: Mapping[str, JSONValue], name: str) -> dict[str, JSONValue] | None:
    """Return an object, its keys as they are.

    Raises:
        InvalidBodyError: something else.

    """
    value = _normalised(fields, name)
    if isinstance(value, dict | None):
        return value
    raise _mismatch(name, "object")


def items(fields: Mapping[str, JSONValue], name: str) -> list[JSONValue]:
    """Return a list's items; none for null.

    Raises:
        InvalidBodyError: something else.

    """
    value = fields.get(name)
    if isinstance(value, list | None):
        return value or []
    raise _mismatch(name, "list")


def texts(fields: Mapping[str, JSONValue], name: str) -> tuple[str, ...]:
    """Return a list of texts; a null in it is an empty text.

    Raises:
        InvalidBodyError: something else.

    """
    return tuple(text({name: item}, name) or "" for item in items(fields, name))


def moment(fields: Mapping[str, JSONValue], name: str) -> Moment | None:
    """Return a time.

    Raises:
        InvalidBodyError: something else.

    """
    value = text(fields, name)
    try:
        return None if value is None else read_moment(value)
    except ValueError as error:
        raise _mismatch(name, "time") from error


def _normalised(fields: Mapping[str, JSONValue], name: str) -> JSONValue:
    try:
        return normalise(fields.get(name))
    except RecursionError as error:
        message = f"{name} is nested too deeply"
        raise InvalidBodyError(message) from error


def _mismatch(name: str, kind: str) -> InvalidBodyError:
    return InvalidBodyError(f"{name} is no {kind}")
