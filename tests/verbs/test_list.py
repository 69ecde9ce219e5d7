"""`jobs.list`: the query, and the default namespace, which the client filters itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, InvalidInput, InvalidResponse, Job, NotFound, ServerFailed
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, job, page, recorded
from tests.support.servers.local_server import Answer, LocalServer

DEFAULTS = {"limit": "50", "offset": "0"}


def jobs(first: int, last: int, namespace: str = "default") -> list[dict[str, Any]]:
    """The jobs with the numbers from `first` to before `last`."""
    return [job(id=str(UUID(int=number)), namespace=namespace, payload=None) for number in range(first, last)]


def numbers(found: list[Job]) -> list[int]:
    """The numbers of these jobs."""
    return [UUID(job.id).int for job in found]


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({}, DEFAULTS),
        ({"status": "failed"}, {**DEFAULTS, "status": "failed"}),
        ({"status": "interrupted"}, {**DEFAULTS, "status": "interrupted"}),
        ({"namespace": "media"}, {**DEFAULTS, "namespace": "media"}),
        ({"namespace": "Default"}, {**DEFAULTS, "namespace": "Default"}),
        ({"job_name": "resize"}, {**DEFAULTS, "job_name": "resize"}),
        ({"include_result": True}, {**DEFAULTS, "include_result": "true"}),
        ({"include_result": False}, DEFAULTS),
        ({"limit": 1}, {"limit": "1", "offset": "0"}),
        ({"limit": 2**31 - 1, "offset": 2**31 - 1}, {"limit": "2147483647", "offset": "2147483647"}),
        (
            {"status": "failed", "namespace": "media", "job_name": "resize", "include_result": True, "limit": 7, "offset": 14},
            {"status": "failed", "namespace": "media", "job_name": "resize", "include_result": "true", "limit": "7", "offset": "14"},
        ),
        ({"job_name": "a&b=c d/ü%00+"}, {**DEFAULTS, "job_name": "a&b=c d/ü%00+"}),
        ({"status": None, "namespace": None, "job_name": None}, DEFAULTS),
    ],
)
def test_filters_are_sent(client: FluxbaseClient, server: LocalServer, options: dict[str, Any], query: dict[str, str]) -> None:
    """Under their wire names, and no others; limit and offset always, because the server's defaults may change."""
    server.answer(Answer(200, page(job())))

    client.jobs.list(**options).unwrap()

    (sent,) = server.requests
    assert (sent.method, sent.path, sent.body) == ("GET", "/api/v1/jobs", b"")
    assert sent.query == query


@settings(max_examples=50)
@given(namespace=st.text(min_size=1).filter(lambda text: text != "default"), job_name=st.text(min_size=1))
def test_any_filter_text_arrives_unchanged(client: FluxbaseClient, server: LocalServer, namespace: str, job_name: str) -> None:
    """Or it is refused, if JSON or the database cannot hold it."""
    server.requests.clear()
    server.answer(Answer(200, page()))

    _, error = client.jobs.list(namespace=namespace, job_name=job_name)

    if error is None:
        assert server.requests[0].query == {**DEFAULTS, "namespace": namespace, "job_name": job_name}
    else:
        assert isinstance(error, InvalidInput)
        assert "\0" in namespace + job_name
        assert server.requests == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 2**31}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "5"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": None}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 2**31}, "offset"),
        ({"offset": False}, "offset"),
        ({"offset": "0"}, "offset"),
        ({"offset": None}, "offset"),
        ({"status": ""}, "status"),
        ({"status": 5}, "status"),
        ({"status": ["failed"]}, "status"),
        ({"status": "Failed"}, "status"),
        ({"status": "done"}, "status"),
        ({"status": "a\0"}, "status"),
        ({"status": "\ud800"}, "status"),
        ({"namespace": ""}, "namespace"),
        ({"namespace": 5}, "namespace"),
        ({"job_name": ""}, "job_name"),
        ({"job_name": b"resize"}, "job_name"),
        ({"include_result": "yes"}, "include_result"),
        ({"include_result": 1}, "include_result"),
        ({"include_result": None}, "include_result"),
        ({"timeout": -1}, "timeout"),
        ({"namespace": "default", "limit": 0}, "limit"),
        ({"namespace": "default", "offset": -1}, "offset"),
        ({"namespace": "default", "status": ""}, "status"),
    ],
)
def test_filters_that_the_server_would_ignore_are_refused(
    client: FluxbaseClient, server: LocalServer, options: dict[str, Any], says: str
) -> None:
    """A limit of 0 or less would return all jobs. Nothing is sent."""
    _, error = client.jobs.list(**options)

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert server.requests == []


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"jobs": None, "limit": 50, "offset": 0}, 0),
        ({"jobs": []}, 0),
        ({"jobs": [job(), job()], "limit": 50, "offset": 0, "style": "red"}, 2),
        ([job(), job(), job()], 3),
        ([], 0),
    ],
)
def test_envelope_and_bare_list_are_read(client: FluxbaseClient, server: LocalServer, body: object, count: int) -> None:
    """An empty page is null on the wire; the official page shows a bare list."""
    server.answer(Answer(200, body))

    assert [found.id for found in client.jobs.list().unwrap()] == [JOB_ID] * count


def test_jobs_of_a_list_have_no_payload(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded page: results only if requested, and the percentage from `progress`."""
    without, with_result = recorded("lifecycle", "list newest"), recorded("lifecycle", "list newest with result")
    server.answer(Answer(200, without.body), Answer(200, with_result.body))

    (first,) = client.jobs.list(limit=1).unwrap()
    (second,) = client.jobs.list(limit=1, include_result=True).unwrap()

    assert (first.payload, first.result, second.payload) == (None, None, None)
    assert isinstance(second.result, dict)
    assert first.logs is None


def test_unreadable_job_is_named(client: FluxbaseClient, server: LocalServer) -> None:
    """The page is an error, which says which job and why."""
    server.answer(Answer(200, page(job(), job(priority="x"))))

    _, error = client.jobs.list()

    assert isinstance(error, InvalidResponse)
    assert "$.jobs[1].priority" in error.message


def test_default_namespace_is_not_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """Version 2026-04 would find nothing; the other filters are sent."""
    server.answer(Answer(200, page(*jobs(0, 1, "media"), *jobs(1, 3))))

    found = client.jobs.list(namespace="default", status="failed", job_name="resize", include_result=True).unwrap()

    (sent,) = server.requests
    assert "namespace" not in sent.query
    assert {"status": "failed", "job_name": "resize", "include_result": "true"}.items() <= sent.query.items()
    assert numbers(found) == [1, 2]


class ManyJobs:
    """A server with many jobs, which returns pages as the real one does."""

    def __init__(self, server: LocalServer, rows: list[dict[str, Any]]) -> None:
        self._server = server
        self.rows = rows

    def serve(self, pages: int = 25, size: int = 100) -> None:
        """Answer the next requests with pages of that size, each beginning with the last job of the one before."""
        starts = (max(0, number * size - 1) for number in range(pages))
        self._server.answer(*(Answer(200, page(*self.rows[start : start + size + (start > 0)])) for start in starts))

    def requested_pages(self) -> list[tuple[int, int]]:
        """The offsets and limits of all requests."""
        return [(int(request.query["offset"]), int(request.query["limit"])) for request in self._server.requests]


def test_limit_and_offset_count_matching_jobs(client: FluxbaseClient, server: LocalServer) -> None:
    """Every second job is in another namespace, so the sixth to eighth matching jobs are the 12th, 14th and 16th."""
    rows = [row for number in range(50) for row in jobs(number, number + 1, "default" if number % 2 == 0 else "media")]
    server.answer(Answer(200, page(*rows)))

    found = client.jobs.list(namespace="default", limit=3, offset=6).unwrap()

    assert numbers(found) == [12, 14, 16]


def test_pages_are_read_until_the_limit_is_reached(client: FluxbaseClient, server: LocalServer) -> None:
    """With no more requests than necessary."""
    table = ManyJobs(server, jobs(0, 250, "media") + jobs(250, 450))
    table.serve()

    result = client.jobs.list(namespace="default", limit=60)

    assert numbers(result.unwrap()) == list(range(250, 310))
    assert table.requested_pages() == [(0, 100), (99, 101), (199, 101), (299, 101)]
    assert result.meta.attempts == 4


def test_short_page_is_the_last(client: FluxbaseClient, server: LocalServer) -> None:
    """There may be fewer jobs than requested."""
    table = ManyJobs(server, jobs(0, 120, "media") + jobs(120, 130))
    table.serve()

    found = client.jobs.list(namespace="default", limit=60, offset=4).unwrap()

    assert numbers(found) == list(range(124, 130))
    assert table.requested_pages() == [(0, 100), (99, 101)]


def test_full_last_page_needs_one_more_request(client: FluxbaseClient, server: LocalServer) -> None:
    """Only an empty page shows that it was the last."""
    table = ManyJobs(server, jobs(0, 100, "media"))
    table.serve()

    assert client.jobs.list(namespace="default").unwrap() == []
    assert len(table.requested_pages()) == 2


@pytest.mark.parametrize(("limit", "offset"), [(1000, 0), (2**31 - 1, 2**31 - 1), (500, 400)])
def test_page_size_is_limited(client: FluxbaseClient, server: LocalServer, limit: int, offset: int) -> None:
    """A large limit does not request everything at once."""
    server.answer(Answer(200, page(*jobs(0, 10))))

    found = client.jobs.list(namespace="default", limit=limit, offset=offset).unwrap()

    assert numbers(found) == list(range(10))[offset:]
    assert int(server.requests[0].query["limit"]) <= 1000


def test_list_stops_after_twenty_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """The error says how many jobs were read, and recommends `iterate`."""
    ManyJobs(server, jobs(0, 2500, "media")).serve()

    result = client.jobs.list(namespace="default")

    assert isinstance(result.error, FluxbaseError)
    assert result.error.message == (
        "20 pages of jobs did not contain enough jobs that match namespace 'default', a filter that only the client can apply"
    )
    assert result.error.hint == "use iterate (admins: iterate_jobs), which reads further pages as you iterate"
    assert (len(server.requests), result.error.attempts, result.meta.attempts) == (20, 20, 20)
    assert not result.error.retryable


def test_twentieth_page_is_still_read(client: FluxbaseClient, server: LocalServer) -> None:
    """Twenty requests are allowed."""
    table = ManyJobs(server, jobs(0, 1950, "media") + jobs(1950, 2050))
    table.serve()

    assert numbers(client.jobs.list(namespace="default").unwrap()) == list(range(1950, 2000))
    assert len(table.requested_pages()) == 20


def test_job_that_shifts_to_the_next_page_is_listed_once(client: FluxbaseClient, server: LocalServer) -> None:
    """A new job between two requests shifts the last job of the first page to the second page."""
    first, second = jobs(0, 60, "media") + jobs(60, 100), jobs(99, 160)
    server.answer(Answer(200, page(*first)), Answer(200, page(*second)))

    found = client.jobs.list(namespace="default", limit=50).unwrap()

    assert numbers(found) == list(range(60, 110))


@pytest.mark.parametrize(("status", "kind"), [(500, ServerFailed), (404, NotFound)])
def test_error_on_a_later_page_is_the_result(client: FluxbaseClient, server: LocalServer, status: int, kind: type[Exception]) -> None:
    """An incomplete list could not be recognized. `attempts` counts all requests."""
    server.answer(Answer(200, page(*jobs(0, 60, "media"), *jobs(60, 100))), Answer(status, {"error": "Failed to list jobs"}))

    result = client.jobs.list(namespace="default", limit=100)

    assert type(result.error) is kind
    assert (result.meta.status, result.meta.attempts) == (status, 2)
    assert result.error is not None
    assert result.error.attempts == 2
