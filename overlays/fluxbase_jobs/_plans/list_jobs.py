"""Listing jobs: one page, or, for the default namespace, as many pages as it takes."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from .._context.call_context import CallContext
from .._operations.endpoints import USER_ENDPOINTS, JobEndpoints
from .._operations.jobs import Filters, Page, page
from .._validation.arguments import DEFAULT_NAMESPACE
from ..errors import FluxbaseError
from ..models.jobs import Job
from ..result import NO_META, Err, Ok, Result
from .exchange import exchange
from .steps import Plan

MAX_PAGES: Final = 20
PAGE_SIZE: Final = 100
_TOO_MANY: Final = (
    f"{MAX_PAGES} pages of jobs did not hold enough of the namespace {DEFAULT_NAMESPACE!r}, which only the client can tell apart"
)


def list_jobs(
    context: CallContext, filters: Filters, limit: object, offset: object, endpoints: JobEndpoints = USER_ENDPOINTS
) -> Plan[Result[list[Job]]]:
    """The jobs that match, newest first, after the first `offset`, at most `limit`."""
    wanted = page(filters, limit, offset)
    if filters.namespace == DEFAULT_NAMESPACE:
        return (yield from _list_default_namespace(context, wanted, endpoints))
    return (yield from exchange(context, endpoints.list(wanted)))


def _list_default_namespace(context: CallContext, wanted: Page, endpoints: JobEndpoints) -> Plan[Result[list[Job]]]:
    """Jobs of the default namespace, filtered here: asked for it, the April server finds nothing (recorded, list_filters)."""
    end = wanted.limit + wanted.offset
    size = min(max(end, PAGE_SIZE), 1000)
    # By id, as a job that arrives meanwhile shifts the pages and repeats another one.
    found: dict[str, Job] = {}
    meta = NO_META
    for number in range(MAX_PAGES):
        listed = yield from exchange(context, endpoints.list(evolve(wanted, namespace=None, limit=size, offset=number * size)))
        meta = listed.meta.plus(meta)
        if isinstance(listed, Err):
            return Err(listed.error.with_(attempts=meta.attempts), meta)
        found |= {job.id: job for job in listed.data if job.namespace == DEFAULT_NAMESPACE}
        if len(found) >= end or len(listed.data) < size:
            return Ok([*found.values()][wanted.offset : end], meta)
    hint = "use iterate (admins: iterate_jobs), which reads on for as long as you take jobs"
    return Err(FluxbaseError(_TOO_MANY, hint=hint, attempts=meta.attempts), meta)
