"""Typed jobs: a function's name with the types of its payload and its result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, Unpack
from uuid import UUID

from .._context.call_context import CallOptions
from .._docstrings import documented_like
from .._plans.wait import OnProgress
from .._validation.arguments import Seconds
from ..errors import InvalidInput
from ..models.jobs import Job, OnBehalfOf
from ..models.typed import TypedJob, typed_job, typed_payload
from ..policies.poll import PollPolicy
from ..result import Err, Ok, Result

In = TypeVar("In")
Out = TypeVar("Out")


class SubmitOptions(CallOptions, total=False):
    """What `submit` takes beside name, namespace and payload."""

    priority: int | None
    scheduled: datetime | timedelta | str | None
    on_behalf_of: str | UUID | OnBehalfOf | None
    idempotency_key: str | None


class RunOptions(SubmitOptions, total=False):
    """What `run` takes beside name, namespace and payload; `timeout` is that of the wait."""

    timeout: Seconds
    poll: PollPolicy
    on_progress: OnProgress | None
    cancel_on_timeout: bool


class JobDefinition(Generic[In, Out]):
    """A job by its types, made with `jobs.define`: the payload is checked before it is sent, the result is read as its type.

    A payload's declared types say how it looks in JSON: moments and UUIDs become text. Reading a result never fails: where it does not
    fit its type, `job.result` is the plain value.
    """

    def __init__(
        self, jobs: sync_jobs.FluxbaseJobs, job_name: str, payload_type: type[In], result_type: type[Out], namespace: str | None
    ) -> None:
        self._jobs = jobs
        self.job_name = job_name
        self.payload_type = payload_type
        self.result_type = result_type
        self.namespace = namespace

    def submit(self, payload: In, **options: Unpack[SubmitOptions]) -> Result[TypedJob[Out]]:
        """Queue the job.

        Args:
            payload: of the declared type.
            **options: as in `jobs.submit`.

        Returns:
            As `jobs.submit` does, the job with its result typed.
        """
        plain = _plain(payload, self.payload_type)
        return (
            plain
            if isinstance(plain, Err)
            else self._typed(self._jobs.submit(self.job_name, plain.data, namespace=self.namespace, **options))
        )

    def run(self, payload: In, **options: Unpack[RunOptions]) -> Result[TypedJob[Out]]:
        """Submit the job and wait for its completion.

        Args:
            payload: of the declared type.
            **options: as in `jobs.run`.

        Returns:
            As `jobs.run` does, the job with its result typed.
        """
        plain = _plain(payload, self.payload_type)
        return (
            plain if isinstance(plain, Err) else self._typed(self._jobs.run(self.job_name, plain.data, namespace=self.namespace, **options))
        )

    def read(self, job: Job) -> TypedJob[Out]:
        """A job of this kind that came another way, from `get` or a list, with its result typed.

        Args:
            job: the job.

        Returns:
            The same job.
        """
        return typed_job(job, self.result_type)

    def _typed(self, result: Result[Job]) -> Result[TypedJob[Out]]:
        return result if isinstance(result, Err) else Ok(self.read(result.data), result.meta)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_name!r})"


@documented_like(JobDefinition)
class AsyncJobDefinition(Generic[In, Out]):
    """A job by its types, made with `jobs.define`."""

    def __init__(
        self, jobs: async_jobs.AsyncFluxbaseJobs, job_name: str, payload_type: type[In], result_type: type[Out], namespace: str | None
    ) -> None:
        self._jobs = jobs
        self.job_name = job_name
        self.payload_type = payload_type
        self.result_type = result_type
        self.namespace = namespace

    async def submit(self, payload: In, **options: Unpack[SubmitOptions]) -> Result[TypedJob[Out]]:
        """Queue the job."""
        plain = _plain(payload, self.payload_type)
        return (
            plain
            if isinstance(plain, Err)
            else self._typed(await self._jobs.submit(self.job_name, plain.data, namespace=self.namespace, **options))
        )

    async def run(self, payload: In, **options: Unpack[RunOptions]) -> Result[TypedJob[Out]]:
        """Submit the job and wait for its completion."""
        plain = _plain(payload, self.payload_type)
        return (
            plain
            if isinstance(plain, Err)
            else self._typed(await self._jobs.run(self.job_name, plain.data, namespace=self.namespace, **options))
        )

    def read(self, job: Job) -> TypedJob[Out]:
        """A job of this kind that came another way, with its result typed."""
        return typed_job(job, self.result_type)

    def _typed(self, result: Result[Job]) -> Result[TypedJob[Out]]:
        return result if isinstance(result, Err) else Ok(self.read(result.data), result.meta)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_name!r})"


def _plain(payload: object, payload_type: Any) -> Result[object]:
    try:
        return Ok(typed_payload(payload, payload_type))
    except InvalidInput as error:
        return Err(error)


# At the end, and modules instead of classes: they import this one. The annotations above stay readable at run time so.
from . import jobs as sync_jobs  # noqa: E402
from . import jobs_async as async_jobs  # noqa: E402
