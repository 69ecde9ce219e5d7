"""Jobs by the types of their payload and result: the payload is checked, then the plan of the plain verb runs."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from .._context.call_context import CallContext
from .._validation.typed_payload import typed_payload
from ..models.inputs import Submission
from ..models.jobs import Job
from ..models.typed import TypedJob, typed_job
from ..result import Err, Ok, Result
from . import jobs
from . import run as running
from .polling import WaitOptions
from .steps import Plan


@frozen
class Definition:
    """A job function with its types."""

    job_name: str
    payload_type: Any
    result_type: Any
    namespace: str | None


def submit(context: CallContext, definition: Definition, submission: Submission) -> Plan[Result[TypedJob[Any]]]:
    """Queue the job with a payload of the declared type."""
    submitted = yield from jobs.submit(context, _checked(submission, definition))
    return _typed(submitted, definition)


def run(
    context: CallContext,
    definition: Definition,
    submission: Submission,
    options: WaitOptions,
) -> Plan[Result[TypedJob[Any]]]:
    """Submit the job and wait for its completion."""
    completed = yield from running.run(context, _checked(submission, definition), options)
    return _typed(completed, definition)


def _checked(submission: Submission, definition: Definition) -> Submission:
    return evolve(submission, payload=typed_payload(submission.payload, definition.payload_type))


def _typed(result: Result[Job], definition: Definition) -> Result[TypedJob[Any]]:
    return result if isinstance(result, Err) else Ok(typed_job(result.data, definition.result_type), result.meta)
