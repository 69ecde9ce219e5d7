"""Payloads and results of a declared type: what goes out is checked against it, what comes back is read as it where it fits."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from msgspec.structs import asdict

from ..errors import InvalidInput
from .decoding import json_value
from .jobs import Job

Out = TypeVar("Out")


class TypedJob(Job, Generic[Out]):
    """A job whose result is read as a declared type; a result that does not fit stays the plain value that it is."""

    if TYPE_CHECKING:
        result_type: Any
    else:
        result_type: Any = msgspec.field(default=None, name="local result_type")

    @cached_property
    def result(self) -> Out:  # type: ignore[override]  # the wire's text, which the property hides
        """What the job returned, as the declared type; the plain value where it does not fit, None before the job's end."""
        return cast("Out", _read(self.result_text, self.result_type))


def typed_job(job: Job, result_type: Any) -> TypedJob[Any]:
    """The job, with its result read as a type."""
    made: TypedJob[Any] = cast("Any", TypedJob)(**asdict(cast("Any", job)), result_type=result_type)
    return made


def typed_payload(payload: object, payload_type: Any) -> object:
    """A payload in JSON's terms: what its type declares, moments and UUIDs for instance, becomes text.

    Raises:
        InvalidInput: it is not of the type; the message names the place.
    """
    try:
        if _is_pydantic(payload_type):
            return payload_type.model_validate(payload).model_dump(mode="json", by_alias=True)
        plain: object = msgspec.to_builtins(payload)
        msgspec.convert(plain, payload_type)
    except (ValueError, TypeError) as fault:
        kind = getattr(payload_type, "__name__", payload_type)
        raise InvalidInput(f"payload must be a {kind}: {_said(fault)}") from None
    return plain


def _read(text: str | None, kind: Any) -> object:
    if text is None:
        return None
    try:
        return kind.model_validate_json(text) if _is_pydantic(kind) else msgspec.json.decode(text, type=kind)
    except Exception:  # noqa: BLE001  # a user's model may raise anything, and no completed job is lost over it
        return json_value(text)


def _is_pydantic(kind: Any) -> bool:
    # pydantic is no dependency: its models are known by their method.
    return hasattr(kind, "model_validate_json")


def _said(fault: Exception) -> str:
    """What is wrong and where, without the value: pydantic's own words name only a count in their first line."""
    listed: Any = getattr(fault, "errors", None)
    if callable(listed):
        first: Any = cast("list[Any]", listed())[0]
        return f"{first['msg']} - at `{'.'.join(map(str, first['loc']))}`"
    return str(fault).partition("\n")[0]
