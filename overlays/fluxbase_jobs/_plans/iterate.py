"""Iterate over all jobs, page by page, as far as the caller reads."""

from __future__ import annotations

from attrs import evolve

from .._context.call_context import CallContext
from .._operations.endpoints import USER_ENDPOINTS, JobEndpoints
from .._operations.jobs import Filters, page
from .._validation import arguments
from ..errors import InvalidResponse
from ..models.jobs import Job
from ..result import Err, Ok, Result
from .exchange.request import exchange
from .exchange.steps import Emit, Stream, read_clock
from .pages import PageReader, split_filters


def iterate(context: CallContext, filters: Filters, page_size: object, endpoints: JobEndpoints = USER_ENDPOINTS) -> Stream[Result[Job]]:
    """Each job that matches once, newest first; then an end, or an error. PageReader handles jobs that are added or removed meanwhile."""
    size = arguments.integer("page_size", page_size, 1)
    sent, only = yield from split_filters(context, filters, page(filters, size, 0))
    reader = PageReader(size)
    while not reader.ended:
        now = yield from read_clock()
        operation = endpoints.list(evolve(sent, limit=reader.limit, offset=reader.offset))
        listed = yield from exchange(context.restarted(now.monotonic), operation)
        if isinstance(listed, Err):
            yield Emit(listed)
            return
        for job in reader.take(listed.data):
            if only.matches(job):
                yield Emit(Ok(job, listed.meta))
    if reader.stuck:
        yield Emit(
            Err(
                InvalidResponse("the list does not end: its pages do not continue one another, or hold only jobs that had been read before")
            )
        )
