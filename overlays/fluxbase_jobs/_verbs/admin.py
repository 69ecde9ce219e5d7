"""The verbs of `client.admin.jobs`: signatures and docstrings. What each does is in `_plans`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Final, Unpack
from uuid import UUID

from .._context.call_context import CallOptions
from .._drivers.fetch import FluxbaseFetch
from .._operations.endpoints import ADMIN_ENDPOINTS
from .._operations.jobs import Filters
from .._plans import admin as admin_plans
from .._plans import jobs as plans
from .._plans.iterate import iterate
from .._plans.list_jobs import list_jobs
from ..models.admin import JobFunction, JobStats, SyncFunction, SyncOrder, SyncResult, Worker
from ..models.inputs import JobId
from ..models.jobs import Job, JobStatus
from ..result import Result
from .argument_hints import with_argument_hints


@with_argument_hints
class FluxbaseAdminJobs:
    """Administer the jobs of all users, the functions that they run, and the workers; read statistics.

    Every verb returns a result that unpacks to `(data, error)`, and takes `timeout` (seconds for one request) and `retry`, which override
    the client's settings.

    The key must be a token (a JWT) of a service role or an admin: the server ignores service and client keys here. Without such a token
    each verb returns AuthenticationFailed with a `hint`; with an ordinary user's token, PermissionDenied.
    """

    def __init__(self, fetch: FluxbaseFetch) -> None:
        self._fetch = fetch

    def list_jobs(
        self,
        *,
        status: JobStatus | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        worker_id: str | UUID | None = None,
        include_result: bool = False,
        limit: int = 50,
        offset: int = 0,
        **call: Unpack[CallOptions],
    ) -> Result[list[Job]]:
        """Read one page of jobs, newest first. Jobs in a list have no payload.

        Args:
            status: only jobs in this status, e.g. "failed"; InvalidInput for a word that is no JobStatus.
            namespace: only jobs of this namespace. "default" is filtered by the client, over up to 20 pages, as the April 2026 server
                finds nothing for it.
            job_name: only jobs of this function.
            worker_id: only jobs that this worker ran: a UUID.
            include_result: include each job's result.
            limit: the maximum number of jobs, from 1; the server has no upper bound.
            offset: the number of jobs to skip. Jobs that arrive between two calls shift it.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The jobs; an empty list where there are none.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result, worker_id=worker_id)
        return self._fetch.run(list_jobs, call, filters, limit, offset, ADMIN_ENDPOINTS)

    def iterate_jobs(
        self,
        *,
        status: JobStatus | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        worker_id: str | UUID | None = None,
        include_result: bool = False,
        page_size: int = 100,
        **call: Unpack[CallOptions],
    ) -> Generator[Result[Job]]:
        """Iterate over all jobs, newest first, reading pages as needed.

        No job is repeated and none is missed that is in the list all the time, as with `client.jobs.iterate`.

        Args:
            status: as in `list_jobs`, like the other filters.
            namespace: as in `list_jobs`; "default" is filtered by the client.
            job_name: as in `list_jobs`.
            worker_id: as in `list_jobs`.
            include_result: as in `list_jobs`.
            page_size: how many jobs to read in one request.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            An iterator of results. An error is always the last one.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, worker_id=worker_id, include_result=include_result)
        return self._fetch.iterate(iterate, call, filters, page_size, ADMIN_ENDPOINTS)

    def get_job(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[Job]:
        """Read a job.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The job. NotFound for an unknown id; the server also answers 404 when its database fails.
        """
        return self._fetch.run(admin_plans.get_job, call, job_id)

    def cancel(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[None]:
        """Cancel a pending or running job.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            None. NotAllowedInState where the job has already ended, also where it ended while the server was cancelling it.
        """
        return self._fetch.run(plans.cancel, call, job_id, ADMIN_ENDPOINTS)

    def terminate(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[None]:
        """Kill a running job at once; its status becomes "cancelled".

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            None. NotAllowedInState where the job is not running, also where it ended meanwhile; use `cancel` for a pending job.
        """
        return self._fetch.run(admin_plans.terminate, call, job_id)

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
        return self._fetch.run(plans.retry, call, job_id, ADMIN_ENDPOINTS)

    def resubmit(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[Job]:
        """Queue a copy of a job, whatever the job's status.

        Args:
            job_id: the job, or its UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The new pending job, under a new id: with the payload, priority, limits and owner of the old one, and due at once, as the
            schedule is not copied. NotFound for an unknown id, with the status 500 that the server answers.
        """
        return self._fetch.run(admin_plans.resubmit, call, job_id)

    def get_stats(self, *, namespace: str | None = None, **call: Unpack[CallOptions]) -> Result[JobStats]:
        """Count jobs by status, day and function.

        Args:
            namespace: only jobs of this namespace; None: all. "default" is refused, as the April 2026 server answers zeros for it.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The statistics; zeros for an unknown namespace.
        """
        return self._fetch.run(admin_plans.get_stats, call, namespace)

    def list_workers(self, **call: Unpack[CallOptions]) -> Result[list[Worker]]:
        """Read the workers that run jobs.

        Args:
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The workers. The April 2026 server returns none although they run: its workers belong to no tenant, and callers to the default
            tenant.
        """
        return self._fetch.run(admin_plans.list_workers, call)

    def list_namespaces(self, **call: Unpack[CallOptions]) -> Result[list[str]]:
        """Read the names of the namespaces that have functions.

        Args:
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The names; ["default"] where there are no functions at all.
        """
        return self._fetch.run(admin_plans.list_namespaces, call)

    def list_functions(self, *, namespace: str | None = None, **call: Unpack[CallOptions]) -> Result[list[JobFunction]]:
        """Read the functions, without their code.

        Args:
            namespace: only functions of this namespace; None: all. "default" is filtered by the client, as the server returns all for it.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The functions; an empty list where there are none.
        """
        return self._fetch.run(admin_plans.list_functions, call, namespace)

    def get_function(self, namespace: str, name: str, **call: Unpack[CallOptions]) -> Result[JobFunction]:
        """Read a function with its code.

        Args:
            namespace: its namespace.
            name: its name. Both may only contain the letters a to z, digits and `-._~`: the server does not decode other characters of a
                path, and would not find the function.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            The function. NotFound for an unknown one.
        """
        return self._fetch.run(admin_plans.get_function, call, namespace, name)

    def delete_function(self, namespace: str, name: str, **call: Unpack[CallOptions]) -> Result[None]:
        """Delete a function. Its jobs stay, without `job_function_id`.

        Args:
            namespace: its namespace.
            name: its name, with the characters that `get_function` allows.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            None. NotFound for an unknown function, with the status 500 that the server answers.
        """
        return self._fetch.run(admin_plans.delete_function, call, namespace, name)

    def sync(
        self,
        functions: Iterable[SyncFunction | Mapping[str, object]],
        *,
        namespace: str = "default",
        delete_missing: bool = False,
        dry_run: bool = False,
        verify: bool = False,
        from_server_folder: bool = False,
        **call: Unpack[CallOptions],
    ) -> Result[SyncResult]:
        """Create or update the functions of a namespace.

        The April 2026 server loses the code of every function in a sync, also of functions that ran before; `verify` detects that
        afterwards.

        Args:
            functions: SyncFunction values, or mappings with their names as keys.
            namespace: the namespace of the functions.
            delete_missing: delete the namespace's functions that are not in `functions`.
            dry_run: change nothing, and report what would be done.
            verify: after a sync that is no dry run, read each created and updated function back and check that it has code: one more
                request for each. Their names must be ones that `get_function` allows.
            from_server_folder: with no functions: have the server load its whole functions folder into the namespace, which is what it does for
                an empty list. The server then ignores the other options, which are refused here, and reports zeros whatever it did.
            **call: `timeout` (seconds for one request) and `retry` override the client's settings.

        Returns:
            What was done, also where single functions failed: see its `errors`. InvalidResponse where `verify` found functions without
            code, naming them; its `details`, like those of any failure to verify, is the SyncResult. InvalidInput, with nothing sent, for
            no functions, two with the same name, an unknown key, or a value that cannot be sent unchanged.
        """
        order = SyncOrder(
            functions=functions,
            namespace=namespace,
            delete_missing=delete_missing,
            dry_run=dry_run,
            verify=verify,
            from_server_folder=from_server_folder,
        )
        return self._fetch.run(admin_plans.sync, call, order)


class FluxbaseAdmin:
    """The verbs for admins, in `jobs`."""

    def __init__(self, fetch: FluxbaseFetch) -> None:
        self.jobs: Final = FluxbaseAdminJobs(fetch)
