"""Injected faults, in-process and over a socket, and how FluxbaseJobs handles them."""

from __future__ import annotations

import math
from typing import Any, Final

import httpx
import pytest
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, RateLimited, RetryPolicy, ServerFailed
from fluxbase_jobs.testing import Server

SUBMIT: Final = "POST /api/v1/jobs/submit"
JOB: Final = {"job_name": "resize"}


def test_status_fault_replaces_the_response(server: Server, http: httpx.Client) -> None:
    """By default the fault applies once, and the request is not handled."""
    script = server.script("resize")
    fault = server.faults.add(SUBMIT, status=503)

    refused = http.post("/api/v1/jobs/submit", json=JOB)
    taken = http.post("/api/v1/jobs/submit", json=JOB)

    assert (refused.status_code, refused.json()) == (503, {"error": "Service Unavailable"})
    assert (taken.status_code, len(script.payloads), fault.hits) == (201, 1, 1)


@pytest.mark.parametrize(
    ("options", "content", "kind"),
    [
        ({"body": {"error": "busy", "code": "BUSY"}}, b'{"error": "busy", "code": "BUSY"}', "application/json; charset=utf-8"),
        ({"body": [1, None]}, b"[1, null]", "application/json; charset=utf-8"),
        ({"body": b"<h1>Bad gateway</h1>", "headers": {"Content-Type": "text/html"}}, b"<h1>Bad gateway</h1>", "text/html"),
        ({"body": b""}, b"", "application/json; charset=utf-8"),
    ],
)
def test_status_fault_has_body_and_headers(server: Server, http: httpx.Client, options: dict[str, Any], content: bytes, kind: str) -> None:
    """The body is a JSON value, or bytes as a gateway would send them."""
    server.faults.add("*", status=502, **options)

    answer = http.get("/health")

    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (502, content, kind)


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_body_sends_none(server: Server, http: httpx.Client, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """A 204 or 304 has no body, and the server logs no error."""
    server.faults.add("*", status=status)

    answer = http.get("/health")

    assert (answer.status_code, answer.content) == (status, b"")
    assert http.get("/health").status_code == 200
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_retry_after_header_reaches_the_client(server: Server, client: FluxbaseClient) -> None:
    """A fault's headers reach the client."""
    server.faults.add("GET /api/v1/jobs", status=429, headers={"Retry-After": "7"}, times=None)

    error = client.jobs.list(retry=None).error

    assert isinstance(error, RateLimited)
    assert error.retry_after == 7


def test_client_retries_over_faults(server: Server, client: FluxbaseClient) -> None:
    """A client with retries succeeds after two faults, and creates one job."""
    script = server.script("resize").complete({"ok": True})
    fault = server.faults.add(SUBMIT, status=503, times=2)

    job = client.jobs.run("resize", {"id": 7}).unwrap()

    assert (job.result, fault.hits, script.payloads) == ({"ok": True}, 2, [{"id": 7}])


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_drop_closes_the_connection(server: Server, http: httpx.Client, when: Any, made: int) -> None:
    """The connection is closed without a response, before or after the request is handled."""
    script = server.script("resize")
    server.faults.add(SUBMIT, drop=when)

    with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected without sending a response"):
        http.post("/api/v1/jobs/submit", json=JOB)

    assert len(script.payloads) == made


def test_idempotency_key_finds_the_job_after_a_lost_response(server: Server, client: FluxbaseClient) -> None:
    """After a lost response, the client's retry with the same key finds the created job."""
    script = server.script("resize")
    fault = server.faults.add(SUBMIT, drop="after", times=2)

    result = client.jobs.submit("resize", {"id": 7})

    assert result.ok
    assert result.meta.idempotency_replayed
    assert (fault.hits, script.payloads) == (2, [{"id": 7}])


def test_half_body_breaks_off_the_response(server: Server, http: httpx.Client) -> None:
    """The headers and half of the body arrive, then the connection is closed; the request was handled."""
    script = server.script("resize")
    server.faults.add(SUBMIT, half_body=True)

    with http.stream("POST", "/api/v1/jobs/submit", json=JOB) as answer:
        got: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            got.extend(answer.iter_bytes())

    assert (answer.status_code, len(b"".join(got))) == (201, int(answer.headers["content-length"]) // 2)
    assert len(script.payloads) == 1


def test_half_body_of_a_status_fault(server: Server, client: FluxbaseClient) -> None:
    """The response of a status fault can break off, too."""
    server.faults.add("GET /api/v1/jobs", status=200, body={"jobs": []}, half_body=True, times=None)

    assert isinstance(client.jobs.list(retry=None).error, ConnectionFailed)


def test_delay_combines_with_other_faults(server: Server, http: httpx.Client) -> None:
    """A delay works alone and with any other fault; a client with a shorter timeout gives up."""
    server.faults.add("GET /health", delay=30)
    server.faults.add("GET /health", delay=0.01)
    server.faults.add("GET /health", delay=0.01, status=500)
    server.faults.add("GET /health", delay=0.01, drop="after")

    with pytest.raises(httpx.ReadTimeout):
        http.get("/health", timeout=0.1)
    assert [http.get("/health").status_code for _ in range(2)] == [200, 500]
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/health")


def test_skip_and_times_limit_a_fault(server: Server, http: httpx.Client) -> None:
    """`skip` requests succeed first, then `times` requests fail."""
    server.faults.add("GET /health", status=500, skip=1, times=2)

    assert [http.get("/health").status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_first_added_fault_applies_until_clear(server: Server, http: httpx.Client) -> None:
    """The fault that was added first applies first; `clear` removes all."""
    server.faults.add("GET /health", status=500)
    server.faults.add("*", status=502, times=None)

    before = [http.get("/health").status_code for _ in range(3)]
    server.faults.clear()

    assert before == [500, 502, 502]
    assert http.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("route", "hit"),
    [
        ("GET /api/v1/jobs/{id}", ["get"]),
        ("get /api/v1/jobs/{anything}", ["get"]),
        ("/api/v1/jobs", ["list"]),
        ("*", ["get", "list", "cancel", "slash"]),
        ("POST *", ["cancel"]),
        ("/api/v1/jobs/{id}/cancel", ["cancel"]),
        ("GET /api/v1/jobs/5f0c7a54-0000-4000-8000-000000000000", ["get"]),
    ],
)
def test_route_patterns(server: Server, http: httpx.Client, route: str, hit: list[str]) -> None:
    """A pattern is an optional method and a path with any segments in braces; a trailing slash does not matter."""
    job = "/api/v1/jobs/5f0c7a54-0000-4000-8000-000000000000"
    requests = {"get": ("GET", job), "list": ("GET", "/api/v1/jobs"), "cancel": ("POST", f"{job}/cancel"), "slash": ("GET", f"{job}/logs/")}
    server.faults.add(route, status=599, times=None)

    assert [name for name, (method, path) in requests.items() if http.request(method, path).status_code == 599] == hit


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"route": "/api/v1/job/submit"}, ValueError, "did you mean POST /api/v1/jobs/submit"),
        ({"route": "DELETE /api/v1/jobs"}, ValueError, "route 'DELETE /api/v1/jobs' is none of the server's"),
        ({"route": "###"}, ValueError, "there are "),
        ({"route": 5}, TypeError, 'route must be a text like "POST /api/v1/jobs/submit", not int'),
        ({"route": "*", "status": None}, ValueError, "nothing goes wrong: give status, drop, delay or half_body"),
        ({"status": 99}, ValueError, "status must be 200 to 599, not 99"),
        ({"status": "503"}, TypeError, "status must be a whole number, not str"),
        ({"status": None, "drop": "now"}, ValueError, 'drop must be "before" or "after", not \'now\''),
        ({"drop": "after"}, ValueError, "drop closes the connection without an answer"),
        ({"status": None, "drop": "after", "half_body": True}, ValueError, "drop closes the connection without an answer"),
        ({"status": None, "body": {}}, ValueError, "body and headers belong to an answer of the fault's own"),
        ({"body": {1, 2}}, TypeError, "body must be a JSON value or bytes"),
        ({"body": math.nan}, ValueError, "body must be a JSON value or bytes"),
        ({"headers": {"Retry-After": 1}}, TypeError, "headers must be a dict of texts"),
        ({"headers": "Retry-After"}, TypeError, "headers must be a dict of texts"),
        ({"headers": {"a": "ü\u2028"}}, ValueError, "headers must be texts of printable ASCII"),
        ({"headers": {"a b": "c"}}, ValueError, "headers: 'a b' is no header's name"),
        ({"headers": {"": "c"}}, ValueError, "headers: '' is no header's name"),
        ({"headers": {"Content-Length": "3"}}, ValueError, "headers: content-length is set by the body; half_body breaks it off"),
        ({"headers": {"transfer-encoding": "chunked"}}, ValueError, "headers: transfer-encoding is set by the body"),
        ({"status": 204, "body": {"a": 1}}, ValueError, "an answer with the status 204 has no body: give neither body nor half_body"),
        ({"status": 304, "half_body": True}, ValueError, "an answer with the status 304 has no body"),
        ({"route": "/api/v1/jobs/*"}, ValueError, "route '/api/v1/jobs/*': write {id} for any one segment; * alone means every request"),
        ({"delay": -1}, ValueError, "delay must be finite and not negative, not -1"),
        ({"delay": "1"}, TypeError, "delay must be seconds or a timedelta, not str"),
        ({"times": 0}, ValueError, "times must be at least 1, not 0"),
        ({"skip": -1}, ValueError, "skip must be at least 0, not -1"),
    ],
)
def test_invalid_faults_are_refused(server: Server, options: dict[str, Any], kind: type[Exception], text: str) -> None:
    """The error names the argument."""
    order: dict[str, Any] = {"route": SUBMIT, "status": 503, **options}
    with pytest.raises(kind) as caught:
        server.faults.add(**order)

    assert text in str(caught.value)


def test_fault_without_limit_outlasts_retries(server: Server, client: FluxbaseClient) -> None:
    """A fault without a limit fails every retry."""
    fault = server.faults.add("*", status=503, times=None)

    error = client.jobs.list(retry=RetryPolicy(attempts=4, first_delay=0.001)).error

    assert isinstance(error, ServerFailed)
    assert fault.hits == 4
    assert repr(fault).startswith("Fault(route='*', hits=4")
