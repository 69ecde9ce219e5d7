"""The endpoints for admins. They accept tokens only, no service or client keys."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from fluxbase_jobs_client import models as wire
from fluxbase_jobs_client.api.admin_jobs import (
    admin_cancel_job,
    admin_get_job,
    admin_list_jobs,
    admin_resubmit_job,
    admin_retry_job,
    admin_terminate_job,
    delete_job_function,
    get_job_function,
    get_job_stats,
    list_job_functions,
    list_job_namespaces,
    list_job_workers,
    sync_job_functions,
)
from fluxbase_jobs_client.types import UNSET

from .._validation import arguments
from .._validation import functions as _functions
from ..errors import InvalidInput
from ..models.admin import JobFunction, JobStats, SyncOrder, SyncResult, Worker
from ..models.jobs import Job
from . import readers
from .answers import Asked
from .jobs import Page, query
from .operation import Operation, idempotency_key, keyed


def get(job_id: object) -> Operation[Job]:
    """Read a job."""
    job = arguments.job_id(job_id)
    return Operation(request=admin_get_job.build_request(job), read=readers.job, asked=Asked(job_id=job))


def list_(page: Page) -> Operation[list[Job]]:
    """Read a page of jobs, newest first."""
    return Operation(request=admin_list_jobs.build_request(**query(page)), read=readers.jobs)


def cancel(job_id: object) -> Operation[None]:
    """Cancel a pending or running job."""
    return keyed(admin_cancel_job.build_request, job_id, readers.confirmation)


def terminate(job_id: object) -> Operation[None]:
    """Kill a running job."""
    return keyed(admin_terminate_job.build_request, job_id, readers.confirmation)


def retry(job_id: object) -> Operation[None]:
    """Put a failed job back into the queue."""
    return keyed(admin_retry_job.build_request, job_id, readers.confirmation)


def resubmit(job_id: object) -> Operation[Job]:
    """Queue a copy of a job."""
    copied = keyed(admin_resubmit_job.build_request, job_id, readers.job)
    return evolve(copied, asked=Asked(copied_id=copied.job_id))


def get_stats(namespace: object) -> Operation[JobStats]:
    """Count jobs."""
    checked = arguments.optional_text("namespace", namespace)
    if checked == arguments.DEFAULT_NAMESPACE:
        raise InvalidInput(
            "namespace 'default' can't be counted alone: the April 2026 server answers zeros for it; leave it out to count all"
        )
    return Operation(request=get_job_stats.build_request(namespace=checked or UNSET), read=readers.stats)


def list_workers() -> Operation[list[Worker]]:
    """Read the workers."""
    return Operation(request=list_job_workers.build_request(), read=readers.workers)


def list_namespaces() -> Operation[list[str]]:
    """Read the names of the namespaces."""
    return Operation(request=list_job_namespaces.build_request(), read=readers.namespaces)


def list_functions(namespace: str | None) -> Operation[list[JobFunction]]:
    """Read the functions of a namespace, or all, without their code."""
    request = list_job_functions.build_request(namespace=namespace or UNSET)
    return Operation(request=request, read=readers.functions, asked=Asked(namespace=namespace))


def get_function(namespace: object, name: object) -> Operation[JobFunction]:
    """Read a function with its code."""
    place = _place(namespace, name)
    return Operation(
        request=get_job_function.build_request(*place), read=readers.function, asked=Asked(namespace=place[0], function=place[1])
    )


def delete_function(namespace: object, name: object) -> Operation[None]:
    """Delete a function."""
    request = delete_job_function.build_request(*_place(namespace, name), idempotency_key=idempotency_key())
    return Operation(request=request, read=readers.nothing)


def sync(order: SyncOrder) -> Operation[SyncResult]:
    """Create, update and delete functions."""
    functions = _functions.checked(order.functions)
    options = {name: arguments.flag(name, getattr(order, name)) or None for name in ("delete_missing", "dry_run")}
    _refuse_surprises(order, functions, [*options.values(), arguments.flag("verify", order.verify)])
    body = wire.SyncRequest(
        namespace=arguments.text("namespace", order.namespace),
        jobs=functions or None,
        options=wire.SyncOptions(**options) if any(options.values()) else None,
    )
    request = sync_job_functions.build_request(body=body, idempotency_key=idempotency_key())
    return Operation(request=request, read=readers.sync_result, asked=Asked(namespace=body.namespace))


def _refuse_surprises(order: SyncOrder, functions: Sequence[wire.SyncFunction], options: Sequence[bool | None]) -> None:
    """Raise InvalidInput for a sync that would do something else than it seems to, or could not be verified once it was done."""
    if arguments.flag("from_server_folder", order.from_server_folder):
        if functions or any(options):
            raise InvalidInput("from_server_folder takes no functions or options: the server ignores them and does not report what it did")
    elif not functions:
        raise InvalidInput(
            "functions must not be empty: the server takes that as the order to load its own folder into the namespace; "
            "if it shall, say from_server_folder=True"
        )
    if order.verify:
        for function in functions:
            get_function(order.namespace, function.name)


def _place(namespace: object, name: object) -> tuple[str, str]:
    return arguments.segment("namespace", namespace), arguments.segment("name", name)
