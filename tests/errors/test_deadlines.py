"""The time of a verb is that of all its requests together."""

from __future__ import annotations

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, RequestTimeout, RetryPolicy

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job, page
from tests.support.styles import Connect

SOON, LATE = 0.3, 1.2
"""Delays of two responses: the first arrives with a second to spare, the second too late, but within 1.3 s of its request."""
PATIENCE = RetryPolicy(attempts=1, total=1.3)


@pytest.fixture
def hurried(connect: Connect, server: LocalServer) -> FluxbaseClient:
    """A client whose verbs end within 1.3 s."""
    return connect(server.url, "eyJ.a-token", retry=PATIENCE)


def test_a_look_after_a_change_has_what_is_left(hurried: FluxbaseClient, server: LocalServer) -> None:
    """The second request of a retry ends with the time of the verb, not with one of its own."""
    server.answer(Answer(200, {"message": "done"}, delay=SOON), Answer(200, job(), delay=LATE))

    error = hurried.jobs.retry(JOB_ID).error

    assert isinstance(error, RequestTimeout)
    assert "the retry was accepted" in error.message


def test_a_log_has_what_is_left(hurried: FluxbaseClient, server: LocalServer) -> None:
    """The job comes in any case."""
    server.answer(Answer(200, job(), delay=SOON), Answer(200, {"logs": None, "count": 0}, delay=LATE))

    result = hurried.jobs.get(JOB_ID, include_logs=True)

    assert result.unwrap().id == JOB_ID
    assert isinstance(result.meta.logs_error, RequestTimeout)


def test_the_pages_of_the_default_namespace_share_it(hurried: FluxbaseClient, server: LocalServer) -> None:
    """However many there are."""
    others = page(*(job(id=str(number), namespace="media") for number in range(100)))
    server.answer(Answer(200, others, delay=0.4))

    assert isinstance(hurried.jobs.list(namespace="default", limit=100).error, RequestTimeout)
    assert len(server.requests) <= 4


def test_a_callback_that_is_none_is_refused_before_anything_is_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """A job must not be submitted first and its waiting fail then."""
    nothing: object = "x"

    error = client.jobs.run("echo", on_progress=nothing).error  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("on_progress")
    assert server.requests == []
