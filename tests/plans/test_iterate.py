"""Iterating over all jobs on a fake server whose list grows while it is read."""

from __future__ import annotations

from itertools import islice
from typing import Any
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseError, InvalidInput, Job, Result, ServerFailed
from fluxbase_jobs._operations.jobs import Filters
from fluxbase_jobs._plans.exchange.call import stream
from fluxbase_jobs._plans.exchange.steps import Stream
from fluxbase_jobs._plans.iterate import iterate
from fluxbase_jobs._transports.messages import RawResponse

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, replies, reply, settings
from tests.support.sample_responses import job, page


def id_of(number: int) -> str:
    """The id of a job."""
    return str(UUID(int=number))


def iterating(page_size: Any = 3, **filters: Any) -> Stream[Result[Job]]:
    """The stream of an iteration."""
    return stream(iterate, settings(), {}, Filters(**filters), page_size)


class Growing:
    """A list, newest first, at whose front jobs arrive between two requests."""

    def __init__(self, jobs: int, arriving: int, namespace: str = "default") -> None:
        self.numbers = [*range(jobs, 0, -1)]
        self.arriving = arriving
        self.namespace = namespace

    def __call__(self, request: ReceivedRequest, _: Clock) -> RawResponse | FluxbaseError:
        """A page; then others arrive."""
        start, size = int(request.query["offset"]), int(request.query["limit"])
        bodies = [
            job(id=id_of(number), namespace=self.namespace if number % 2 else "media") for number in self.numbers[start : start + size]
        ]
        self.numbers[:0] = [len(self.numbers) + more for more in range(self.arriving, 0, -1)]
        return reply(200, page(*bodies))


def ids(driver: FakeDriver, stream: Stream[Result[Job]]) -> list[str]:
    """The ids that a stream gives, all of them of jobs."""
    return [result.unwrap().id for _, result in driver.stream(stream)]


@pytest.mark.parametrize("arriving", [0, 1, 2])
@pytest.mark.parametrize("jobs", [0, 1, 3, 10])
def test_each_job_comes_once_although_others_arrive(jobs: int, arriving: int) -> None:
    """What was there at the start comes newest first, without gaps or repeats."""
    assert ids(FakeDriver(Growing(jobs, arriving)), iterating()) == [id_of(number) for number in range(jobs, 0, -1)]


def test_pages_are_read_as_they_are_needed() -> None:
    """Four jobs of pages of three are two requests."""
    driver = FakeDriver(Growing(100, 0))
    stream = driver.stream(iterating())

    assert driver.requests == []
    assert len(list(islice(stream, 3))) == 3
    assert len(driver.requests) == 1
    next(stream)
    assert [(request.query["offset"], request.query["limit"]) for request in driver.requests] == [("0", "3"), ("2", "4")]


def test_filters_go_to_the_server() -> None:
    """Each as `list` sends it."""
    driver = FakeDriver(Growing(1, 0))

    list(driver.stream(iterating(50, status="failed", job_name="resize", namespace="media", include_result=True)))

    expected = {"status": "failed", "job_name": "resize", "namespace": "media", "include_result": "true", "limit": "50", "offset": "0"}
    assert driver.requests[0].query == expected


def test_the_default_namespace_is_picked_out_here() -> None:
    """It is never sent: the April server finds nothing in it."""
    driver = FakeDriver(Growing(10, 0))

    assert ids(driver, iterating(namespace="default")) == [id_of(number) for number in range(9, 0, -2)]
    assert len(driver.requests) == 4
    assert all("namespace" not in request.query for request in driver.requests)


def test_an_error_is_the_last_item_and_loses_nothing() -> None:
    """What came before it stays."""
    first = reply(200, page(*(job(id=id_of(number)) for number in range(3))))
    driver = FakeDriver(replies(first, reply(500, {"error": "Failed to list jobs"})))

    *jobs, (_, last) = driver.stream(iterating())

    assert [result.unwrap().id for _, result in jobs] == [id_of(number) for number in range(3)]
    assert isinstance(last.error, ServerFailed)


def test_a_transient_fault_is_retried() -> None:
    """A page is retried like any read."""
    driver = FakeDriver(replies(reply(503, {"error": "down"}), reply(200, page(job(id=id_of(1))))))

    assert ids(driver, iterating()) == [id_of(1)]


@pytest.mark.parametrize(
    ("options", "says"),
    [({"page_size": 0}, "page_size"), ({"page_size": 2**31}, "page_size"), ({"page_size": True}, "page_size"), ({"status": ""}, "status")],
)
def test_a_bad_argument_is_the_only_item(options: dict[str, Any], says: str) -> None:
    """As an Err; nothing is sent. A limit of 0 would mean all jobs to the server."""
    driver = FakeDriver(Growing(1, 0))

    (only,) = driver.stream(iterating(**options))

    assert isinstance(only[1].error, InvalidInput)
    assert only[1].error.message.startswith(says)
    assert driver.requests == []


def test_each_page_has_the_time_of_a_call() -> None:
    """An iteration takes as long as its caller does."""
    server = Growing(10, 0)

    def slow(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        clock.pass_(29.0)
        return server(request, clock)

    driver = FakeDriver(slow)

    assert len(ids(driver, iterating())) == 10
    assert {request.timeout for request in driver.requests} == {30.0}
