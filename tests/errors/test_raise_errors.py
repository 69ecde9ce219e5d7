"""`raise_errors=True`: verbs with a single result raise their error; iterators yield results."""

from __future__ import annotations

import pytest
from fluxbase_jobs import AuthenticationFailed, Err, FluxbaseClient, InvalidInput, NotFound

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

NOT_FOUND = Answer(404, {"error": "Job not found"})


@pytest.fixture
def raising_client(connect: Connect, server: LocalServer) -> FluxbaseClient:
    """A client that raises its errors."""
    return connect(server.url, "eyJ.a-token", raise_errors=True)


def test_error_is_raised(raising_client: FluxbaseClient, server: LocalServer) -> None:
    """The same value that the result would hold."""
    server.answer(NOT_FOUND)

    with pytest.raises(NotFound, match="Job not found"):
        raising_client.jobs.get(JOB_ID)


def test_invalid_input_is_raised(raising_client: FluxbaseClient, server: LocalServer) -> None:
    """And nothing is sent."""
    with pytest.raises(InvalidInput, match="job_id"):
        raising_client.jobs.get("seven")

    assert server.requests == []


def test_success_is_a_result(raising_client: FluxbaseClient, server: LocalServer) -> None:
    """So code is the same with and without the option."""
    server.answer(Answer(200, job()))

    found, error = raising_client.jobs.get(JOB_ID)

    assert error is None
    assert found.id == JOB_ID


def test_iterators_yield_results(raising_client: FluxbaseClient, server: LocalServer) -> None:
    """One invalid item must not end a batch."""
    server.answer(NOT_FOUND)

    ((_, result),) = raising_client.jobs.submit_many([("resize", None)])

    assert isinstance(result, Err)


def test_sign_in_raises(server: LocalServer) -> None:
    """It takes the client's options."""
    server.answer(Answer(401, {"error": "Invalid email or password"}))

    with pytest.raises(AuthenticationFailed):
        FluxbaseClient.sign_in(server.url, "ada@example.com", "a-password", raise_errors=True)
    with pytest.raises(InvalidInput, match="url"):
        FluxbaseClient.sign_in("nowhere", "ada@example.com", "a-password", raise_errors=True)


def test_invalid_raise_errors_is_refused(connect: Connect, server: LocalServer) -> None:
    """Only True and False are accepted."""
    with pytest.raises(InvalidInput, match="raise_errors must be True or False"):
        connect(server.url, raise_errors="yes")
