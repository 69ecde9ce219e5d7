"""Going through all jobs, page by page, as far as the caller iterates."""

from __future__ import annotations

from attrs import evolve

from .._context.call_context import CallContext
from .._operations.endpoints import USER_ENDPOINTS, JobEndpoints
from .._operations.jobs import Filters, page
from .._validation import arguments
from .._validation.arguments import DEFAULT_NAMESPACE
from ..models.jobs import Job
from ..result import Err, Ok, Result
from .exchange import exchange
from .steps import Emit, Stream, read_clock


def iterate(context: CallContext, filters: Filters, page_size: object, endpoints: JobEndpoints = USER_ENDPOINTS) -> Stream[Result[Job]]:
    """Each job that matches once, newest first; then an end, or an error.

    Jobs that arrive meanwhile shift the pages: those that come again are left out. The default namespace is filtered here, as the April
    server finds nothing in it (recorded, list_filters).
    """
    wanted = page(filters, arguments.integer("page_size", page_size, 1), 0)
    namespace = wanted.namespace if wanted.namespace == DEFAULT_NAMESPACE else None
    wanted = evolve(wanted, namespace=None) if namespace else wanted
    seen: set[str] = set()
    while True:
        now = yield from read_clock()
        listed = yield from exchange(context.restarted(now.monotonic), endpoints.list(wanted), now)
        if isinstance(listed, Err):
            yield Emit(listed)
            return
        for job in listed.data:
            if job.id not in seen and namespace in {None, job.namespace}:
                yield Emit(Ok(job, listed.meta))
        seen.update(job.id for job in listed.data)
        if len(listed.data) < wanted.limit:
            return
        wanted = evolve(wanted, offset=wanted.offset + wanted.limit)
