"""The verbs of `client.jobs`: signatures and docstrings. What each does is in `_plans`, in the file of its name."""

from __future__ import annotations

import builtins
from collections.abc import Generator, Iterable, Iterator
from datetime import datetime, timedelta
from logging import Logger
from typing import Unpack
from uuid import UUID

from .._context.argument_hints import with_argument_hints
from .._context.call_context import CallOptions, RetryOption
from .._drivers.fetch import FluxbaseFetch
from .._operations.jobs import Filters
from .._plans import jobs as plans
from .._plans.iterate import iterate
from .._plans.list_jobs import list_jobs
from .._plans.logs import logs
from .._plans.polling import OnProgress, WaitOptions
from .._plans.run import run
from .._plans.submit_many import ITEMS, Batch, BatchReport, ItemT, OnSubmitted, submissions, workers
from .._plans.tail import tail
from .._plans.tail_many import tail_many
from .._plans.wait import wait
from .._plans.wait_many import JOBS, wait_many, watch_many
from .._plans.watch import watch
from .._validation.arguments import Seconds, iterator
from ..models.inputs import JobId, OnBehalfOf, Submission
from ..models.jobs import Job, JobStatus, LogLine
from ..policies.poll import PollPolicy
from ..result import Result
from .call_options import DEFAULT_POLL, WAIT_TIMEOUT, In, Out, Payload
from .definitions import JobDefinition


@with_argument_hints
class FluxbaseJobs:
    """Submit, read, list, cancel and retry background jobs, and read their logs.

    Every verb returns a result that unpacks to `(data, error)`. Only programming errors raise: wrong arguments, a closed client, an
    exception in your own callback. Every verb takes `timeout` (seconds for one request) and `retry` (a RetryPolicy, or None for one
    attempt), which override the client's settings.

    The server does not separate users here: any signed-in user can read, list, cancel and retry everybody's jobs; only logs are private.
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
            payload: the function's argument: a mapping, or an instance of an attrs class, dataclass, msgspec.Struct or pydantic model,
                that encodes to a JSON object. None sends no payload.
            namespace: the function's namespace. None: the first namespace, in alphabetical order, that has a function of this name.
            priority: a 32-bit integer; higher priorities run first, the server's default is 0.
            scheduled: the earliest time to run: an aware datetime, a timedelta from now, or RFC 3339 text with an offset.
            on_behalf_of: the user who will own the job, by id or as OnBehalfOf; for service roles only.
            idempotency_key: 1 to 256 visible ASCII characters. A second call with the same key and arguments within 24 hours returns the
                first call's response, errors included, and creates no second job. None: a new key for each call.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The pending job. InvalidInput, with nothing sent, for an argument that cannot be sent unchanged; NotFound for an unknown
            function; PermissionDenied for a disabled function or a missing role.
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

    def get(self, job_id: JobId, *, include_logs: bool = False, **call: Unpack[CallOptions]) -> Result[Job]:
        """Read a job.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            include_logs: read the job's log too, in a second request. If that fails, the job is returned all the same, with `logs` None
                and the reason in the result's `meta.logs_error`.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The job. NotFound for an unknown id; the server also answers 404 when its database fails.
        """
        return self._fetch.run(plans.get, call, job_id, include_logs)

    def list(
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
        """Read one page of jobs, newest first. Jobs in a list have no payload.

        Args:
            status: only jobs in this status, e.g. "failed"; InvalidInput for a word that is no JobStatus.
            namespace: only jobs of this namespace. "default" is filtered by the client, over up to 20 pages, as the April 2026 server
                finds nothing for it.
            job_name: only jobs of this function.
            created_by: only jobs of this user, by id, or "me" for the user whose token the key is. Filtered by the client, over up to 20
                pages: the server lists everybody's jobs.
            include_result: include each job's result.
            limit: the maximum number of jobs, from 1; the server has no upper bound.
            offset: the number of jobs to skip. Jobs that arrive between two calls shift it.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The jobs of all users, not only the caller's, unless `created_by` is given; an empty list where there are none. An error that
            names `iterate` where 20 pages did not hold enough jobs that match a filter of the client.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result, created_by=created_by)
        return self._fetch.run(list_jobs, call, filters, limit, offset)

    def cancel(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[None]:
        """Cancel a pending or running job.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            None. NotAllowedInState where the job has already ended, also where it ended while the server was cancelling it.
        """
        return self._fetch.run(plans.cancel, call, job_id)

    def retry(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[Job]:
        """Put a failed job back into the queue, under the same id.

        Where the function's `max_retries` is used up, or is 0 (the default), the server refuses: `resubmit` queues a new job instead.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The job after the retry; it keeps its last progress until it runs. NotAllowedInState where the job has not failed, or where
            `retry_count` has reached `max_retries`, which is 0 unless the function sets it. If reading the job back fails after the server
            accepted the retry, the error's message names that, and it is not `retryable`.
        """
        return self._fetch.run(plans.retry, call, job_id)

    def resubmit(self, job: JobId, *, idempotency_key: str | None = None, **call: Unpack[CallOptions]) -> Result[Job]:
        """Queue a new job like one that has ended, as any user may.

        Args:
            job: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`. It is read first in any case.
            idempotency_key: as in `submit`, for the new job.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The new pending job, under a new id: with the function, namespace, priority and payload of the old one, due at once, and owned
            by the caller. NotAllowedInState where the old one has not ended.
        """
        return self._fetch.run(plans.resubmit, call, job, idempotency_key)

    def logs(self, job_id: JobId, *, after_line: int = 0, **call: Unpack[CallOptions]) -> Result[builtins.list[LogLine]]:
        """Read a job's log.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            after_line: only lines with a higher line number than this; numbers start at 1.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The lines that the server has stored so far, about a second behind the job. The job's result is among them, as a line that
            starts with `__RESULT__::`. The April 2026 server returns no lines until its next start. NotFound for another user's job,
            ServerFailed for an unknown id.
        """
        return self._fetch.run(logs, call, job_id, after_line)

    def wait(
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
        """Wait for a job's end.

        Transient read failures are retried until the timeout. Interrupting the wait (Ctrl-C, a cancelled task) does not cancel the job
        unless `cancel_on_exit` is set; the exception carries a note with its id.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            timeout: total time limit in seconds, requests and pauses included. A job whose worker died may stay `running` forever.
            poll: how often to poll.
            on_progress: called with the job at each change, its end included; for the async client also a coroutine function. Exceptions
                that it raises propagate to the caller.
            cancel_on_timeout: cancel the job when the timeout expires.
            cancel_on_exit: cancel the job when an exception ends the wait: Ctrl-C, a cancelled task, `asyncio.timeout` around it, or an
                exception of `on_progress`. That takes at most 10 seconds; then the exception propagates.
            **call: `retry` overrides the client's retry policy for each poll.

        Returns:
            The job in its final state, whichever that is. WaitTimeout, with the job as it was last read, if it has not ended in time; the
            server's error if the job cannot be read.
        """
        options = WaitOptions(
            timeout=timeout, poll=poll, on_progress=on_progress, cancel_on_timeout=cancel_on_timeout, cancel_on_exit=cancel_on_exit
        )
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
        cancel_on_exit: bool = False,
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
            timeout: time limit for the wait in seconds, as in `wait`, from the submit's response on. Cancelling the job and reading a
                failed job's log happen after the timeout and take at most 10 seconds.
            poll: as in `wait`.
            on_progress: as in `wait`.
            cancel_on_timeout: as in `wait`.
            cancel_on_exit: as in `wait`. Where the exception comes before the submit's response, the submit is sent again under its
                idempotency key, to learn which job to cancel.
            **call: `retry` overrides the client's retry policy.

        Returns:
            The completed job. JobFailed, JobCancelled and WaitTimeout carry the `job`; any error after the submit has its `job_id`. The
            message of JobFailed is the text that the job threw; its log is searched for that for up to 2 seconds.
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
        options = WaitOptions(
            timeout=timeout, poll=poll, on_progress=on_progress, cancel_on_timeout=cancel_on_timeout, cancel_on_exit=cancel_on_exit
        )
        return self._fetch.run(run, call, submission, options)

    def watch(
        self, job_id: JobId, *, timeout: Seconds = WAIT_TIMEOUT, poll: PollPolicy = DEFAULT_POLL, **call: Unpack[RetryOption]
    ) -> Generator[Result[Job]]:
        """Follow a job: each change of its status and progress once, its final state last.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            timeout: total time limit in seconds.
            poll: how often to poll.
            **call: `retry` overrides the client's retry policy for each poll.

        Returns:
            An iterator of results. An error is always the last one: WaitTimeout at the deadline, or the server's error. Closing the
            iterator stops the polling.
        """
        return self._fetch.iterate(watch, call, job_id, WaitOptions(timeout=timeout, poll=poll))

    def tail(
        self,
        job_id: JobId,
        *,
        after_line: int = 0,
        timeout: Seconds = WAIT_TIMEOUT,
        to_logger: Logger | None = None,
        **call: Unpack[RetryOption],
    ) -> Generator[Result[LogLine]]:
        """Follow a job's log until the job has ended and the log is complete: each line once, in order, across retries and server restarts.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            after_line: only lines with a higher line number than this.
            timeout: total time limit in seconds.
            to_logger: a logger that each line is also sent to, at the line's level.
            **call: `retry` overrides the client's retry policy for each poll.

        Returns:
            An iterator of results, without the line that carries the job's result. An error is always the last one. The April 2026 server
            shows a log over HTTP only after its next start: there the lines come over the WebSocket, and where some are missing, a result
            says which, with `meta.notes` and a line without a number.
        """
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
    ) -> Generator[Result[Job]]:
        """Iterate over all jobs, newest first, reading pages as needed.

        No job is repeated and none is missed that is in the list all the time, although jobs that arrive, or stop matching the filter
        meanwhile (failed jobs that you retry), shift the pages. Jobs that were created at the very same moment have no fixed order, and for
        them that cannot be promised.

        Args:
            status: as in `list`, like the other filters.
            namespace: as in `list`; "default" is filtered by the client.
            job_name: as in `list`.
            created_by: as in `list`, over as many pages as you take jobs from.
            include_result: as in `list`.
            page_size: how many jobs to read in one request.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            An iterator of results. An error is always the last one.
        """
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
    ) -> Generator[tuple[ItemT, Result[Job]]]:
        """Submit many jobs concurrently. One item's error never ends the batch.

        An exception of your own code (the items' iterator, a callable key, `on_progress`) is raised once the results of all that was sent
        have been yielded. After Ctrl-C, a cancellation or `close()` nothing new is sent, and requests in flight get a second to finish. A
        note on the exception says how many jobs were submitted.

        Args:
            items: pairs of a job name and a payload, or Submissions; also a generator of any length, which is read at most `concurrency`
                items ahead.
            concurrency: how many requests run at once.
            batch_key: makes the batch resumable: the same call within 24 hours submits only the items that are missing. Each item's
                idempotency key is derived from it and from the item's own key, or else its position, so keep the order the same.
            retry_failed: with a batch key, submit items again that failed in an earlier run; otherwise the server replays their errors.
                A key that stays in progress, as after a kill of the server, is never replaced, as its job may exist: that is looked
                for in the list, and the item's result is the job with a note, or a Conflict that says what is known.
            on_progress: called before each pair is yielded, with the number of pairs so far and the number of items, None where `items` has
                no length; for the async client also a coroutine function.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            An iterator of pairs of an item and its result, in order, one for each item. An item that cannot be read has InvalidInput.

        Raises:
            InvalidInput: an argument is not as described, or `items` cannot be iterated over; there is no result that could hold the error.
        """
        batch = Batch(key=batch_key, retry_failed=retry_failed)
        report = BatchReport[Result[Job]](items, on_progress, resumable=batch_key is not None)
        given: Iterator[ItemT] = iterator("items", items, ITEMS)
        return self._fetch.run_many(submissions(self._fetch.settings, call, given, batch), workers(concurrency), report)

    def wait_many(
        self,
        job_ids: Iterable[JobId],
        *,
        timeout: Seconds = WAIT_TIMEOUT,
        poll: PollPolicy = DEFAULT_POLL,
        causes: bool = False,
        on_progress: OnProgress | None = None,
        **call: Unpack[RetryOption],
    ) -> Generator[tuple[str, Result[Job]]]:
        """Wait for many jobs with one poller. It reads pages of the list, and single jobs only where they are not in those pages.

        Args:
            job_ids: jobs or UUIDs, as in `wait`.
            timeout: total time limit in seconds.
            poll: how often to poll; a round of several requests is followed by a pause of one second for each, to stay below the server's
                rate limit.
            causes: read the error messages of failed jobs from their logs, as `run` does: the result of a failed job is then JobFailed. It takes a request for
                each failed job, about one a second with the default `poll`; those that are left at the timeout come without their cause.
            on_progress: called with a job at each change, its end included; for the async client also a coroutine function. Exceptions
                that it raises propagate to the caller.
            **call: `retry` overrides the client's retry policy for each request.

        Returns:
            An iterator of pairs of an id, in canonical form, and a result, as the jobs end: one for each id that was given, repeated and
            invalid ids included. The result is the job in its final state, or an error if the job could not be read or has not ended in time. Jobs have no payload, as in
            a list.

        Raises:
            InvalidInput: `job_ids` cannot be iterated over; there is no result that could hold the error.
        """
        options = WaitOptions(timeout=timeout, poll=poll, on_progress=on_progress)
        return self._fetch.iterate_pairs(wait_many(self._fetch.settings, call, iterator("job_ids", job_ids, JOBS), options, causes=causes))

    def watch_many(
        self, job_ids: Iterable[JobId], *, timeout: Seconds = WAIT_TIMEOUT, **call: Unpack[RetryOption]
    ) -> Generator[tuple[str, Result[Job]]]:
        """Follow many jobs with one WebSocket, or one poller: each change of each job once, as they come.

        Args:
            job_ids: jobs or UUIDs, as in `wait`. One that is given twice is followed once.
            timeout: total time limit in seconds.
            **call: `retry` overrides the client's retry policy for each request.

        Returns:
            An iterator of pairs of an id, in canonical form, and a result. The last result of a job is its final state, or an error if it
            could not be read or has not ended in time; the others go on. Jobs have no payload, as in a list.

        Raises:
            InvalidInput: as for `wait_many`.
        """
        options = WaitOptions(timeout=timeout, poll=DEFAULT_POLL)
        return self._fetch.iterate_pairs(watch_many(self._fetch.settings, call, iterator("job_ids", job_ids, JOBS), options))

    def tail_many(
        self, job_ids: Iterable[JobId], *, timeout: Seconds = WAIT_TIMEOUT, **call: Unpack[RetryOption]
    ) -> Generator[tuple[str, Result[LogLine]]]:
        """Follow the logs of many jobs with one WebSocket, or one poller: each line once, in order for each job, as they come.

        Args:
            job_ids: jobs or UUIDs, as in `wait`. One that is given twice is followed once.
            timeout: total time limit in seconds.
            **call: `retry` overrides the client's retry policy for each request.

        Returns:
            An iterator of pairs of an id, in canonical form, and a result, as `tail` gives it. It ends when all jobs have ended and their
            logs are complete. An error is the last result of its job; the others go on. Without a WebSocket each job's log is read every
            two seconds for each job that is followed, to stay below the server's rate limit.

        Raises:
            InvalidInput: as for `wait_many`.
        """
        options = WaitOptions(timeout=timeout, poll=DEFAULT_POLL)
        return self._fetch.iterate_pairs(tail_many(self._fetch.settings, call, iterator("job_ids", job_ids, JOBS), options))

    def define(
        self, job_name: str, payload_type: type[In], result_type: type[Out], *, namespace: str | None = None
    ) -> JobDefinition[In, Out]:
        """Define a job by its name and the types of its payload and result.

        Args:
            job_name: the function.
            payload_type: an attrs class, dataclass, TypedDict, msgspec.Struct or pydantic model.
            result_type: a type of the same kinds.
            namespace: the function's namespace, as in `submit`.

        Returns:
            A definition with `submit`, `run`, `wait`, `submit_many` and `read`; nothing is sent.

        Raises:
            InvalidInput: an argument is not as described; there is no result that could hold the error.
        """
        return JobDefinition(self._fetch, job_name, payload_type, result_type, namespace)
