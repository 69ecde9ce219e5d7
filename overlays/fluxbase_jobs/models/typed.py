"""Jobs whose result is read as a declared type, where it fits."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from msgspec.structs import asdict

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


def _read(text: str | None, kind: Any) -> object:
    if text is None:
        return None
    try:
        return kind.model_validate_json(text) if is_pydantic(kind) else msgspec.json.decode(text, type=kind)
    except Exception:  # noqa: BLE001  # a user's model may raise anything, and no completed job is lost over it
        return json_value(text)


def is_pydantic(kind: Any) -> bool:
    """Whether a type is a pydantic model: known by its method, as pydantic is no dependency."""
    return hasattr(kind, "model_validate_json")
