"""`jobs.iterate` over a real server, sync and async. Lists that grow are in plans/test_iterate.py."""

from __future__ import annotations

from itertools import islice
from uuid import UUID

from fluxbase_jobs import FluxbaseClient, InvalidInput, ServerFailed

from tests.support.sample_responses import job, page
from tests.support.servers.local_server import Answer, LocalServer


def page_of(*numbers: int, namespace: str = "default") -> Answer:
    """A page with these jobs."""
    return Answer(200, page(*(job(id=str(UUID(int=number)), namespace=namespace) for number in numbers)))


def numbers(client: FluxbaseClient, **options: object) -> list[int]:
    """The numbers of the jobs that an iteration yields."""
    return [UUID(result.unwrap().id).int for result in client.jobs.iterate(**options)]  # type: ignore[arg-type]  # passed through


def test_iterate_yields_each_job_once(client: FluxbaseClient, server: LocalServer) -> None:
    """Also if a new job shifts the last one of the first page to the second page."""
    server.answer(page_of(5, 4, 3), page_of(4, 3, 2, 1), page_of(1))

    assert numbers(client, page_size=3, status="failed") == [5, 4, 3, 2, 1]
    assert [request.query for request in server.requests] == [
        {"status": "failed", "limit": limit, "offset": offset} for limit, offset in (("3", "0"), ("4", "2"), ("4", "5"))
    ]


def test_pages_are_read_on_demand(client: FluxbaseClient, server: LocalServer) -> None:
    """And none after the close."""
    server.answer(page_of(3, 2), page_of(2, 1))
    jobs = client.jobs.iterate(page_size=2)

    assert server.requests == []
    assert len(list(islice(jobs, 2))) == 2
    assert len(server.requests) == 1
    jobs.close()
    assert next(jobs, None) is None
    assert len(server.requests) == 1


def test_default_namespace_is_filtered_by_the_client(client: FluxbaseClient, server: LocalServer) -> None:
    """Version 2026-04 finds nothing for this filter."""
    server.answer(page_of(4, 3), Answer(200, page(job(id=str(UUID(int=3))), job(id=str(UUID(int=2)), namespace="media"))))

    assert numbers(client, page_size=2, namespace="default") == [4, 3]
    assert all("namespace" not in request.query for request in server.requests)


def test_error_is_the_last_item(client: FluxbaseClient, server: LocalServer) -> None:
    """After the jobs of the earlier pages."""
    server.answer(page_of(2, 1), Answer(500, {"error": "Failed to list jobs"}))

    *jobs, last = client.jobs.iterate(page_size=2)
    (bad,) = client.jobs.iterate(page_size=0)

    assert [result.ok for result in jobs] == [True, True]
    assert isinstance(last.error, ServerFailed)
    assert isinstance(bad.error, InvalidInput)
