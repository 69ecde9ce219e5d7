"""The verbs of `jobs`, for the async client: the same names, signatures and meanings."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Iterable
from datetime import datetime, timedelta
from logging import Logger
from typing import Unpack
from uuid import UUID

from .._context.call_context import CallOptions, RetryOption
from .._docstrings import documented_like
from .._drivers.fetch_async import AsyncFluxbaseFetch
from .._operations.jobs import Filters
from .._plans import jobs as plans
from .._plans.iterate import iterate
from .._plans.list_jobs import list_jobs
from .._plans.logs import logs
from .._plans.polling import OnProgress, WaitOptions
from .._plans.run import run
from .._plans.submit_many import Batch, BatchReport, ItemT, OnSubmitted, submissions, workers
from .._plans.tail import tail
from .._plans.tail_many import tail_many
from .._plans.wait import wait
from .._plans.wait_many import wait_many, watch_many
from .._plans.watch import watch
from .._validation.arguments import Seconds
from ..models.inputs import JobId, OnBehalfOf, Submission
from ..models.jobs import Job, JobStatus, LogLine
from ..policies.poll import PollPolicy
from ..result import Result
from .argument_hints import with_argument_hints
from .call_options import DEFAULT_POLL, WAIT_TIMEOUT, In, Out, Payload
from .definitions_async import AsyncJobDefinition
from .jobs import FluxbaseJobs


@with_argument_hints
@documented_like(FluxbaseJobs)
class AsyncFluxbaseJobs:
    """Submit, read, list, cancel and retry background jobs, and read their logs."""

    def __init__(self, fetch: AsyncFluxbaseFetch) -> None:
        self._fetch = fetch

    async def submit(
        self,
        job_name: str,
        payload: Payload = None,
        *,
        namespace: str | None = None,
        priority: int | None = None,
        scheduled: datetime | timedelta | str | None = None,
        on_behalf_of: str | UUID | OnBehalfOf | None = None,
        idempotency_key: str | None = None,
        **call: Unpack[CallOptions],
    ) -> Result[Job]:
        """Queue a job."""
        submission = Submission(
            job_name,
            payload,
            namespace=namespace,
            priority=priority,
            scheduled=scheduled,
            on_behalf_of=on_behalf_of,
            idempotency_key=idempotency_key,
        )
        return await self._fetch.run(plans.submit, call, submission)

    async def get(self, job_id: JobId, *, include_logs: bool = False, **call: Unpack[CallOptions]) -> Result[Job]:
        """Read a job."""
        return await self._fetch.run(plans.get, call, job_id, include_logs)

    async def list(
        self,
        *,
        status: JobStatus | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        created_by: str | UUID | None = None,
        include_result: bool = False,
        limit: int = 50,
        offset: int = 0,
        **call: Unpack[CallOptions],
    ) -> Result[builtins.list[Job]]:
        """Read one page of jobs, newest first. Jobs in a list have no payload."""
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result, created_by=created_by)
        return await self._fetch.run(list_jobs, call, filters, limit, offset)

    async def cancel(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[None]:
        """Cancel a pending or running job."""
        return await self._fetch.run(plans.cancel, call, job_id)

    async def retry(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[Job]:
        """Put a failed job back into the queue, under its id."""
        return await self._fetch.run(plans.retry, call, job_id)

    async def resubmit(self, job: JobId, *, idempotency_key: str | None = None, **call: Unpack[CallOptions]) -> Result[Job]:
        """Queue a new job like one that has ended, as any user may."""
        return await self._fetch.run(plans.resubmit, call, job, idempotency_key)

    async def logs(self, job_id: JobId, *, after_line: int = 0, **call: Unpack[CallOptions]) -> Result[builtins.list[LogLine]]:
        """Read a job's log."""
        return await self._fetch.run(logs, call, job_id, after_line)

    async def wait(
        self,
        job_id: JobId,
        *,
        timeout: Seconds = WAIT_TIMEOUT,
        poll: PollPolicy = DEFAULT_POLL,
        on_progress: OnProgress | None = None,
        cancel_on_timeout: bool = False,
        cancel_on_exit: bool = False,
        **call: Unpack[RetryOption],
    ) -> Result[Job]:
        """Wait for a job's end."""
        options = WaitOptions(
            timeout=timeout, poll=poll, on_progress=on_progress, cancel_on_timeout=cancel_on_timeout, cancel_on_exit=cancel_on_exit
        )
        return await self._fetch.run(wait, call, job_id, options)

    async def run(
        self,
        job_name: str,
        payload: Payload = None,
        *,
        namespace: str | None = None,
        priority: int | None = None,
        scheduled: datetime | timedelta | str | None = None,
        on_behalf_of: str | UUID | OnBehalfOf | None = None,
        idempotency_key: str | None = None,
        timeout: Seconds = WAIT_TIMEOUT,
        poll: PollPolicy = DEFAULT_POLL,
        on_progress: OnProgress | None = None,
        cancel_on_timeout: bool = False,
        cancel_on_exit: bool = False,
        **call: Unpack[RetryOption],
    ) -> Result[Job]:
        """Submit a job and wait for its completion."""
        submission = Submission(
            job_name,
            payload,
            namespace=namespace,
            priority=priority,
            scheduled=scheduled,
            on_behalf_of=on_behalf_of,
            idempotency_key=idempotency_key,
        )
        options = WaitOptions(
            timeout=timeout, poll=poll, on_progress=on_progress, cancel_on_timeout=cancel_on_timeout, cancel_on_exit=cancel_on_exit
        )
        return await self._fetch.run(run, call, submission, options)

    def watch(
        self, job_id: JobId, *, timeout: Seconds = WAIT_TIMEOUT, poll: PollPolicy = DEFAULT_POLL, **call: Unpack[RetryOption]
    ) -> AsyncGenerator[Result[Job]]:
        """Follow a job: each change of its status and progress once, its final state last."""
        return self._fetch.iterate(watch, call, job_id, WaitOptions(timeout=timeout, poll=poll))

    def tail(
        self,
        job_id: JobId,
        *,
        after_line: int = 0,
        timeout: Seconds = WAIT_TIMEOUT,
        to_logger: Logger | None = None,
        **call: Unpack[RetryOption],
    ) -> AsyncGenerator[Result[LogLine]]:
        """Follow a job's log until the job has ended and the log is complete: each line once, in order, over retries and server restarts."""
        options = WaitOptions(timeout=timeout, poll=DEFAULT_POLL)
        return self._fetch.iterate(tail, call, job_id, after_line, options, to_logger)

    def iterate(
        self,
        *,
        status: JobStatus | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        created_by: str | UUID | None = None,
        include_result: bool = False,
        page_size: int = 100,
        **call: Unpack[CallOptions],
    ) -> AsyncGenerator[Result[Job]]:
        """Go through all jobs, newest first, reading pages as they are needed. No job comes twice, although new ones shift the pages."""
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result, created_by=created_by)
        return self._fetch.iterate(iterate, call, filters, page_size)

    def submit_many(
        self,
        items: Iterable[ItemT],
        *,
        concurrency: int = 8,
        batch_key: str | None = None,
        retry_failed: bool = False,
        on_progress: OnSubmitted | None = None,
        **call: Unpack[CallOptions],
    ) -> AsyncGenerator[tuple[ItemT, Result[Job]]]:
        """Submit many jobs, some at a time, without ever failing as a whole."""
        batch = Batch(key=batch_key, retry_failed=retry_failed)
        report = BatchReport[Result[Job]](items, on_progress, resumable=batch_key is not None)
        return self._fetch.run_many(submissions(self._fetch.settings, call, items, batch), workers(concurrency), report)

    def wait_many(
        self,
        job_ids: Iterable[JobId],
        *,
        timeout: Seconds = WAIT_TIMEOUT,
        poll: PollPolicy = DEFAULT_POLL,
        causes: bool = False,
        on_progress: OnProgress | None = None,
        **call: Unpack[RetryOption],
    ) -> AsyncGenerator[tuple[str, Result[Job]]]:
        """Wait for many jobs with one poller: pages of the list, and single requests only for jobs that are not in them."""
        options = WaitOptions(timeout=timeout, poll=poll, on_progress=on_progress)
        return self._fetch.iterate_pairs(wait_many(self._fetch.settings, call, job_ids, options, causes=causes))

    def watch_many(
        self, job_ids: Iterable[JobId], *, timeout: Seconds = WAIT_TIMEOUT, **call: Unpack[RetryOption]
    ) -> AsyncGenerator[tuple[str, Result[Job]]]:
        """Follow many jobs with one WebSocket, or one poller: each change of each job once, as they come."""
        options = WaitOptions(timeout=timeout, poll=DEFAULT_POLL)
        return self._fetch.iterate_pairs(watch_many(self._fetch.settings, call, job_ids, options))

    def tail_many(
        self, job_ids: Iterable[JobId], *, timeout: Seconds = WAIT_TIMEOUT, **call: Unpack[RetryOption]
    ) -> AsyncGenerator[tuple[str, Result[LogLine]]]:
        """Follow the logs of many jobs with one WebSocket, or one poller: each line once, in order for each job, as they come."""
        options = WaitOptions(timeout=timeout, poll=DEFAULT_POLL)
        return self._fetch.iterate_pairs(tail_many(self._fetch.settings, call, job_ids, options))

    def define(
        self, job_name: str, payload_type: type[In], result_type: type[Out], *, namespace: str | None = None
    ) -> AsyncJobDefinition[In, Out]:
        """Name the types of a job's payload and result."""
        return AsyncJobDefinition(self._fetch, job_name, payload_type, result_type, namespace)
