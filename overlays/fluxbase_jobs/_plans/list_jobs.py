"""Listing jobs: one page, or, for the default namespace, as many pages as it takes."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from .._context.call_context import Session
from .._operations.endpoints import USERS, Routes
from .._validation.arguments import DEFAULT_NAMESPACE
from ..errors import FluxbaseError
from ..models.jobs import Filters, Job
from ..result import NO_META, Err, Ok, Result, both
from .exchange import exchange, whole
from .steps import Plan

MAX_PAGES: Final = 20
PAGE_SIZE: Final = 100


def list_jobs(session: Session, filters: Filters, limit: int, offset: int, routes: Routes = USERS) -> Plan[Result[list[Job]]]:
    """The jobs that match, newest first, after the first `offset`, at most `limit`."""
    if filters.namespace == DEFAULT_NAMESPACE:
        return (yield from _list_default(session, filters, limit, offset, routes))
    return (yield from exchange(session, routes.list(filters, limit, offset)))


def _list_default(session: Session, filters: Filters, limit: int, offset: int, routes: Routes) -> Plan[Result[list[Job]]]:
    """Jobs of the default namespace, picked out here: asked for it, the April server finds nothing (recorded, list_filters)."""
    routes.list(filters, limit, offset)  # refuses bad arguments before anything is sent
    session = yield from whole(session)
    anywhere = evolve(filters, namespace=None)
    size = min(max(limit + offset, PAGE_SIZE), 1000)
    # By id, as a job that arrives meanwhile shifts the pages and repeats another one.
    found: dict[str, Job] = {}
    meta = NO_META
    for page_number in range(MAX_PAGES):
        page = yield from exchange(session, routes.list(anywhere, size, page_number * size))
        meta = both(meta, page.meta, page.meta)
        if isinstance(page, Err):
            page.error.attempts = meta.attempts
            return Err(page.error, meta)
        found |= {job.id: job for job in page.data if job.namespace == DEFAULT_NAMESPACE}
        if len(found) >= limit + offset or len(page.data) < size:
            return Ok([*found.values()][offset : offset + limit], meta)
    return Err(
        FluxbaseError(
            _TOO_MANY, hint="use iterate (admins: iterate_jobs), which reads on for as long as you take jobs", attempts=meta.attempts
        ),
        meta,
    )


_TOO_MANY: Final = (
    f"{MAX_PAGES} pages of jobs did not hold enough of the namespace {DEFAULT_NAMESPACE!r}, which only the client can tell apart"
)
