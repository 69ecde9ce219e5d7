"""Typed jobs: a function's name with the types of its payload and its result."""

from __future__ import annotations

from typing import Generic, Unpack

from .._drivers.fetch import FluxbaseFetch
from .._plans import typed
from .._plans.typed import Definition
from ..models.jobs import Job
from ..models.typed import TypedJob, typed_job
from ..result import Result
from .argument_hints import with_argument_hints
from .call_options import In, Out, RunOptions, SubmitOptions, split_run_options, split_submit_options


@with_argument_hints
class JobDefinition(Generic[In, Out]):
    """A job by its types, made with `jobs.define`: the payload is checked before it is sent, the result is read as its type.

    A payload's declared types determine its JSON form: datetimes and UUIDs become text. Reading a result never fails: where it does not
    fit its type, `job.result` is the plain value.
    """

    def __init__(self, fetch: FluxbaseFetch, job_name: str, payload_type: type[In], result_type: type[Out], namespace: str | None) -> None:
        self._fetch = fetch
        self._definition = Definition(job_name, payload_type, result_type, namespace)
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
        submission, call = split_submit_options(self.job_name, payload, self.namespace, options)
        return self._fetch.run(typed.submit, call, self._definition, submission)

    def run(self, payload: In, **options: Unpack[RunOptions]) -> Result[TypedJob[Out]]:
        """Submit the job and wait for its completion.

        Args:
            payload: of the declared type.
            **options: as in `jobs.run`.

        Returns:
            As `jobs.run` does, the job with its result typed.
        """
        submission, waiting, call = split_run_options(self.job_name, payload, self.namespace, options)
        return self._fetch.run(typed.run, call, self._definition, submission, waiting)

    def read(self, job: Job) -> TypedJob[Out]:
        """A job of this kind that came another way, from `get` or a list, with its result typed.

        Args:
            job: the job.

        Returns:
            The same job.
        """
        return typed_job(job, self.result_type)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_name!r})"
