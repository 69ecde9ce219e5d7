"""The verbs for admins, for the async client: the same names, signatures and meanings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Final, Unpack
from uuid import UUID

from .._context.call_context import CallOptions
from .._docstrings import documented_like
from .._drivers.fetch_async import AsyncFluxbaseFetch
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
from .admin import FluxbaseAdmin, FluxbaseAdminJobs
from .argument_hints import with_argument_hints


@with_argument_hints
@documented_like(FluxbaseAdminJobs)
class AsyncFluxbaseAdminJobs:
    """Administer the jobs of all users, the functions that they run, and the workers; read statistics."""

    def __init__(self, fetch: AsyncFluxbaseFetch) -> None:
        self._fetch = fetch

    async def list_jobs(
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
        """Read one page of jobs, newest first. Jobs in a list have no payload."""
        filters = Filters(status=status, namespace=namespace, job_name=job_name, include_result=include_result, worker_id=worker_id)
        return await self._fetch.run(list_jobs, call, filters, limit, offset, ADMIN_ENDPOINTS)

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
    ) -> AsyncGenerator[Result[Job]]:
        """Iterate over all jobs, newest first, reading pages as needed."""
        filters = Filters(status=status, namespace=namespace, job_name=job_name, worker_id=worker_id, include_result=include_result)
        return self._fetch.iterate(iterate, call, filters, page_size, ADMIN_ENDPOINTS)

    async def get_job(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[Job]:
        """Read a job."""
        return await self._fetch.run(admin_plans.get_job, call, job_id)

    async def cancel(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[None]:
        """Cancel a pending or running job."""
        return await self._fetch.run(plans.cancel, call, job_id, ADMIN_ENDPOINTS)

    async def terminate(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[None]:
        """Kill a running job at once; its status becomes "cancelled"."""
        return await self._fetch.run(admin_plans.terminate, call, job_id)

    async def retry(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[Job]:
        """Put a failed job back into the queue, under the same id."""
        return await self._fetch.run(plans.retry, call, job_id, ADMIN_ENDPOINTS)

    async def resubmit(self, job_id: JobId, **call: Unpack[CallOptions]) -> Result[Job]:
        """Queue a copy of a job, whatever the job's status."""
        return await self._fetch.run(admin_plans.resubmit, call, job_id)

    async def get_stats(self, *, namespace: str | None = None, **call: Unpack[CallOptions]) -> Result[JobStats]:
        """Count jobs by status, day and function."""
        return await self._fetch.run(admin_plans.get_stats, call, namespace)

    async def list_workers(self, **call: Unpack[CallOptions]) -> Result[list[Worker]]:
        """Read the workers that run jobs."""
        return await self._fetch.run(admin_plans.list_workers, call)

    async def list_namespaces(self, **call: Unpack[CallOptions]) -> Result[list[str]]:
        """Read the names of the namespaces that have functions."""
        return await self._fetch.run(admin_plans.list_namespaces, call)

    async def list_functions(self, *, namespace: str | None = None, **call: Unpack[CallOptions]) -> Result[list[JobFunction]]:
        """Read the functions, without their code."""
        return await self._fetch.run(admin_plans.list_functions, call, namespace)

    async def get_function(self, namespace: str, name: str, **call: Unpack[CallOptions]) -> Result[JobFunction]:
        """Read a function with its code."""
        return await self._fetch.run(admin_plans.get_function, call, namespace, name)

    async def delete_function(self, namespace: str, name: str, **call: Unpack[CallOptions]) -> Result[None]:
        """Delete a function. Its jobs stay, without `job_function_id`."""
        return await self._fetch.run(admin_plans.delete_function, call, namespace, name)

    async def sync(
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
        """Create or update the functions of a namespace."""
        order = SyncOrder(
            functions=functions,
            namespace=namespace,
            delete_missing=delete_missing,
            dry_run=dry_run,
            verify=verify,
            from_server_folder=from_server_folder,
        )
        return await self._fetch.run(admin_plans.sync, call, order)


@documented_like(FluxbaseAdmin)
class AsyncFluxbaseAdmin:
    """The verbs for admins, in `jobs`."""

    def __init__(self, fetch: AsyncFluxbaseFetch) -> None:
        self.jobs: Final = AsyncFluxbaseAdminJobs(fetch)
