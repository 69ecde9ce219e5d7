"""Typed jobs for the async client: a function's name with the types of its payload and its result."""

from __future__ import annotations

from typing import Generic, Unpack

from .._docstrings import documented_like
from .._drivers.fetch_async import AsyncFluxbaseFetch
from .._plans import typed
from .._plans.typed import Definition
from ..models.jobs import Job
from ..models.typed import TypedJob, typed_job
from ..result import Result
from .argument_hints import with_argument_hints
from .call_options import In, Out, RunOptions, SubmitOptions, split_run_options, split_submit_options
from .definitions import JobDefinition


@with_argument_hints
@documented_like(JobDefinition)
class AsyncJobDefinition(Generic[In, Out]):
    """A job by its types, made with `jobs.define`."""

    def __init__(
        self, fetch: AsyncFluxbaseFetch, job_name: str, payload_type: type[In], result_type: type[Out], namespace: str | None
    ) -> None:
        self._fetch = fetch
        self._definition = Definition(job_name, payload_type, result_type, namespace)
        self.job_name = job_name
        self.payload_type = payload_type
        self.result_type = result_type
        self.namespace = namespace

    async def submit(self, payload: In, **options: Unpack[SubmitOptions]) -> Result[TypedJob[Out]]:
        """Queue the job."""
        submission, call = split_submit_options(self.job_name, payload, self.namespace, options)
        return await self._fetch.run(typed.submit, call, self._definition, submission)

    async def run(self, payload: In, **options: Unpack[RunOptions]) -> Result[TypedJob[Out]]:
        """Submit the job and wait for its completion."""
        submission, waiting, call = split_run_options(self.job_name, payload, self.namespace, options)
        return await self._fetch.run(typed.run, call, self._definition, submission, waiting)

    def read(self, job: Job) -> TypedJob[Out]:
        """A job of this kind that came another way, from `get` or a list, with its result typed."""
        return typed_job(job, self.result_type)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_name!r})"
