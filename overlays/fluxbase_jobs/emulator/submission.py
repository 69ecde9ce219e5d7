"""The body of a submit, read as the server reads it: strict in types, blind to what it does not know."""

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
    """The body is not a submission."""


@frozen
class OnBehalfOf:
    """For whom a service role submits."""

    user_id: str
    user_email: str | None
    user_role: str | None


@frozen
class Submission:
    """What a client wants to be run."""

    job_name: str
    namespace: str
    payload: dict[str, JSONValue] | None
    priority: int
    scheduled_at: Moment | None
    on_behalf_of: OnBehalfOf | None


def read_submission(content_type: str, body: bytes) -> Submission:
    """Read a submit's body.

    Raises:
        InvalidBodyError: not declared as JSON, not JSON, no object, or a field of a wrong type.

    """
    fields = _fields(content_type, body)
    try:
        return Submission(
            job_name=_text(fields, "job_name") or "",
            namespace=_text(fields, "namespace") or "",
            payload=_object(fields, "payload"),
            priority=_priority(fields),
            scheduled_at=_scheduled_at(fields),
            on_behalf_of=_on_behalf_of(_object(fields, "on_behalf_of")),
        )
    except (ValueError, RecursionError) as error:
        raise InvalidBodyError(str(error)) from error


def _fields(content_type: str, body: bytes) -> dict[str, JSONValue]:
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
    if value is None:
        return {}
    if not isinstance(value, dict):
        message = "no object"
        raise InvalidBodyError(message)
    return _by_lower_name(value)


def _by_lower_name(value: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    # Go finds a field in any case of its name; the last one counts.
    return {name.lower(): item for name, item in value.items()}


def _text(fields: Mapping[str, JSONValue], name: str) -> str | None:
    """Return a text; null counts as absent."""
    value = normalise(fields.get(name))
    if isinstance(value, str | None):
        return value
    message = f"{name} is no text"
    raise InvalidBodyError(message)


def _object(fields: Mapping[str, JSONValue], name: str) -> dict[str, JSONValue] | None:
    """Return an object; null counts as absent."""
    value = normalise(fields.get(name))
    if isinstance(value, dict | None):
        return value
    message = f"{name} is no object"
    raise InvalidBodyError(message)


def _priority(fields: Mapping[str, JSONValue]) -> int:
    value = fields.get("priority")
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not -_INT64 <= value < _INT64:
        message = "priority is no integer"
        raise InvalidBodyError(message)
    return value


def _scheduled_at(fields: Mapping[str, JSONValue]) -> Moment | None:
    text = _text(fields, "scheduled_at")
    return None if text is None else read_moment(text)


def _on_behalf_of(value: Mapping[str, JSONValue] | None) -> OnBehalfOf | None:
    if value is None:
        return None
    fields = _by_lower_name(value)
    return OnBehalfOf(_text(fields, "user_id") or "", _text(fields, "user_email"), _text(fields, "user_role"))
