"""Going through all jobs, page by page, as far as the caller goes along."""

from __future__ import annotations

from attrs import evolve

from .._context.call_context import Session
from .._operations.endpoints import USERS, Routes
from .._validation import arguments
from .._validation.arguments import DEFAULT_NAMESPACE
from ..models.jobs import Filters, Job
from ..result import Err, Ok, Result
from .exchange import exchange, refusing_stream
from .steps import Emit, Stream


@refusing_stream
def iterate(session: Session, filters: Filters, page_size: object, routes: Routes = USERS) -> Stream[Result[Job]]:
    """Each job that matches once, newest first; then an end, or an error.

    Jobs that arrive meanwhile shift the pages: what was there before comes again and is left out. The default namespace is picked out
    here, as the April server finds nothing in it (recorded, list_filters).
    """
    size = arguments.integer("page_size", page_size, 1)
    picked = filters.namespace == DEFAULT_NAMESPACE
    asked = evolve(filters, namespace=None) if picked else filters
    seen: set[str] = set()
    offset = 0
    while True:
        page = yield from exchange(session, routes.list(asked, size, offset))
        if isinstance(page, Err):
            yield Emit(page)
            return
        for job in page.data:
            if job.id not in seen and not (picked and job.namespace != DEFAULT_NAMESPACE):
                yield Emit(Ok(job, page.meta))
        seen.update(job.id for job in page.data)
        if len(page.data) < size:
            return
        offset += size
