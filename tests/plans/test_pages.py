"""Reading a list that changes between its pages: none twice, none missed that was there all the time, and an end."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseError, InvalidResponse, Job, Result
from fluxbase_jobs._operations import readers
from fluxbase_jobs._operations.jobs import Filters
from fluxbase_jobs._plans.exchange.call import call, stream
from fluxbase_jobs._plans.iterate import iterate
from fluxbase_jobs._plans.list_jobs import list_jobs
from fluxbase_jobs._plans.pages import PageReader
from fluxbase_jobs._transports.messages import RawResponse
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, reply
from tests.support.fake_driver import settings as client_settings
from tests.support.sample_responses import job, page


def id_of(number: int) -> str:
    """The id of a job."""
    return str(UUID(int=number))


class Shifting:
    """A list, newest first, in which after each request some jobs arrive at the front and others leave.

    `changes`: for each request, how many arrive, and which of the jobs that are there (by place) leave.
    """

    def __init__(self, count: int, changes: list[tuple[int, list[int]]]) -> None:
        self.numbers = list(range(count, 0, -1))
        self.constant = set(self.numbers)
        self.changes = iter(changes)
        self.newest = count

    def cut(self, offset: int, limit: int) -> list[int]:
        """A page; then the list changes."""
        shown = self.numbers[offset : offset + limit]
        arriving, leaving = next(self.changes, (0, list[int]()))
        gone = {self.numbers[place % len(self.numbers)] for place in leaving if self.numbers}
        self.constant -= gone
        self.numbers = [*range(self.newest + arriving, self.newest, -1), *(number for number in self.numbers if number not in gone)]
        self.newest += arriving
        return shown

    def __call__(self, request: ReceivedRequest, _: Clock) -> RawResponse | FluxbaseError:
        """Answer a request for a page."""
        shown = self.cut(int(request.query["offset"]), int(request.query["limit"]))
        return reply(200, page(*(job(id=id_of(number)) for number in shown)))


CHANGES = st.lists(st.tuples(st.integers(0, 7), st.lists(st.integers(0, 60), max_size=12)), max_size=12)


@given(count=st.integers(0, 60), size=st.integers(1, 9), changes=CHANGES)
def test_a_changing_list_is_read_without_gaps_and_repeats(count: int, size: int, changes: list[tuple[int, list[int]]]) -> None:
    """Whatever arrives and leaves while it is read."""
    server = Shifting(count, changes)
    reader = PageReader(size)
    found: list[int] = []
    for _ in range(1000):
        rows = server.cut(reader.offset, reader.limit)
        found += [UUID(each.id).int for each in reader.take(readers.jobs(json.dumps(page(*(job(id=id_of(row)) for row in rows))).encode()))]
        if reader.ended:
            break

    assert reader.ended
    assert not reader.stuck
    assert len(found) == len(set(found))
    assert server.constant <= set(found)


def iterated(server: Any, size: int) -> tuple[list[Result[Job]], FakeDriver]:
    """What an iteration gives."""
    driver = FakeDriver(server)
    return [result for _, result in driver.stream(stream(iterate, client_settings(), {}, Filters(), size))], driver


def test_jobs_that_leave_the_list_hide_no_others() -> None:
    """Failed jobs that the caller retries leave the filtered list: half a page is gone before the next one is read."""
    results, _ = iterated(Shifting(20, [(0, [0, 1, 2]), (0, [0, 1, 2, 3, 4])]), 5)

    found = [UUID(result.unwrap().id).int for result in results]
    assert found[:5] == [20, 19, 18, 17, 16]
    assert set(range(1, 13)) <= set(found)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_one_page_for_all_requests_ends(count: int) -> None:
    """A proxy that keeps the first answer: its jobs once."""

    def server(_: ReceivedRequest, __: Clock) -> RawResponse:
        return reply(200, page(*(job(id=id_of(number)) for number in range(count))))

    results, driver = iterated(server, 3)

    assert [UUID(result.unwrap().id).int for result in results if result.ok] == list(range(count))
    assert len(driver.requests) < 20


def test_pages_that_never_end_are_an_error() -> None:
    """A server that ignores the offset: the other jobs cannot be read, and the last item says so."""

    def server(request: ReceivedRequest, _: Clock) -> RawResponse:
        return reply(200, page(*(job(id=id_of(number)) for number in range(int(request.query["limit"])))))

    (*results, last), driver = iterated(server, 3)

    assert [UUID(result.unwrap().id).int for result in results] == [0, 1, 2, 3]
    assert isinstance(last.error, InvalidResponse)
    offsets = [int(request.query["offset"]) for request in driver.requests]
    assert offsets[:3] == [0, 2, 5]
    assert [later - earlier for earlier, later in itertools.pairwise(offsets[2:])] == [3 * 2**number for number in range(12)]


DISJOINTED: dict[str, Callable[[int, int, int], Iterable[int]]] = {
    "empty after the first": lambda offset, limit, _: range(limit) if offset == 0 else (),
    "empty from a place on": lambda offset, limit, _: range(offset, offset + limit) if offset < 9 else (),
    "every second empty": lambda offset, limit, request: range(offset, offset + limit) if request % 2 else (),
    "two in turn": lambda _, limit, request: range(limit) if request % 2 else range(50, 50 + limit),
    "backwards": lambda offset, limit, _: range(offset + limit, offset, -1),
    "others at each request": lambda _, limit, request: range(request * 100, request * 100 + limit),
    "others after the first": lambda offset, limit, request: range(request * 100 * (offset > 0), request * 100 * (offset > 0) + limit),
    "in steps": lambda offset, limit, _: range(offset // 6 * 6, offset // 6 * 6 + limit),
}
"""Pages that a proxy or a faulty server gives, by offset, limit and number of the request."""


@pytest.mark.parametrize("pages", DISJOINTED)
def test_pages_that_do_not_continue_one_another_end(pages: str) -> None:
    """With an error, after the jobs that could be read, each once."""
    requests = itertools.count(1)

    def server(request: ReceivedRequest, _: Clock) -> RawResponse:
        numbers = DISJOINTED[pages](int(request.query["offset"]), int(request.query["limit"]), next(requests))
        return reply(200, page(*(job(id=id_of(number)) for number in numbers)))

    (*results, last), driver = iterated(server, 3)

    found = [result.unwrap().id for result in results]
    assert len(found) == len(set(found)) >= 3
    assert isinstance(last.error, InvalidResponse)
    assert last.error.message == (
        "the list does not end: its pages do not continue one another, or hold only jobs that had been read before"
    )
    assert 40 < len(driver.requests) < 85


def test_a_list_filtered_by_the_client_has_no_gaps() -> None:
    """The jobs of the default namespace, as `iterate` reads them."""
    driver = FakeDriver(Shifting(250, [(0, list(range(30)))]))

    found = driver.run(call(list_jobs, client_settings(), {}, Filters(namespace="default"), 150, 0)).unwrap()

    assert [UUID(each.id).int for each in found] == list(range(250, 100, -1))
