"""What a submit accepts and refuses, and its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fluxbase_jobs.emulator import Context, function

from tests.support.servers.emulator_in_process import Client, serving

if TYPE_CHECKING:
    from tests.emulator.conftest import Sign

FUTURE = "2100-01-02T03:04:05Z"


def test_payload_texts(client: Client) -> None:
    """The submit answers with Go's text of the payload, the get with PostgreSQL's; both round large integers."""
    payload = {"bb": "<ü>", "a": 9007199254740993, "c": [1.0, None]}

    submitted = client.submit("echo", payload, scheduled_at=FUTURE)

    assert submitted.json()["payload"] == r'{"a":9007199254740992,"bb":"\u003cü\u003e","c":[1,null]}'
    assert client.job(submitted.json()["id"])["payload"] == '{"a": 9007199254740992, "c": [1, null], "bb": "<ü>"}'
    assert r"\\u003cü".encode() in submitted.content
    assert r"\u003cü".encode() in client.get(f"/api/v1/jobs/{submitted.json()['id']}").content


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "Invalid request body"),
        (b"[1]", 400, "Invalid request body"),
        (b'{"job_name":', 400, "Invalid request body"),
        (b'{"job_name":"echo","payload":[1]}', 400, "Invalid request body"),
        (b'{"job_name":"echo","payload":{"a":NaN}}', 400, "Invalid request body"),
        (b'{"job_name":"echo","payload":{"a":1e999}}', 400, "Invalid request body"),
        (b'{"job_name":"echo","priority":1.0}', 400, "Invalid request body"),
        (b'{"job_name":"echo","priority":true}', 400, "Invalid request body"),
        (b'{"job_name":"echo","scheduled_at":"2030-01-02T03:04:05"}', 400, "Invalid request body"),
        (b'{"job_name":"echo","on_behalf_of":5}', 400, "Invalid request body"),
        (b'{"job_name":' + b"[" * 100_000, 400, "Invalid request body"),
        (b"null", 400, "job_name is required"),
        (b'{"job_name":null}', 400, "job_name is required"),
        (b'{"job_name":"nope"}', 404, "Job function not found"),
        (b'{"job_name":"echo","namespace":"nope"}', 404, "Job function not found"),
        (b'{"job_name":"off"}', 403, "Job function is disabled"),
        (b'{"job_name":"echo","priority":2147483648}', 500, "Failed to submit job"),
        (b'{"job_name":"echo","payload":{"a":"\\u0000"}}', 500, "Failed to submit job"),
    ],
)
def test_refused_submission(client: Client, body: bytes, status: int, error: str) -> None:
    """An invalid submit gets the server's error message."""
    response = client.post("/api/v1/jobs/submit", content=body, headers={"content-type": "application/json"})

    assert (response.status_code, response.json()["error"]) == (status, error)


def test_field_names_in_any_case(client: Client) -> None:
    """Field names match in any case, as in Go."""
    response = client.post("/api/v1/jobs/submit", json={"JOB_NAME": "echo", "Priority": 3})

    assert response.json()["priority"] == 3


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        ("text/plain", "Invalid request body"),
        ("application/x-www-form-urlencoded", "job_name is required"),
        ("application/json; charset=utf-8", None),
    ],
)
def test_content_type(client: Client, content_type: str, error: str | None) -> None:
    """A body is read only if its content type is JSON."""
    response = client.post("/api/v1/jobs/submit", content=b'{"job_name":"echo"}', headers={"content-type": content_type})

    assert response.json().get("error") == error


def test_namespaces() -> None:
    """Without a namespace the function in the alphabetically first namespace runs."""

    @function("where", namespace="b")
    @function("where", namespace="a")
    def where(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
        return {"namespace": context.namespace}

    with serving(where) as running, running.client() as client:
        assert client.run("where")["result"] == '{"namespace": "a"}'
        assert client.run("where", namespace="b")["result"] == '{"namespace": "b"}'


def guarded(role: str) -> Any:
    """A function that only one role may submit."""

    @function(role, require_roles=[role])
    def handler(_payload: dict[str, Any], _context: Context) -> None: ...

    return handler


def test_required_roles(sign: Sign) -> None:
    """A role includes those of lower rank. A caller's unknown role counts as authenticated; a required unknown role must match exactly."""
    allowed = {
        "admin": ["admin", "service_role"],
        "authenticated": ["authenticated", "admin", "editor", "service_role"],
        "editor": ["editor", "service_role"],
    }
    found: dict[str, list[str]] = {required: [] for required in allowed}
    with serving(*map(guarded, allowed)) as running:
        for role in ("anon", "authenticated", "admin", "editor", "service_role"):
            with running.client(sign(role=role)) as client:
                for required in allowed:
                    if client.submit(required).status_code == 201:
                        found[required].append(role)

    assert {required: sorted(roles) for required, roles in found.items()} == {r: sorted(a) for r, a in allowed.items()}


def test_times_of_a_schedule(client: Client) -> None:
    """The submit echoes the time as sent, the get answers in UTC with microseconds."""
    submitted = client.submit("echo", scheduled_at="2100-01-02T03:04:05.123456789+02:00").json()

    assert submitted["scheduled_at"] == "2100-01-02T03:04:05.123456789+02:00"
    assert client.job(submitted["id"])["scheduled_at"] == "2100-01-02T01:04:05.123456Z"


def test_body_limit(client: Client) -> None:
    """A body over 1 MB is refused whatever it contains; one of exactly 1 MB is read."""
    over = client.post("/api/v1/jobs/submit", content=b"x" * (1024 * 1024 + 1))
    exact = client.post("/api/v1/jobs/submit", content=b"x" * (1024 * 1024))

    assert (over.status_code, over.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert over.json()["details"] == {"endpoint_type": "API", "max_bytes": 1048576}
    assert exact.status_code == 400


def test_s11_offset_of_a_whole_day_is_refused_by_the_database(admin: Client) -> None:
    """With 500, on both versions: SEEN.md."""
    response = admin.submit("echo", scheduled_at="2030-01-02T03:04:05+24:00")

    assert (response.status_code, response.json()["error"]) == (500, "Failed to submit job")
