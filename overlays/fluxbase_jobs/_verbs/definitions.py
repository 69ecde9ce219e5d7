"""Typed jobs: a function's name with the types of its payload and its result."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Generic, Unpack
from uuid import UUID

from .._context.argument_hints import with_argument_hints
from .._drivers.fetch import FluxbaseFetch
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


@with_argument_hints
class JobDefinition(Generic[In, Out]):
    """A job by its types, made with `jobs.define`: the payload is checked before it is sent, the result is read as its type.

    A payload is checked when it is sent, and takes the JSON form that `jobs.submit` gives it: moments and UUIDs become text.
    """

    def __init__(self, fetch: FluxbaseFetch, job_name: str, payload_type: type[In], result_type: type[Out], namespace: str | None) -> None:
        self._fetch = fetch
        self._definition = typed.definition(job_name, payload_type, result_type, namespace)
        self.job_name = self._definition.job_name
        self.payload_type = payload_type
        self.result_type = result_type
        self.namespace = self._definition.namespace

    def submit(self, payload: In, **options: Unpack[SubmitOptions]) -> Result[TypedJob[Out]]:
        """Queue the job.

        Args:
            payload: of the declared type.
            **options: as in `jobs.submit`.

        Returns:
            As `jobs.submit` does; the job's result is None as long as it has not ended.
        """
        submission, call = split_submit_options(self.job_name, payload, self.namespace, options)
        return self._fetch.run(typed.submit, call, self._definition, submission)

    def run(self, payload: In, **options: Unpack[RunOptions]) -> Result[CompletedJob[Out]]:
        """Submit the job and wait for its completion.

        Args:
            payload: of the declared type.
            **options: as in `jobs.run`.

        Returns:
            As `jobs.run` does, the job with its result of the declared type; ResultMismatch, with the job, where the result is of another.
        """
        submission, waiting, call = split_run_options(self.job_name, payload, self.namespace, options)
        return self._fetch.run(typed.run, call, self._definition, submission, waiting)

    def wait(self, job: Job | str | UUID, **options: Unpack[AwaitOptions]) -> Result[CompletedJob[Out]]:
        """Wait for the completion of a job of this kind.

        Args:
            job: the job, or its id.
            **options: as in `jobs.wait`.

        Returns:
            As `run` does: the completed job with its result of the declared type; JobFailed, JobCancelled, WaitTimeout or ResultMismatch
            otherwise.
        """
        waiting, call = split_wait_options(options)
        return self._fetch.run(typed.wait, call, self._definition, job, waiting)

    def submit_many(
        self,
        payloads: Iterable[In],
        *,
        concurrency: int = 8,
        batch_key: str | None = None,
        retry_failed: bool = False,
        on_progress: OnSubmitted | None = None,
        **options: Unpack[BatchOptions],
    ) -> Generator[tuple[In, Result[TypedJob[Out]]]]:
        """Submit many jobs of this kind concurrently. One payload's error never ends the batch.

        Args:
            payloads: of the declared type.
            concurrency: as in `jobs.submit_many`, like the next two.
            batch_key: the payloads' positions make the keys.
            retry_failed: as in `jobs.submit_many`.
            on_progress: as in `jobs.submit_many`.
            **options: `priority`, `scheduled` and `on_behalf_of` of all the jobs, and `timeout` and `retry`, as in `jobs.submit`.

        Returns:
            An iterator of pairs of a payload and its result, in order, one for each payload.

        Raises:
            InvalidInput: an argument is not as described, or `payloads` cannot be iterated over; there is no result that could hold the error.
        """
        described, call = split_batch_options(options)
        batch = Batch(key=batch_key, retry_failed=retry_failed)
        given: Iterator[In] = iterator("payloads", payloads, "payloads")
        plans = typed.submissions(self._fetch.settings, call, self._definition, given, described, batch=batch)
        report = BatchReport[Result[TypedJob[Out]]](payloads, on_progress, resumable=batch_key is not None)
        return self._fetch.run_many(plans, workers(concurrency), report)

    def read(self, job: Job) -> Result[TypedJob[Out]]:
        """A job of this kind that came another way, from `get` or a list, with its result typed. Nothing is sent.

        Args:
            job: the job.

        Returns:
            The same job, whose result is None where it has not ended or its result is not of the declared type; InvalidInput for what is no Job.
        """
        return self._fetch.run(typed.read, {}, self._definition, job)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_name!r})"
