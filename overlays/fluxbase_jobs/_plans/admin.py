"""The verbs for admins, but for those that users have too."""

from __future__ import annotations

from typing import Any

from .._context.call_context import CallContext
from .._operations import admin as operations
from .._validation.arguments import DEFAULT_NAMESPACE, optional_text, segment
from ..errors import InvalidResponse, NotFound
from ..models.admin import JobFunction, JobStats, SyncOrder, SyncResult, Worker
from ..models.jobs import Job
from ..result import Err, Meta, Ok, Result
from .exchange.denied import DENIED, change_job, read_job
from .exchange.explain import read_back_failed, replace_error
from .exchange.request import exchange
from .exchange.steps import Plan


def get_job(context: CallContext, job_id: object) -> Plan[Result[Job]]:
    """Read a job."""
    return (yield from read_job(context, operations.get(job_id)))


def get_stats(context: CallContext, namespace: object) -> Plan[Result[JobStats]]:
    """Count jobs."""
    return (yield from exchange(context, operations.get_stats(namespace)))


def list_workers(context: CallContext) -> Plan[Result[list[Worker]]]:
    """Read the workers."""
    return (yield from exchange(context, operations.list_workers()))


def list_namespaces(context: CallContext) -> Plan[Result[list[str]]]:
    """Read the names of the namespaces."""
    return (yield from exchange(context, operations.list_namespaces()))


def get_function(context: CallContext, namespace: object, name: object) -> Plan[Result[JobFunction]]:
    """Read a function with its code."""
    return (yield from exchange(context, operations.get_function(namespace, name)))


def terminate(context: CallContext, job_id: object) -> Plan[Result[None]]:
    """Kill a running job."""
    return (yield from change_job(context, operations.terminate(job_id), operations.get(job_id), _reason_not_terminated))


def resubmit(context: CallContext, job_id: object) -> Plan[Result[Job]]:
    """Queue a copy of a job."""
    copied = yield from exchange(context, operations.resubmit(job_id))
    if isinstance(copied, Ok):
        return copied
    return (yield from _missing(copied, read_job(context, operations.get(job_id)), "there is no job with this id to resubmit"))


def list_functions(context: CallContext, namespace: object) -> Plan[Result[list[JobFunction]]]:
    """The functions of a namespace, or all. The default namespace is filtered here, as both servers return all for it (recorded)."""
    checked = optional_text("namespace", namespace)
    if checked != DEFAULT_NAMESPACE:
        return (yield from exchange(context, operations.list_functions(checked)))
    found = yield from exchange(context, operations.list_functions(None))
    return found if isinstance(found, Err) else Ok([each for each in found.data if each.namespace == checked], found.meta)


def delete_function(context: CallContext, namespace: object, name: object) -> Plan[Result[None]]:
    """Delete a function."""
    where, which = segment("namespace", namespace), segment("name", name)
    done = yield from exchange(context, operations.delete_function(where, which))
    if isinstance(done, Ok):
        return done
    reading = exchange(context, operations.get_function(where, which))
    return (yield from _missing(done, reading, f"there is no function {which!r} in the namespace {where!r}"))


def sync(context: CallContext, order: SyncOrder) -> Plan[Result[SyncResult]]:
    """Create, update and delete functions; read them back afterwards if `verify` is set."""
    done = yield from exchange(context, operations.sync(order))
    if isinstance(done, Err) or not order.verify or done.data.dry_run:
        return done
    return (yield from _verified(context, done, order.namespace))


def _verified(context: CallContext, done: Ok[SyncResult], namespace: str) -> Plan[Result[SyncResult]]:
    """The result, if the server has code for each function that it reports as written: April's server has none."""
    meta, empty = done.meta, list[str]()
    for name in (*done.data.details.created, *done.data.details.updated):
        found = yield from exchange(context, operations.get_function(namespace, name))
        if isinstance(found, Err):
            failed = read_back_failed(found.error, f"the sync was made, but the function {name!r}", found.meta.plus(meta))
            return Err(failed.error.with_(details=done.data), failed.meta)
        meta = meta.plus(found.meta)
        if not found.data.code:
            empty.append(name)
    return Err(_no_code(done.data, empty, meta), meta) if empty else Ok(done.data, meta)


def _no_code(result: SyncResult, names: list[str], meta: Meta) -> InvalidResponse:
    return InvalidResponse(
        f"the server confirmed the sync, but stored empty code for {', '.join(map(repr, names))} in the namespace {result.namespace!r}: "
        "their jobs will fail with 'Job function has no code'",
        status=meta.status,
        request_id=meta.request_id,
        hint="April 2026 servers lose the code of every sync; there, put the files into the server's own folder and use from_server_folder",
        details=result,
        attempts=meta.attempts,
    )


def _missing(failed: Err, reading: Plan[Result[Any]], message: str) -> Plan[Err]:
    """The failure of a change; a bare 500 becomes NotFound where reading shows that there is nothing to change (recorded, admin)."""
    if failed.error.status != 500:
        return failed
    found = yield from reading
    meta = failed.meta.plus(found.meta)
    if isinstance(found.error, NotFound):
        missing = replace_error(NotFound, f"{message} (the server answers that with 500)", failed.error, meta)
        return Err(missing.with_(hint=found.error.hint), meta)
    hint = DENIED if found.meta.false_not_found else failed.error.hint
    return Err(failed.error.with_(hint=hint, attempts=meta.attempts), meta)


def _reason_not_terminated(job: Job) -> str | None:
    return None if job.status == "running" else f"the job cannot be terminated: it is {job.status}, and only running jobs can"
