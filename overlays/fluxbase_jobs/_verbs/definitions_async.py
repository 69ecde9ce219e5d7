"""Typed jobs for the async client: a function's name with the types of its payload and its result."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Generic, Unpack
from uuid import UUID

from .._context.argument_hints import with_argument_hints
from .._docstrings import documented_like
from .._drivers.fetch_async import AsyncFluxbaseFetch
from .._plans import typed
from .._plans.submit_many import Batch, BatchReport, OnSubmitted, workers
from .._validation.arguments import iterator
from ..models.jobs import Job
from ..models.typed import CompletedJob, TypedJob
from ..result import Result
from .call_options import (
    AwaitOptions,
    BatchOptions,
    In,
    Out,
    RunOptions,
    SubmitOptions,
    split_batch_options,
    split_run_options,
    split_submit_options,
    split_wait_options,
)
from .definitions import JobDefinition


@with_argument_hints
@documented_like(JobDefinition)
class AsyncJobDefinition(Generic[In, Out]):
    """A job by its types, made with `jobs.define`."""

    def __init__(
        self, fetch: AsyncFluxbaseFetch, job_name: str, payload_type: type[In], result_type: type[Out], namespace: str | None
    ) -> None:
        self._fetch = fetch
        self._definition = typed.definition(job_name, payload_type, result_type, namespace)
        self.job_name = self._definition.job_name
        self.payload_type = payload_type
        self.result_type = result_type
        self.namespace = self._definition.namespace

    async def submit(self, payload: In, **options: Unpack[SubmitOptions]) -> Result[TypedJob[Out]]:
        """Queue the job."""
        submission, call = split_submit_options(self.job_name, payload, self.namespace, options)
        return await self._fetch.run(typed.submit, call, self._definition, submission)

    async def run(self, payload: In, **options: Unpack[RunOptions]) -> Result[CompletedJob[Out]]:
        """Submit the job and wait for its completion."""
        submission, waiting, call = split_run_options(self.job_name, payload, self.namespace, options)
        return await self._fetch.run(typed.run, call, self._definition, submission, waiting)

    async def wait(self, job: Job | str | UUID, **options: Unpack[AwaitOptions]) -> Result[CompletedJob[Out]]:
        """Wait for the completion of a job of this kind."""
        waiting, call = split_wait_options(options)
        return await self._fetch.run(typed.wait, call, self._definition, job, waiting)

    def submit_many(
        self,
        payloads: Iterable[In],
        *,
        concurrency: int = 8,
        batch_key: str | None = None,
        retry_failed: bool = False,
        on_progress: OnSubmitted | None = None,
        **options: Unpack[BatchOptions],
    ) -> AsyncGenerator[tuple[In, Result[TypedJob[Out]]]]:
        """Submit many jobs of this kind concurrently. One payload's error never ends the batch."""
        described, call = split_batch_options(options)
        batch = Batch(key=batch_key, retry_failed=retry_failed)
        given: Iterator[In] = iterator("payloads", payloads, "payloads")
        plans = typed.submissions(self._fetch.settings, call, self._definition, given, described, batch=batch)
        report = BatchReport[Result[TypedJob[Out]]](payloads, on_progress, resumable=batch_key is not None)
        return self._fetch.run_many(plans, workers(concurrency), report)

    async def read(self, job: Job) -> Result[TypedJob[Out]]:
        """A job of this kind that came another way, from `get` or a list, with its result typed."""
        return await self._fetch.run(typed.read, {}, self._definition, job)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_name!r})"
