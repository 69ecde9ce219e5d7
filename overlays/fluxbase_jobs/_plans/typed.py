"""Jobs by the types of their payload and result: the payload is checked, then the plan of the plain verb runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from attrs import evolve, frozen

from .._context.call_context import CallContext, CallOptions, ClientSettings
from .._validation import arguments
from .._validation.arguments import is_a
from .._validation.payload import TypedPayload, json_type
from ..errors import InvalidInput, ResultLost, ResultMismatch
from ..models.inputs import Submission
from ..models.jobs import Job
from ..models.typed import CompletedJob, TypedJob, completed_job, typed_job
from ..result import Err, Ok, Result
from . import jobs, submit_many
from . import run as running
from . import wait as waiting
from .exchange.steps import Plan
from .polling import WaitOptions

LOST: Final = "the job completed, but the server lost its result"
LOST_HINT: Final = (
    "the server stops reading a job's output when its process ends: let the function wait for half a second before it returns, and log "
    "less at its end; a result over 1 MB is always lost"
)


@frozen
class Definition:
    """A job function with its types, checked."""

    job_name: str
    payload_type: Any
    result_type: Any
    namespace: str | None


def definition(job_name: object, payload_type: object, result_type: object, namespace: object) -> Definition:
    """A definition. Raises InvalidInput, naming the argument."""
    return Definition(
        arguments.text("job_name", job_name),
        json_type("payload_type", payload_type),
        json_type("result_type", result_type),
        arguments.optional_text("namespace", namespace),
    )


def submit(context: CallContext, definition: Definition, submission: Submission) -> Plan[Result[TypedJob[Any]]]:
    """Queue the job with a payload of the declared type."""
    submitted = yield from jobs.submit(context, _checked(submission, definition))
    return _typed(submitted, definition)


def run(
    context: CallContext,
    definition: Definition,
    submission: Submission,
    options: WaitOptions,
) -> Plan[Result[CompletedJob[Any]]]:
    """Submit the job and wait for its completion."""
    completed = yield from running.run(context, _checked(submission, definition), options)
    return _completed(completed, definition)


def wait(context: CallContext, definition: Definition, job: object, options: WaitOptions) -> Plan[Result[CompletedJob[Any]]]:
    """Wait for the completion of a job that was submitted before."""
    waited = yield from waiting.wait(context, arguments.job_id(job, "job"), options)
    completed = waited if isinstance(waited, Err) else (yield from running.completed(context, waited))
    return _completed(completed, definition)


def submissions(
    client: ClientSettings,
    options: CallOptions,
    definition: Definition,
    payloads: Iterable[object],
    described: Mapping[str, Any],
    *,
    batch: submit_many.Batch,
) -> Iterator[tuple[Any, Plan[Result[TypedJob[Any]]]]]:
    """Each payload with the plan that submits it, made lazily."""
    items = (_checked(Submission(definition.job_name, each, namespace=definition.namespace, **described), definition) for each in payloads)
    for item, plan in submit_many.submissions(client, options, items, batch):
        yield cast("TypedPayload", item.payload).value, _with_type(plan, definition)


def read(_: CallContext, definition: Definition, job: object) -> Plan[Result[TypedJob[Any]]]:
    """A job that is there already, with its result typed. Raises InvalidInput for anything else."""
    if not is_a(job, Job):
        raise InvalidInput(f"job must be a Job; got {arguments.described(job)}")
    yield from ()  # nothing is sent
    return Ok(typed_job(cast("Job", job), definition.result_type))


def _with_type(plan: Plan[Result[Job]], definition: Definition) -> Plan[Result[TypedJob[Any]]]:
    return _typed((yield from plan), definition)


def _checked(submission: Submission, definition: Definition) -> Submission:
    return evolve(submission, payload=TypedPayload(submission.payload, definition.payload_type))


def _typed(result: Result[Job], definition: Definition) -> Result[TypedJob[Any]]:
    return result if isinstance(result, Err) else Ok(typed_job(result.data, definition.result_type), result.meta)


def _completed(result: Result[Job], definition: Definition) -> Result[CompletedJob[Any]]:
    if isinstance(result, Err):
        return result
    if result.meta.result_lost:
        return Err(ResultLost(LOST, hint=LOST_HINT, job_id=result.data.id).with_(job=result.data), result.meta)
    job = completed_job(result.data, definition.result_type)
    if isinstance(job, CompletedJob):
        return Ok(job, result.meta)
    return Err(ResultMismatch(job, job_id=result.data.id).with_(job=result.data), result.meta)
