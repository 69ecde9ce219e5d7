"""Submitting, reading, listing, cancelling and retrying jobs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from fluxbase_jobs.emulator import Context, function

from tests.emulator.running import AdjustableClock, Client, Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.conftest import Sign

FUTURE = "2100-01-02T03:04:05Z"


@pytest.fixture
def anyone(era: Running) -> Iterator[Client]:
    """A client of each era in turn."""
    with era.client() as client:
        yield client


def test_job_runs(anyone: Client) -> None:
    """A submitted job is pending, then runs, then has its handler's result."""
    submitted = anyone.submit("echo", {"n": 1}).json()
    job = anyone.ended(submitted["id"])

    assert submitted["status"] == "pending"
    assert submitted["payload"] == '{"n":1}'
    assert (job["status"], job["payload"], job["result"]) == ("completed", '{"n": 1}', '{"echo": {"n": 1}}')
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]
    assert job["user_name"] == "Developer"


def test_result_of_none(client: Client) -> None:
    """A handler that returns None has completed with an empty object."""
    assert client.run("null_result")["result"] == "{}"


def test_payload_texts(client: Client) -> None:
    """The submit shows Go's text of the payload, the get PostgreSQL's; large integers lose their last digits in both."""
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
    """What the server does not take is refused with its words."""
    response = client.post("/api/v1/jobs/submit", content=body, headers={"content-type": "application/json"})

    assert (response.status_code, response.json()["error"]) == (status, error)


def test_field_names_in_any_case(client: Client) -> None:
    """As in Go, the case of a field's name does not matter."""
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
    """Only a body that is declared as JSON is read as JSON."""
    response = client.post("/api/v1/jobs/submit", content=b'{"job_name":"echo"}', headers={"content-type": content_type})

    assert response.json().get("error") == error


def test_namespaces() -> None:
    """Without a namespace the first function of that name is run, by alphabet of namespaces."""

    @function("where", namespace="b")
    @function("where", namespace="a")
    def where(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
        return {"namespace": context.namespace}

    with serving(where) as running, running.client() as client:
        assert client.run("where")["result"] == '{"namespace": "a"}'
        assert client.run("where", namespace="b")["result"] == '{"namespace": "b"}'


def guarded(role: str) -> Any:
    """A function that one role may submit."""

    @function(role, require_roles=[role])
    def handler(_payload: dict[str, Any], _context: Context) -> None: ...

    return handler


def test_required_roles(sign: Sign) -> None:
    """Roles have ranks; one that the server does not know counts as authenticated, or must be met exactly."""
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


def test_id_forms(client: Client) -> None:
    """An id may come in upper case, without hyphens or as a URN; every other form is refused."""
    job_id = client.queue("echo")
    good = [job_id.upper(), UUID(job_id).hex, f"urn:uuid:{job_id}"]
    bad = [f"%7B{job_id}%7D", f"{job_id}%20", "nope", "..%2F..%2Fhealth"]

    assert {client.get(f"/api/v1/jobs/{form}").json().get("id") for form in good} == {job_id}
    assert {client.get(f"/api/v1/jobs/{form}").json().get("error") for form in bad} == {"Invalid job ID"}


@pytest.mark.parametrize(("action", "status"), [("", 404), ("/cancel", 404), ("/retry", 404), ("/logs", 500)])
def test_unknown_job(client: Client, action: str, status: int) -> None:
    """A job that does not exist is not found; only its log is a server error."""
    method = "POST" if action in {"/cancel", "/retry"} else "GET"

    assert client.request(method, f"/api/v1/jobs/{uuid4()}{action}").status_code == status


def test_every_job_is_everybodys(march: Running, sign: Sign) -> None:
    """Any caller may read, list, cancel and retry any job; only the log is its owner's."""
    with march.client() as owner, march.client(sign(role="anon")) as stranger:
        job_id = owner.queue("echo", scheduled_at=FUTURE)

        assert stranger.job(job_id)["status"] == "pending"
        assert job_id in {job["id"] for job in stranger.listed(limit=0)}
        assert stranger.logs(job_id).status_code == 404
        assert stranger.cancel(job_id).json() == {"message": "Job cancelled"}
        assert owner.job(job_id)["status"] == "cancelled"


@pytest.fixture(scope="module")
def shelf() -> Iterator[Client]:
    """Five scheduled jobs on an emulator of their own, n = 0 the oldest."""
    with serving() as running, running.client() as client:
        for n in range(5):
            client.queue("echo", {"n": n}, priority=n, scheduled_at=FUTURE)
        client.queue("steps", scheduled_at=FUTURE)
        yield client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 4, 3, 2, 1, 0]),
        ("?limit=2", [0, 4]),
        ("?limit=2&offset=1", [4, 3]),
        ("?limit=0", [0, 4, 3, 2, 1, 0]),
        ("?limit=-1&offset=3", [0, 4, 3, 2, 1, 0]),
        ("?limit=abc&offset=5", [0]),
        ("?limit=1.5", [0, 4, 3, 2, 1, 0]),
        ("?limit=9223372036854775808&offset=4", [1, 0]),
        ("?limit=1&offset=-5", [0]),
        ("?limit=1&limit=3", [0]),
        ("?offset=9", None),
        ("?status=pending&limit=1", [0]),
        ("?status=PENDING", None),
        ("?job_name=steps", [0]),
        ("?name=steps&limit=3", [0, 4, 3]),
        ("?namespace=nope", None),
    ],
)
def test_list(shelf: Client, query: str, found: list[int] | None) -> None:
    """Lists are newest first; what they cannot read they ignore; an empty one is null."""
    body = shelf.get(f"/api/v1/jobs{query}").json()

    assert (body["jobs"] and [job["priority"] for job in body["jobs"]]) == found
    assert list(body) == ["jobs", "limit", "offset"]


def test_list_form(client: Client) -> None:
    """Items of a list have no payload, and a result only if it was asked for with the word true."""
    client.run("echo", {"n": 1})

    assert "payload" not in client.listed(limit=1, include_result="true")[0]
    assert client.listed(limit=1, include_result="true")[0]["result"] == '{"echo": {"n": 1}}'
    assert "result" not in client.listed(limit=1, include_result=1)[0]


def test_cancel_pending_job(client: Client) -> None:
    """A job that waits can be cancelled once."""
    job_id = client.queue("echo", scheduled_at=FUTURE)

    assert client.cancel(job_id).json() == {"message": "Job cancelled"}
    assert client.cancel(job_id).json() == {"error": "Job cannot be cancelled", "status": "cancelled"}
    assert client.retry(job_id).json() == {"error": "Only failed jobs can be retried", "status": "cancelled"}
    assert "started_at" not in client.job(job_id)


def test_retry(client: Client) -> None:
    """A failed job runs again under its id as often as its function allows; then a retry is a server error."""
    job_id = client.queue("flaky")
    first = client.ended(job_id)

    assert client.retry(job_id).json() == {"message": "Job requeued for retry"}
    second = client.ended(job_id)
    assert client.retry(job_id).status_code == 200
    client.ended(job_id)
    refused = client.retry(job_id)
    assert [first["retry_count"], second["retry_count"], client.job(job_id)["retry_count"]] == [0, 1, 2]
    assert (refused.status_code, refused.json()["error"]) == (500, "Failed to retry job")
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


def test_retried_job_keeps_progress() -> None:
    """A retried job that waits shows the progress of the run before, but no error."""
    gate = threading.Event()

    @function("blocker")
    def blocker(_payload: dict[str, Any], _context: Context) -> None:
        gate.wait(10)

    @function("flaky", max_retries=1)
    def flaky(_payload: dict[str, Any], context: Context) -> None:
        context.progress(30, "about to fail")
        raise RuntimeError

    with serving(blocker, flaky, workers=1, jobs_per_worker=1) as running, running.client() as client:
        job_id = client.run("flaky")["id"]
        client.until(client.queue("blocker"), lambda job: job["status"] == "running")
        client.retry(job_id)
        job = client.job(job_id)
        gate.set()

    assert (job["status"], job["progress_percent"]) == ("pending", 30)
    assert not {"error_message", "started_at", "worker_id", "completed_at"} & set(job)


def test_scheduled_job_waits() -> None:
    """A scheduled job is pending until its time has come."""
    clock = AdjustableClock()
    with serving(clock=clock) as running, running.client() as client:
        job_id = client.queue("echo", scheduled_at=FUTURE)
        client.run("echo")
        waiting = client.job(job_id)["status"]
        clock.ahead_seconds = 100 * 366 * 24 * 3600
        client.headers["authorization"] = f"Bearer {client.sign_up()}"
        job = client.ended(job_id)

    assert (waiting, job["status"]) == ("pending", "completed")


def test_times_of_a_schedule(client: Client) -> None:
    """The submit repeats the time as it was sent, the get shows it in UTC with microseconds."""
    submitted = client.submit("echo", scheduled_at="2100-01-02T03:04:05.123456789+02:00").json()

    assert submitted["scheduled_at"] == "2100-01-02T03:04:05.123456789+02:00"
    assert client.job(submitted["id"])["scheduled_at"] == "2100-01-02T01:04:05.123456Z"


def test_claim_order() -> None:
    """Jobs are claimed by priority, those of equal priority by age."""
    gate, order = threading.Event(), list[int]()

    @function("blocker")
    def blocker(_payload: dict[str, Any], _context: Context) -> None:
        gate.wait(10)

    @function("note")
    def note(payload: dict[str, Any], _context: Context) -> None:
        order.append(payload["n"])

    with serving(blocker, note, workers=1, jobs_per_worker=1) as running, running.client() as client:
        client.until(client.queue("blocker"), lambda job: job["status"] == "running")
        jobs = [client.queue("note", {"n": n}, priority=priority) for n, priority in enumerate([0, 5, -1, 5, 0])]
        gate.set()
        for job_id in jobs:
            client.ended(job_id)

    assert order == [1, 3, 0, 4, 2]


def test_body_limit(client: Client) -> None:
    """A body over 1 MB is refused, whatever is in it; one of exactly 1 MB is read."""
    over = client.post("/api/v1/jobs/submit", content=b"x" * (1024 * 1024 + 1))
    exact = client.post("/api/v1/jobs/submit", content=b"x" * (1024 * 1024))

    assert (over.status_code, over.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert over.json()["details"] == {"endpoint_type": "API", "max_bytes": 1048576}
    assert exact.status_code == 400
