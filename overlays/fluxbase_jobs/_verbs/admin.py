"""The verbs for admins. Signatures and words; what happens is planned in `_plans`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Final, Unpack
from uuid import UUID

from .._context.call_context import CallOptions
from .._drivers.fetch import FluxbaseFetch
from .._operations.endpoints import ADMIN_ENDPOINTS
from .._plans import admin as admin_plans
from .._plans import jobs as plans
from .._plans.iterate import iterate
from .._plans.list_jobs import list_jobs
from ..models.admin import JobFunction, JobStats, SyncFunction, SyncOrder, SyncResult, Worker
from ..models.inputs import Filters
from ..models.jobs import Job
from ..result import Result


class FluxbaseAdminJobs:
    """Everybody's jobs, the functions that they run, the workers and the numbers.

    Every verb returns a result that unpacks to `(data, error)`, and takes `timeout`, the seconds for one request, and `retry`,
    both in place of the client's.

    The key must be a token (a JWT) of a service role or an admin: the server does not look at service and client keys here. Without one
    each verb returns AuthenticationFailed, whose `hint` says so; with an ordinary user's, PermissionDenied.
    """

    def __init__(self, fetch: FluxbaseFetch) -> None:
        self._fetch = fetch

    def list_jobs(
        self,
        *,
        status: str | None = None,
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
            status: only jobs in this status, e.g. "failed".
            namespace: only jobs of this namespace. "default" is picked out here, over up to 20 pages, as the April 2026 server finds
                nothing when it is asked for that.
            job_name: only jobs of this function.
            worker_id: only jobs that this worker took: a UUID.
            include_result: with each job's result.
            limit: at most so many jobs, from 1; the server knows no upper bound.
            offset: leave out the first so many. Jobs that arrive between two calls shift it.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The jobs; an empty list where there are none.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result, worker_id=worker_id)
        return self._fetch.run(list_jobs, call, filters, limit, offset, ADMIN_ENDPOINTS)

    def iterate_jobs(
        self,
        *,
        status: str | None = None,
        namespace: str | None = None,
        job_name: str | None = None,
        worker_id: str | UUID | None = None,
        include_result: bool = False,
        page_size: int = 100,
        **call: Unpack[CallOptions],
    ) -> Generator[Result[Job]]:
        """Go through all jobs, newest first, reading pages as they are needed. No job comes twice, although new ones shift the pages.

        Args:
            status: as in `list_jobs`, like the other filters.
            namespace: as in `list_jobs`; "default" is picked out here.
            job_name: as in `list_jobs`.
            worker_id: as in `list_jobs`.
            include_result: as in `list_jobs`.
            page_size: how many jobs to ask for at a time.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            An iterator of results. An error is the last one.
        """
        filters = Filters(status=status, namespace=namespace, job_name=job_name, worker_id=worker_id, include_result=include_result)
        return self._fetch.iterate(iterate, call, filters, page_size, ADMIN_ENDPOINTS)

    def get_job(self, job_id: str | UUID, **call: Unpack[CallOptions]) -> Result[Job]:
        """Read a job.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The job. NotFound for an unknown id; the server answers so too when its database fails.
        """
        return self._fetch.run(admin_plans.get_job, call, job_id)

    def cancel(self, job_id: str | UUID, **call: Unpack[CallOptions]) -> Result[None]:
        """Cancel a pending or running job.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            Nothing. NotAllowedInState where the job has ended already, also where it ended while the server was cancelling it.
        """
        return self._fetch.run(plans.cancel, call, job_id, ADMIN_ENDPOINTS)

    def terminate(self, job_id: str | UUID, **call: Unpack[CallOptions]) -> Result[None]:
        """Kill a running job at once; its status becomes "cancelled".

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            Nothing. NotAllowedInState where the job is not running, also where it ended meanwhile; a pending one can be cancelled.
        """
        return self._fetch.run(admin_plans.terminate, call, job_id)

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
        return self._fetch.run(plans.retry, call, job_id, ADMIN_ENDPOINTS)

    def resubmit(self, job_id: str | UUID, **call: Unpack[CallOptions]) -> Result[Job]:
        """Queue a copy of a job, whatever became of that.

        Args:
            job_id: a UUID; as text in any case, with or without hyphens, or as `urn:uuid:`.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The new job, pending, under an id of its own: with the payload, priority, limits and owner of the old one, and due at once, as
            a schedule is not copied. NotFound for an unknown id, with the status 500 that the server answers.
        """
        return self._fetch.run(admin_plans.resubmit, call, job_id)

    def get_stats(self, *, namespace: str | None = None, **call: Unpack[CallOptions]) -> Result[JobStats]:
        """Count jobs by status, day and function.

        Args:
            namespace: only jobs of this namespace; None: all. "default" is refused: the April 2026 server answers zeros for it.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The numbers; zeros for an unknown namespace.
        """
        return self._fetch.run(admin_plans.get_stats, call, namespace)

    def list_workers(self, **call: Unpack[CallOptions]) -> Result[list[Worker]]:
        """Read the workers that run jobs.

        Args:
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The workers. The April 2026 server shows none although they run: its workers belong to no tenant, and callers to the default
            one.
        """
        return self._fetch.run(admin_plans.list_workers, call)

    def list_namespaces(self, **call: Unpack[CallOptions]) -> Result[list[str]]:
        """Read the names of the namespaces that have functions.

        Args:
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The names; ["default"] where there are no functions at all.
        """
        return self._fetch.run(admin_plans.list_namespaces, call)

    def list_functions(self, *, namespace: str | None = None, **call: Unpack[CallOptions]) -> Result[list[JobFunction]]:
        """Read the functions, without their code.

        Args:
            namespace: only functions of this namespace; None: all. Those of "default" are picked out here, as the server gives all then.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The functions; an empty list where there are none.
        """
        return self._fetch.run(admin_plans.list_functions, call, namespace)

    def get_function(self, namespace: str, name: str, **call: Unpack[CallOptions]) -> Result[JobFunction]:
        """Read a function with its code.

        Args:
            namespace: its namespace.
            name: its name. In both only the letters a to z, digits and `-._~`: the server does not decode other characters of a path,
                and would not find the function.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            The function. NotFound where there is none.
        """
        return self._fetch.run(admin_plans.get_function, call, namespace, name)

    def delete_function(self, namespace: str, name: str, **call: Unpack[CallOptions]) -> Result[None]:
        """Delete a function. Its jobs stay, without `job_function_id`.

        Args:
            namespace: its namespace.
            name: its name, of the characters that `get_function` takes.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            Nothing. NotFound where there is no such function, with the status 500 that the server answers.
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
        """Give a namespace functions: those that it has are updated, others are created.

        The April 2026 server loses the code on the way, also that of functions which ran before; `verify` finds out, when it is done.

        Args:
            functions: SyncFunction values, or mappings with their names as keys.
            namespace: where they belong.
            delete_missing: delete the namespace's functions that are not among these.
            dry_run: change nothing, and tell what would be done.
            verify: after a sync that is no dry run, read each created and updated function back and see that it has code: one more request
                for each. Their names must be such as `get_function` takes.
            from_server_folder: with no functions: have the server load all of its own folder into the namespace, which is what it does on
                an empty list. It then ignores the other options, which are refused here, and answers zeros whatever it did.
            **call: `timeout`, seconds for one request, and `retry`, both in place of the client's.

        Returns:
            What was done, also where single functions failed: see its `errors`. InvalidResponse where `verify` found functions without
            code, naming them; its `details`, as those of any failure to verify, is the SyncResult. InvalidInput, with nothing sent, for no
            functions, two of one name, an unknown key, or a value that can't be sent as it is.
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
    """What admins can do: `jobs`."""

    def __init__(self, fetch: FluxbaseFetch) -> None:
        self.jobs: Final = FluxbaseAdminJobs(fetch)
