"""Jobs whose result is read as a declared type."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from .declared_types import read_as, reason
from .decoding import BOM
from .jobs import Job
from .shortening import shortened

Out = TypeVar("Out")


class TypedJob(Job, Generic[Out]):
    """A job of a definition. Its result is None before the job's end, and where it is not of the declared type."""

    LOCAL: ClassVar[tuple[str, ...]] = ("logs", "result_type")

    if TYPE_CHECKING:  # a value in the instance, which is no field on the wire
        result_type: Any

    @cached_property
    def result(self) -> Out | None:  # type: ignore[override]  # the wire's text, which the property hides
        """What the job returned, as the declared type; None before its end and where it does not fit. `result_text` is what was sent."""
        if self.result_text is None:
            return None
        try:
            return cast("Out", _read(self.result_text, self.result_type))
        except Exception:  # noqa: BLE001  # a user's type may raise anything, and no completed job is lost over it
            return None


class CompletedJob(Job, Generic[Out]):
    """A completed job of a definition, whose result is of the declared type."""

    LOCAL: ClassVar[tuple[str, ...]] = ("logs", "result_type")

    if TYPE_CHECKING:  # msgspec.field is not understood by type checkers here
        result_type: Any

    @cached_property
    def result(self) -> Out:  # type: ignore[override]  # the wire's text, which the property hides
        """What the job returned, as the declared type."""
        return cast("Out", _read(self.result_text, self.result_type))


def typed_job(job: Job, result_type: Any) -> TypedJob[Any]:
    """The job, with its result read as a type where it fits."""
    return cast("TypedJob[Any]", _as(TypedJob, job, result_type))


def completed_job(job: Job, result_type: Any) -> CompletedJob[Any] | str:
    """The completed job with its result, or a message that names the place where the result is not of the type."""
    made = cast("CompletedJob[Any]", _as(CompletedJob, job, result_type))
    try:
        _ = made.result
    except Exception as fault:  # noqa: BLE001  # a user's type may raise anything, and no completed job is lost over it
        kind = shortened(str(getattr(result_type, "__name__", result_type)), 60)
        what = "nested too deep to be read" if isinstance(fault, RecursionError) else reason(fault)
        return f"the result of job {job.id} is not of the declared type {kind}: {what}"
    return made


def _as(kind: type[Job], job: Job, result_type: Any) -> Job:
    make, (_, encoded, local) = job.__reduce__()
    return cast("Job", make(kind, encoded, {**local, "result_type": result_type}))


def _read(text: str | None, kind: Any) -> object:
    return read_as("null" if text is None else text.removeprefix(BOM), kind)
