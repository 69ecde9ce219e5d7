"""The timeout of a verb covers all its requests."""

from __future__ import annotations

from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, RequestTimeout, RetryPolicy

from tests.support.sample_responses import JOB_ID, job, page
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

SOON, LATE = 0.3, 1.2
"""Delays of two responses: the first arrives with a second to spare, the second too late, but within 1.3 s of its request."""
ONE_ATTEMPT = RetryPolicy(attempts=1, total=1.3)


@pytest.fixture
def impatient_client(connect: Connect, server: LocalServer) -> FluxbaseClient:
    """A client with a timeout of 1.3 s."""
    return connect(server.url, "eyJ.a-token", retry=ONE_ATTEMPT)


def test_read_after_a_change_has_the_remaining_time(impatient_client: FluxbaseClient, server: LocalServer) -> None:
    """The second request of a retry ends at the timeout of the verb."""
    server.answer(Answer(200, {"message": "done"}, delay=SOON), Answer(200, job(), delay=LATE))

    error = impatient_client.jobs.retry(JOB_ID).error

    assert isinstance(error, RequestTimeout)
    assert "the retry was accepted" in error.message


def test_log_has_the_remaining_time(impatient_client: FluxbaseClient, server: LocalServer) -> None:
    """The job is returned in any case."""
    server.answer(Answer(200, job(), delay=SOON), Answer(200, {"logs": None, "count": 0}, delay=LATE))

    result = impatient_client.jobs.get(JOB_ID, include_logs=True)

    assert result.unwrap().id == JOB_ID
    assert isinstance(result.meta.logs_error, RequestTimeout)


def test_all_pages_share_the_timeout(impatient_client: FluxbaseClient, server: LocalServer) -> None:
    """However many pages are read for the default namespace."""
    others = [job(id=str(UUID(int=number)), namespace="media") for number in range(200)]
    server.answer(Answer(200, page(*others[:100]), delay=0.4), Answer(200, page(*others[99:]), delay=0.4))

    assert isinstance(impatient_client.jobs.list(namespace="default", limit=100).error, RequestTimeout)
    assert len(server.requests) <= 4


def test_invalid_callback_is_refused_before_the_submit(client: FluxbaseClient, server: LocalServer) -> None:
    """A job must not be submitted if waiting for it would fail."""
    nothing: object = "x"

    error = client.jobs.run("echo", on_progress=nothing).error  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("on_progress")
    assert server.requests == []
