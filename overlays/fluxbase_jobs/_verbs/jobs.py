"""The verbs: what a program can do with jobs. Signatures and words; what happens is planned in `_plans`."""

from __future__ import annotations

import builtins
from collections.abc import Generator, Iterable
from datetime import datetime, timedelta
from logging import Logger
from typing import Unpack
from uuid import UUID

from .._context.call_context import CallOptions, RetryOption
from .._drivers.fetch import FluxbaseFetch
from .._plans import jobs as plans
from .._plans.iterate import iterate
from .._plans.list_jobs import list_jobs
from .._plans.polling import OnProgress, WaitOptions
from .._plans.run import run
from .._plans.submit_many import Batch, ItemT, submissions, workers
from .._plans.tail import tail
from .._plans.wait import wait
from .._plans.wait_many import wait_many
from .._plans.watch import watch
from .._validation.arguments import Seconds
from ..models.inputs import Filters, OnBehalfOf, Submission
from ..models.jobs import Job, LogLine
from ..policies.poll import PollPolicy
from ..result import Result
from .call_options import DEFAULT_POLL, WAIT_TIMEOUT, In, Out, Payload
from .definitions import JobDefinition


class FluxbaseJobs:
    """Submit, read, list, cancel and retry background jobs, and read their logs.

    Every verb returns a result that unpacks to `(data, error)`. It raises for a programmer's mistake only: a wrong number of arguments, a
    closed client, an exception of your own callback. Every verb takes `timeout`, the seconds for one request, and `retry`, a RetryPolicy or None for one
    attempt, in place of the client's.

    The server does not keep users apart here: any signed-in user reads, lists, cancels and retries everybody's jobs; only logs are private.
    """

    def __init__(self, fetch: FluxbaseFetch) -> None:
        self._fetch = fetch

    def submit(
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
        """Queue a job.

        Args:
            job_name: the function to run.
            payload: what it receives: a mapping, or an instance of an attrs class, dataclass, msgspec.Struct or pydantic model; it must make
                a JSON object. None sends none.
            namespace: the function's namespace; None: the first one, in alphabetical order, that has a function of this name.
            priority: a 32-bit integer; higher ones run first, the server's default is 0.
            scheduled: not before this moment: an aware datetime, a timedelta from now, or RFC 3339 text with an offset.
            on_behalf_of: the user that the job shall belong to, by id or as OnBehalfOf; for service roles only.
            idempotency_key: 1 to 256 visible ASCII characters. The same key and arguments again within 24 hours give the first answer,
                errors included, and no second job. None: a new key for each call.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The job, pending. InvalidInput where an argument can't be sent as it is, with nothing sent; NotFound for an unknown function;
            PermissionDenied for a disabled one or a missing role.
        """
        submission = Submission(
            job_name,
            payload,
            namespace=namespace,
            priority=priority,
            scheduled=scheduled,
            on_behalf_of=on_behalf_of,
            idempotency_key=idempotency_key,
        )
        return self._fetch.run(plans.submit, call, submission)

    def get(self, job_id: str | UUID, *, include_logs: bool = False, **call: Unpack[CallOptions]) -> Result[Job]:
        """Read a job.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            include_logs: read its log too, in a second request. If that fails, the job comes all the same, with `logs` None and the
                reason in the result's `meta.logs_error`.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The job. NotFound for an unknown id; the server answers so too when its database fails.
        """
        return self._fetch.run(plans.get, call, job_id, include_logs)

    def list(
        self,
        *,
        status: str | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        include_result: bool = False,
        limit: int = 50,
        offset: int = 0,
        **call: Unpack[CallOptions],
    ) -> Result[builtins.list[Job]]:
        """Read one page of jobs, newest first. Jobs in a list have no payload.

        Args:
            status: only jobs in this status, e.g. "failed".
            namespace: only jobs of this namespace. "default" is picked out here, over up to 20 pages, as the April 2026 server finds
                nothing when it is asked for that.
            job_name: only jobs of this function.
            include_result: with each job's result.
            limit: at most so many jobs, from 1; the server knows no upper bound.
            offset: leave out the first so many. Jobs that arrive between two calls shift it.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The jobs, everybody's and not only the caller's; an empty list where there are none.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result)
        return self._fetch.run(list_jobs, call, filters, limit, offset)

    def cancel(self, job_id: str | UUID, **call: Unpack[CallOptions]) -> Result[None]:
        """Cancel a pending or running job.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            Nothing. NotAllowedInState where the job has ended already, also where it ended while the server was cancelling it.
        """
        return self._fetch.run(plans.cancel, call, job_id)

    def retry(self, job_id: str | UUID, **call: Unpack[CallOptions]) -> Result[Job]:
        """Put a failed job back into the queue, under its id.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The job as it is afterwards; it keeps its last progress until it runs. NotAllowedInState where it has not failed, or where
            `retry_count` has reached `max_retries`, which is 0 unless the function says more. An error after the server accepted the
            retry says so and is not `retryable`.
        """
        return self._fetch.run(plans.retry, call, job_id)

    def logs(self, job_id: str | UUID, *, after_line: int = 0, **call: Unpack[CallOptions]) -> Result[builtins.list[LogLine]]:
        """Read a job's log.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            after_line: only lines with a higher number than this; numbers start from 1.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The lines that the server has by now, about a second behind the job; the job's own result is among them as a line that starts
            with `__RESULT__::`. The April 2026 server shows none before its next start. NotFound for another user's job, ServerFailed for
            an unknown id.
        """
        return self._fetch.run(plans.logs, call, job_id, after_line)

    def wait(
        self,
        job_id: str | UUID,
        *,
        timeout: Seconds = WAIT_TIMEOUT,
        poll: PollPolicy = DEFAULT_POLL,
        on_progress: OnProgress | None = None,
        cancel_on_timeout: bool = False,
        **call: Unpack[RetryOption],
    ) -> Result[Job]:
        """Wait for a job's end.

        Failed looks are ridden out as long as they may pass. Ctrl-C, or a cancelled task, leaves the job alone; a note on the exception
        names it.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            timeout: seconds in all; no request and no pause goes beyond them. A job whose server died may stay running for good.
            poll: how often to look.
            on_progress: called with the job at each change, its end included; for the async client also a coroutine function. Its
                exceptions are yours.
            cancel_on_timeout: cancel the job when the time is over.
            **call: `retry`, in place of the client's, for each look.

        Returns:
            The job in its final state, whichever that is. WaitTimeout, with the job as last seen, where it has not ended in time; the
            server's refusal where it can't be read.
        """
        options = WaitOptions(timeout=timeout, poll=poll, on_progress=on_progress, cancel_on_timeout=cancel_on_timeout)
        return self._fetch.run(wait, call, job_id, options)

    def run(
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
        **call: Unpack[RetryOption],
    ) -> Result[Job]:
        """Submit a job and wait for its completion.

        Args:
            job_name: as in `submit`, like all that it takes.
            payload: as in `submit`.
            namespace: as in `submit`.
            priority: as in `submit`.
            scheduled: as in `submit`.
            on_behalf_of: as in `submit`.
            idempotency_key: as in `submit`.
            timeout: seconds for the wait, as in `wait`, from the submit's answer on. Cancelling, and looking for a failed job's last words,
                come after it and take 10 seconds at most.
            poll: as in `wait`.
            on_progress: as in `wait`.
            cancel_on_timeout: as in `wait`.
            **call: `retry`, in place of the client's.

        Returns:
            The completed job. JobFailed, JobCancelled and WaitTimeout carry the `job`; any error after the submit has its `job_id`. The
            message of JobFailed is what the job threw, looked for in its log for up to 2 seconds.
        """
        submission = Submission(
            job_name,
            payload,
            namespace=namespace,
            priority=priority,
            scheduled=scheduled,
            on_behalf_of=on_behalf_of,
            idempotency_key=idempotency_key,
        )
        options = WaitOptions(timeout=timeout, poll=poll, on_progress=on_progress, cancel_on_timeout=cancel_on_timeout)
        return self._fetch.run(run, call, submission, options)

    def watch(
        self, job_id: str | UUID, *, timeout: Seconds = WAIT_TIMEOUT, poll: PollPolicy = DEFAULT_POLL, **call: Unpack[RetryOption]
    ) -> Generator[Result[Job]]:
        """Follow a job: each change of its status and progress once, its final state last.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            timeout: seconds in all.
            poll: how often to look.
            **call: `retry`, in place of the client's, for each look.

        Returns:
            An iterator of results. An error is the last one: WaitTimeout at the deadline, or the server's refusal. Closing it stops the
            looking.
        """
        return self._fetch.iterate(watch, call, job_id, WaitOptions(timeout=timeout, poll=poll))

    def tail(
        self,
        job_id: str | UUID,
        *,
        after_line: int = 0,
        timeout: Seconds = WAIT_TIMEOUT,
        to_logger: Logger | None = None,
        **call: Unpack[RetryOption],
    ) -> Generator[Result[LogLine]]:
        """Follow a job's log until the job has ended and the log is complete: each line once, in order, over retries and server restarts.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            after_line: only lines with a higher number than this.
            timeout: seconds in all.
            to_logger: a logger that gets each line too, at its level.
            **call: `retry`, in place of the client's, for each look.

        Returns:
            An iterator of results, without the line in which the job's result is passed on. An error is the last one. The April 2026
            server shows no lines before its next start.
        """
        options = WaitOptions(timeout=timeout, poll=DEFAULT_POLL)
        return self._fetch.iterate(tail, call, job_id, after_line, options, to_logger)

    def iterate(
        self,
        *,
        status: str | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        include_result: bool = False,
        page_size: int = 100,
        **call: Unpack[CallOptions],
    ) -> Generator[Result[Job]]:
        """Go through all jobs, newest first, reading pages as they are needed. No job comes twice, although new ones shift the pages.

        Jobs that leave the filter meanwhile, as failed ones do that you retry, pull others past: collect the jobs first then.

        Args:
            status: as in `list`, like the other filters.
            namespace: as in `list`; "default" is picked out here.
            job_name: as in `list`.
            include_result: as in `list`.
            page_size: how many jobs to ask for at a time.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            An iterator of results. An error is the last one.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result)
        return self._fetch.iterate(iterate, call, filters, page_size)

    def submit_many(
        self,
        items: Iterable[ItemT],
        *,
        concurrency: int = 8,
        batch_key: str | None = None,
        retry_failed: bool = False,
        **call: Unpack[CallOptions],
    ) -> Generator[tuple[ItemT, Result[Job]]]:
        """Submit many jobs, some at a time, without ever failing as a whole.

        Args:
            items: pairs of a job name and a payload, or Submissions; also a generator of any length, read at most `concurrency` items
                ahead.
            concurrency: how many are submitted at once; the next so many follow when all of these have their answer.
            batch_key: with it, the same call within 24 hours submits only what is missing: each item's idempotency key is made of it and
                of the item's own key, else of its place, so the order must be the same then.
            retry_failed: with a batch key, submit items anew that failed in an earlier run; the server replays their errors otherwise.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            An iterator of items with their results, in order, one each.

        Raises:
            InvalidInput: an argument other than `items` is not as described; there is no result to put it in.
        """
        batch = Batch(key=batch_key, retry_failed=retry_failed)
        return self._fetch.run_many(submissions(self._fetch.settings, call, items, batch), workers(concurrency))

    def wait_many(
        self,
        job_ids: Iterable[str | UUID],
        *,
        timeout: Seconds = WAIT_TIMEOUT,
        poll: PollPolicy = DEFAULT_POLL,
        **call: Unpack[RetryOption],
    ) -> Generator[tuple[str, Result[Job]]]:
        """Wait for many jobs with one poller: pages of the list, and single requests only for jobs that are not in them.

        Args:
            job_ids: UUIDs, as in `wait`.
            timeout: seconds in all.
            poll: how often to look; a round of several requests is followed by a second for each, so that they stay below the server's
                limit.
            **call: `retry`, in place of the client's, for each request.

        Returns:
            An iterator of ids, in their canonical form, with results, as the jobs end: one for each id that was given, repeated and bad
            ones included; an error where it could not be read or has not ended in time. Jobs come in the list's form, without payload.
        """
        return self._fetch.iterate_pairs(wait_many(self._fetch.settings, call, job_ids, WaitOptions(timeout=timeout, poll=poll)))

    def define(
        self, job_name: str, payload_type: type[In], result_type: type[Out], *, namespace: str | None = None
    ) -> JobDefinition[In, Out]:
        """Name the types of a job's payload and result.

        Args:
            job_name: the function.
            payload_type: an attrs class, dataclass, TypedDict, msgspec.Struct or pydantic model.
            result_type: another one.
            namespace: the function's namespace, as in `submit`.

        Returns:
            A definition with `submit`, `run` and `read`; nothing is sent.
        """
        return JobDefinition(self._fetch, job_name, payload_type, result_type, namespace)
