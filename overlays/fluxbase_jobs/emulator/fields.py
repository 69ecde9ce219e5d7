"""The fields of a JSON body as the server reads them: by name in any case, strict in types, blind to what it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from .jsontext import InvalidJSONError, JSONValue, normalise, parse
from .times import Moment, read_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

_INT64 = 2**63
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class InvalidBodyError(ValueError):
    """The body is not what the route takes."""


@frozen
class Fields:
    """An object's fields. A field that is null counts as absent; each method raises InvalidBodyError for a wrong type."""

    _by_lower_name: Mapping[str, JSONValue]

    @classmethod
    def of(cls, value: Mapping[str, JSONValue]) -> Fields:
        """Return the fields of an object. Go finds one in any case of its name; the last one counts."""
        return cls({name.lower(): item for name, item in value.items()})

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self._normalised(name)
        if isinstance(value, str | None):
            return value
        raise _wrong(name, "text")

    def texts(self, name: str) -> list[str] | None:
        """Return a list of texts; a null among them is an empty one."""
        value = self._normalised(name)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, str | None) for item in value):
            return [item if isinstance(item, str) else "" for item in value]
        raise _wrong(name, "list of texts")

    def object(self, name: str) -> dict[str, JSONValue] | None:
        """Return an object."""
        value = self._normalised(name)
        if isinstance(value, dict | None):
            return value
        raise _wrong(name, "object")

    def integer(self, name: str) -> int | None:
        """Return an integer of 64 bits; one written with a fraction or an exponent is none."""
        value = self._by_lower_name.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not -_INT64 <= value < _INT64:
            raise _wrong(name, "integer")
        return value

    def moment(self, name: str) -> Moment | None:
        """Return a time."""
        text = self.text(name)
        try:
            return None if text is None else read_moment(text)
        except ValueError as error:
            raise _wrong(name, "time") from error

    def _normalised(self, name: str) -> JSONValue:
        try:
            return normalise(self._by_lower_name.get(name))
        except RecursionError as error:
            message = f"{name} is nested too deeply"
            raise InvalidBodyError(message) from error


def read_fields(content_type: str, body: bytes) -> Fields:
    """Read a body's fields.

    Raises:
        InvalidBodyError: not declared as JSON, not JSON, or no object.

    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _FORMS:
        # Taken, but no field of it is read (submit_validation: `form body`).
        return Fields({})
    if not kind.endswith("json"):
        message = "not declared as JSON"
        raise InvalidBodyError(message)
    try:
        value = parse(body)
    except InvalidJSONError as error:
        raise InvalidBodyError(str(error)) from error
    if not isinstance(value, dict | None):
        message = "no object"
        raise InvalidBodyError(message)
    return Fields.of(value or {})


def _wrong(name: str, kind: str) -> InvalidBodyError:
    return InvalidBodyError(f"{name} is no {kind}")
