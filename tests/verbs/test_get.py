"""`jobs.get`: what is sent, and the returned job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, InvalidResponse, NotFound, ServerFailed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, LINES, job, recorded
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect


def test_get_sends_one_request(client: FluxbaseClient, server: LocalServer) -> None:
    """With credentials, but without a body and an idempotency key, which only writes need."""
    server.answer(Answer(200, job()))

    found, error = client.jobs.get(JOB_ID)

    assert error is None
    assert found.id == JOB_ID
    (sent,) = server.requests
    assert (sent.method, sent.target, sent.body) == ("GET", f"/api/v1/jobs/{JOB_ID}", b"")
    assert sent.headers["authorization"] == "Bearer eyJ.a-token"
    assert "idempotency-key" not in sent.headers


FORMS: Final[Mapping[str, Callable[[UUID], str | UUID]]] = {
    "a UUID object": lambda uuid: uuid,
    "canonical text": str,
    "upper case": lambda uuid: str(uuid).upper(),
    "without hyphens": lambda uuid: uuid.hex,
    "upper case without hyphens": lambda uuid: uuid.hex.upper(),
    "a URN": lambda uuid: uuid.urn,
    "an upper-case URN": lambda uuid: uuid.urn.upper(),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=10)
@given(uuid=st.uuids())
def test_id_is_sent_in_canonical_form(client: FluxbaseClient, server: LocalServer, form: str, uuid: UUID) -> None:
    """An id may have any form that the server accepts."""
    server.requests.clear()
    server.answer(Answer(200, job(id=str(uuid))))

    client.jobs.get(FORMS[form](uuid)).unwrap()

    assert server.requests[0].path == f"/api/v1/jobs/{uuid}"


NO_IDS: Final[list[Any]] = [
    "",
    "nope",
    "{" + JOB_ID + "}",
    f" {JOB_ID}",
    f"{JOB_ID} ",
    f"{JOB_ID}\n",
    f"{JOB_ID}0",
    JOB_ID[:-1],
    JOB_ID.replace("-", "_"),
    "3f8a5c527f0e4a539d3f-0a9d3c1f5b11",
    "urn:uuid:3f8a5c527f0e4a539d3f0a9d3c1f5b11",
    f"urn:{JOB_ID}",
    f"urn:uu\u0131d:{JOB_ID}",
    JOB_ID.replace("3", "\u0663"),
    "../../health",
    f"{JOB_ID}/cancel",
    None,
    7,
    JOB_ID.encode(),
    [JOB_ID],
]


@pytest.mark.parametrize("job_id", NO_IDS)
def test_invalid_id_is_refused(client: FluxbaseClient, server: LocalServer, job_id: Any) -> None:
    """Braces, blanks, misplaced hyphens and anything else: nothing is sent, so no other endpoint can be reached."""
    _, error = client.jobs.get(job_id)

    assert isinstance(error, InvalidInput)
    assert "job_id" in error.message
    assert server.requests == []


@settings(max_examples=100)
@given(text=st.text() | st.from_regex(r"(urn:uuid:)?[0-9a-fA-F-]{30,38}", fullmatch=True))
@example(text="\u0130".join(["urn:uu", f"d:{JOB_ID}"]))
def test_any_text_as_id_stays_on_the_path_of_one_job(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """The result is a value, whatever the text; the server answers about one job only, and so is believed about no other."""
    server.requests.clear()
    server.answer(Answer(200, job()))

    _, error = client.jobs.get(text)

    assert isinstance(error, InvalidInput) == (not server.requests)
    assert type(error) in {type(None), InvalidInput, InvalidResponse}
    assert all(UUID(request.path.removeprefix("/api/v1/jobs/")) for request in server.requests)


def test_include_logs_reads_the_log(client: FluxbaseClient, server: LocalServer) -> None:
    """In a second request; `meta` counts both."""
    server.answer(Answer(200, job()), Answer(200, {"logs": LINES, "count": 2}))

    result = client.jobs.get(JOB_ID, include_logs=True)

    logs = result.unwrap().logs
    assert [(line.line_number, line.level, str(line)) for line in logs or []] == [(1, "info", "a"), (2, "error", "b")]
    assert server.request_lines == [f"GET /api/v1/jobs/{JOB_ID}", f"GET /api/v1/jobs/{JOB_ID}/logs"]
    assert (result.meta.attempts, result.meta.status, result.meta.logs_error) == (2, 200, None)


def test_empty_log_is_an_empty_list(client: FluxbaseClient, server: LocalServer) -> None:
    """The server sends null. None means that the log was not requested or cannot be read."""
    server.answer(Answer(200, job()), Answer(200, {"logs": None, "count": 0}), Answer(200, job()))

    assert client.jobs.get(JOB_ID, include_logs=True).unwrap().logs == []
    assert client.jobs.get(JOB_ID).unwrap().logs is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(404, {"error": "Job not found"}), NotFound),
        (Answer(500, {"error": "Failed to get job logs"}), ServerFailed),
        (Answer(200, b"<html>"), InvalidResponse),
    ],
)
def test_unreadable_log_does_not_fail_the_call(client: FluxbaseClient, server: LocalServer, answer: Answer, kind: type[Exception]) -> None:
    """Another user's log is private, but the job is not: the job is returned, and `meta` has the error of the log."""
    server.answer(Answer(200, job(), {"x-request-id": "of the job"}), answer)

    result = client.jobs.get(JOB_ID, include_logs=True)

    assert result.unwrap().logs is None
    assert type(result.meta.logs_error) is kind
    assert (result.meta.status, result.meta.request_id, result.meta.attempts) == (200, "of the job", 2)


def test_invalid_key_for_the_log_does_not_fail_the_call(connect: Connect, server: LocalServer) -> None:
    """The job is returned even if the callable has no valid key for the second request."""
    keys = iter(["eyJ.good", ""])
    client = connect(server.url, lambda: next(keys))
    server.answer(Answer(200, job()))

    result = client.jobs.get(JOB_ID, include_logs=True)

    assert result.unwrap().id == JOB_ID
    assert isinstance(result.meta.logs_error, InvalidInput)


def test_log_of_an_unknown_job_is_not_read(client: FluxbaseClient, server: LocalServer) -> None:
    """The first error is the result."""
    server.answer(Answer(404, recorded("ids", "get e38b0dbd-9a29-420a-ab84-5d0a6a06632a").body))

    _, error = client.jobs.get(JOB_ID, include_logs=True)

    assert isinstance(error, NotFound)
    assert (error.message, error.job_id, len(server.requests)) == ("Job not found", JOB_ID, 1)


@pytest.mark.parametrize(("options", "says"), [({"include_logs": 1}, "include_logs"), ({"include_logs": "no"}, "include_logs")])
def test_invalid_include_logs_is_refused(client: FluxbaseClient, server: LocalServer, options: dict[str, Any], says: str) -> None:
    """Only True and False are accepted."""
    _, error = client.jobs.get(JOB_ID, **options)

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert server.requests == []
