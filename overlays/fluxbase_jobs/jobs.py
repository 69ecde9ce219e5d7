"""The verbs: what a program can do with jobs. Signatures and words; what happens is planned in `_plans`."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from ._arguments import Seconds
from ._plans import listing, verbs
from ._twins import documented_like
from .fetch import AsyncFluxbaseFetch, FluxbaseFetch
from .models import Filters, Job, LogLine, OnBehalfOf, Submission
from .result import Result


class FluxbaseJobs:
    """Submit, read, list, cancel and retry background jobs, and read their logs.

    Every verb returns a result that unpacks to `(data, error)`. It raises for a programmer's mistake only: a wrong number of arguments, a
    closed client, an exception of your own callback. Every verb takes `timeout`, the seconds for one request, in place of the client's.

    The server does not keep users apart here: any signed-in user reads, lists, cancels and retries everybody's jobs; only logs are private.
    """

    def __init__(self, fetch: FluxbaseFetch) -> None:
        self._fetch = fetch

    def submit(
        self,
        job_name: str,
        payload: Mapping[str, object] | object | None = None,
        *,
        namespace: str | None = None,
        priority: int | None = None,
        scheduled: datetime | timedelta | str | None = None,
        on_behalf_of: str | UUID | OnBehalfOf | None = None,
        idempotency_key: str | None = None,
        timeout: Seconds | None = None,
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
            timeout: seconds for one request; None: the client's.

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
        return self._fetch.run(verbs.submit(self._fetch.session(timeout), submission))

    def get(self, job_id: str | UUID, *, include_logs: bool = False, timeout: Seconds | None = None) -> Result[Job]:
        """Read a job.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            include_logs: read its log too, in a second request. If that fails, the job comes all the same, with `logs` None and the
                reason in the result's `meta.logs_error`.
            timeout: seconds for one request; None: the client's.

        Returns:
            The job. NotFound for an unknown id; the server answers so too when its database fails.
        """
        return self._fetch.run(verbs.get(self._fetch.session(timeout), job_id, include_logs))

    def list(
        self,
        *,
        status: str | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        include_result: bool = False,
        limit: int = 50,
        offset: int = 0,
        timeout: Seconds | None = None,
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
            timeout: seconds for one request; None: the client's.

        Returns:
            The jobs, everybody's and not only the caller's; an empty list where there are none.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result)
        return self._fetch.run(listing.list_jobs(self._fetch.session(timeout), filters, limit, offset))

    def cancel(self, job_id: str | UUID, *, timeout: Seconds | None = None) -> Result[None]:
        """Cancel a pending or running job.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            timeout: seconds for one request; None: the client's.

        Returns:
            Nothing. NotAllowedInState where the job has ended already, also where it ended while the server was cancelling it.
        """
        return self._fetch.run(verbs.cancel(self._fetch.session(timeout), job_id))

    def retry(self, job_id: str | UUID, *, timeout: Seconds | None = None) -> Result[Job]:
        """Put a failed job back into the queue, under its id.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            timeout: seconds for one request; None: the client's.

        Returns:
            The job as it is afterwards; it keeps its last progress until it runs. NotAllowedInState where it has not failed, or where
            `retry_count` has reached `max_retries`, which is 0 unless the function says more. An error after the server accepted the
            retry says so and is not `retryable`.
        """
        return self._fetch.run(verbs.retry(self._fetch.session(timeout), job_id))

    def logs(self, job_id: str | UUID, *, after_line: int = 0, timeout: Seconds | None = None) -> Result[builtins.list[LogLine]]:
        """Read a job's log.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            after_line: only lines with a higher number than this; numbers start from 1.
            timeout: seconds for one request; None: the client's.

        Returns:
            The lines that the server has by now, about a second behind the job; the job's own result is among them as a line that starts
            with `__RESULT__::`. The April 2026 server shows none before its next start. NotFound for another user's job, ServerFailed for
            an unknown id.
        """
        return self._fetch.run(verbs.logs(self._fetch.session(timeout), job_id, after_line))


@documented_like(FluxbaseJobs)
class AsyncFluxbaseJobs:
    """Submit, read, list, cancel and retry background jobs, and read their logs."""

    def __init__(self, fetch: AsyncFluxbaseFetch) -> None:
        self._fetch = fetch

    async def submit(
        self,
        job_name: str,
        payload: Mapping[str, object] | object | None = None,
        *,
        namespace: str | None = None,
        priority: int | None = None,
        scheduled: datetime | timedelta | str | None = None,
        on_behalf_of: str | UUID | OnBehalfOf | None = None,
        idempotency_key: str | None = None,
        timeout: Seconds | None = None,
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
        return await self._fetch.run(verbs.submit(self._fetch.session(timeout), submission))

    async def get(self, job_id: str | UUID, *, include_logs: bool = False, timeout: Seconds | None = None) -> Result[Job]:
        """Read a job."""
        return await self._fetch.run(verbs.get(self._fetch.session(timeout), job_id, include_logs))

    async def list(
        self,
        *,
        status: str | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        include_result: bool = False,
        limit: int = 50,
        offset: int = 0,
        timeout: Seconds | None = None,
    ) -> Result[builtins.list[Job]]:
        """Read one page of jobs, newest first. Jobs in a list have no payload."""
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result)
        return await self._fetch.run(listing.list_jobs(self._fetch.session(timeout), filters, limit, offset))

    async def cancel(self, job_id: str | UUID, *, timeout: Seconds | None = None) -> Result[None]:
        """Cancel a pending or running job."""
        return await self._fetch.run(verbs.cancel(self._fetch.session(timeout), job_id))

    async def retry(self, job_id: str | UUID, *, timeout: Seconds | None = None) -> Result[Job]:
        """Put a failed job back into the queue, under its id."""
        return await self._fetch.run(verbs.retry(self._fetch.session(timeout), job_id))

    async def logs(self, job_id: str | UUID, *, after_line: int = 0, timeout: Seconds | None = None) -> Result[builtins.list[LogLine]]:
        """Read a job's log."""
        return await self._fetch.run(verbs.logs(self._fetch.session(timeout), job_id, after_line))
