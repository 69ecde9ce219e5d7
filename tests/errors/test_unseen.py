"""An Err that is discarded unread is logged once, as a warning that names the call and the error."""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from fluxbase_jobs import AsyncFluxbaseClient, Err, FluxbaseClient, NotFound, Ok, is_err

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

NOT_FOUND = Answer(404, {"error": "Job not found"})


@pytest.fixture(autouse=True)
def collected() -> None:
    """Errors that other tests have left are logged before these tests begin."""
    gc.collect()


def warnings_after_collection(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings of the client's logger after a garbage collection."""
    gc.collect()
    return [record.getMessage() for record in caplog.records if record.name == "fluxbase_jobs" and record.levelno == logging.WARNING]


def cancel(url: str) -> None:
    """A program that ignores the result of `cancel`."""
    with FluxbaseClient(url) as client:
        client.jobs.cancel(JOB_ID)


def cancel_async(url: str) -> None:
    """The same with the async client."""

    async def program() -> None:
        async with AsyncFluxbaseClient(url) as client:
            await client.jobs.cancel(JOB_ID)

    asyncio.run(program())


@pytest.mark.parametrize("program", [cancel, cancel_async])
def test_ignored_error_is_logged_once(server: LocalServer, caplog: pytest.LogCaptureFixture, program: Callable[[str], None]) -> None:
    """Such a program never learns that its job still runs."""
    server.answer(NOT_FOUND)

    program(server.url)

    (warning,) = warnings_after_collection(caplog)
    assert warning.startswith("the error returned by cancel() was never used: NotFound('Job not found'")


READS: dict[str, Callable[[Any], object]] = {
    "unpacking": lambda result: [*result],
    "index": lambda result: result[1],
    "attribute": lambda result: result.ok,
    "is_err": is_err,
    "equal": lambda result: result == 1,
    "not equal": lambda result: result != 1,
    "repr": repr,
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "match": lambda result: isinstance(result, Ok),
}


@pytest.mark.parametrize("read", READS)
def test_read_error_is_not_logged(client: FluxbaseClient, server: LocalServer, caplog: pytest.LogCaptureFixture, read: str) -> None:
    """However the program reads it."""
    server.answer(NOT_FOUND)

    READS[read](client.jobs.get(JOB_ID))

    assert warnings_after_collection(caplog) == []


def test_ignored_success_is_not_logged(client: FluxbaseClient, server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to report."""
    server.answer(Answer(200, job()))

    client.jobs.get(JOB_ID)

    assert warnings_after_collection(caplog) == []


def test_transient_error_inside_a_verb_is_not_logged(client: FluxbaseClient, server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """A failed poll before a successful one."""
    server.answer(Answer(503, {"error": "down"}), Answer(200, job(status="completed")))

    assert client.jobs.wait(JOB_ID).ok

    assert warnings_after_collection(caplog) == []


def test_err_created_by_a_user_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Only results of verbs are."""
    Err(NotFound("made in a test"))

    assert warnings_after_collection(caplog) == []


def test_attribute_of_the_data_has_a_hint(client: FluxbaseClient, server: LocalServer) -> None:
    """`result.status` instead of `result.data.status`, on either result."""
    server.answer(NOT_FOUND, Answer(200, job()))
    failed: Any = client.jobs.get(JOB_ID)
    found: Any = client.jobs.get(JOB_ID)

    with pytest.raises(AttributeError, match=r"a result has no attribute 'status': it holds NotFound\(.*unwrap\(\)"):
        failed.status  # noqa: B018  # the access is what fails
    with pytest.raises(AttributeError, match=r"a result has no attribute 'status': it holds a Job; use \.data or \.unwrap\(\)"):
        found.status  # noqa: B018  # the access is what fails


def test_key_of_the_typescript_result_has_a_hint(client: FluxbaseClient, server: LocalServer) -> None:
    """`result["data"]`."""
    server.answer(NOT_FOUND, Answer(200, job()))

    for _ in range(2):
        result: Any = client.jobs.get(JOB_ID)
        with pytest.raises(TypeError, match=r"a result has no keys: unpack it as `data, error = \.\.\.`"):
            result["data"]
