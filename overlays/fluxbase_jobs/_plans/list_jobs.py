"""Listing jobs: one page, or, where the client has to filter, as many pages as it takes."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from .._context.call_context import CallContext
from .._operations.endpoints import USER_ENDPOINTS, JobEndpoints
from .._operations.jobs import Filters, Page, page
from ..errors import FluxbaseError
from ..models.jobs import Job
from ..models.wire_value import WireList
from ..result import NO_META, Err, Ok, Result
from .exchange.request import exchange
from .exchange.steps import Plan
from .pages import ClientFilter, PageReader, split_filters

MAX_PAGES: Final = 20
PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 1000


def list_jobs(
    context: CallContext, filters: Filters, limit: object, offset: object, endpoints: JobEndpoints = USER_ENDPOINTS
) -> Plan[Result[list[Job]]]:
    """The jobs that match, newest first, after the first `offset`, at most `limit`."""
    sent, only = yield from split_filters(context, filters, page(filters, limit, offset))
    if only:
        return (yield from _filtered(context, sent, only, endpoints))
    return (yield from exchange(context, endpoints.list(sent)))


def _filtered(context: CallContext, sent: Page, only: ClientFilter, endpoints: JobEndpoints) -> Plan[Result[list[Job]]]:
    """Jobs that pass the client's filter; limit and offset count those."""
    end = sent.limit + sent.offset
    reader = PageReader(min(max(end, PAGE_SIZE), MAX_PAGE_SIZE))
    found: list[Job] = []
    meta = NO_META
    for _ in range(MAX_PAGES):
        listed = yield from exchange(context, endpoints.list(evolve(sent, limit=reader.limit, offset=reader.offset)))
        meta = listed.meta.plus(meta)
        if isinstance(listed, Err):
            return Err(listed.error.with_(attempts=meta.attempts), meta)
        found += filter(only.matches, reader.take(listed.data))
        if len(found) >= end or (reader.ended and not reader.stuck):
            return Ok(WireList(found[sent.offset : end]), meta)
    error = FluxbaseError(
        f"{MAX_PAGES} pages of jobs did not contain enough jobs that match {only}, a filter that only the client can apply",
        hint="use iterate (admins: iterate_jobs), which reads further pages as you iterate",
        attempts=meta.attempts,
    )
    return Err(error, meta)
