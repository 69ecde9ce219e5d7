"""Idempotency keys: replays, mismatches, races, and which responses are not stored."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, serving

if TYPE_CHECKING:
    from tests.emulator.conftest import Sign

DAY_SECONDS = 24 * 60 * 60


def key() -> dict[str, str]:
    """A header with a new key."""
    return {"idempotency-key": str(uuid4())}


def test_replay(client: Client) -> None:
    """The same key and body get the same response, byte for byte, and create one job."""
    headers = key()
    first, second = (client.submit("echo", {"n": 1}, headers=headers) for _ in range(2))

    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["x-request-id"] == first.headers["x-request-id"]
    assert second.headers["content-type"] == "application/json; charset=utf-8"
    assert "idempotency-replayed" not in first.headers


def test_mismatch(client: Client) -> None:
    """A key with another body or path is refused."""
    headers = key()
    job_id = client.submit("echo", {"n": 1}, headers=headers).json()["id"]
    other_body = client.submit("echo", {"n": 2}, headers=headers)
    other_path = client.post(f"/api/v1/jobs/{job_id}/cancel", headers=headers)

    assert (other_body.status_code, other_body.json()["code"]) == (422, "IDEMPOTENCY_REQUEST_BODY_MISMATCH")
    assert (other_path.status_code, other_path.json()["code"]) == (422, "IDEMPOTENCY_KEY_MISMATCH")
    assert other_path.json()["details"]["original_path"] == "/api/v1/jobs/submit"


def test_key_is_not_tied_to_a_caller(march: Running, sign: Sign) -> None:
    """A 401 is stored too, and replayed to another caller with a good token."""
    headers = key()
    with march.client(sign(lifetime=-1)) as expired, march.client() as good:
        refused = expired.submit("echo", headers=headers)
        replayed = good.submit("echo", headers=headers)

    assert (refused.status_code, replayed.status_code) == (401, 401)
    assert replayed.headers["idempotency-replayed"] == "true"


def test_server_error_is_not_stored(client: Client) -> None:
    """After a 500 the key runs again, and later responses are not stored either."""
    headers = key()
    job_id = client.run("boom")["id"]
    answers = [client.post(f"/api/v1/jobs/{job_id}/retry", headers=headers) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert not any("idempotency-replayed" in answer.headers for answer in answers)


@pytest.mark.parametrize(("length", "status"), [(0, 200), (1, 200), (256, 200), (257, 400)])
def test_length(client: Client, length: int, status: int) -> None:
    """A key has at most 256 characters, also on reads; an empty one is ignored."""
    assert client.get("/api/v1/jobs", headers={"idempotency-key": "x" * length}).status_code == status


def test_empty_key_is_ignored(client: Client) -> None:
    """Two submits with an empty key create two jobs."""
    first, second = (client.queue("echo", headers={"idempotency-key": ""}) for _ in range(2))

    assert first != second


def test_refresh_is_exempt(march: Running) -> None:
    """A refresh runs even if its key was used, so that it never replays old tokens."""
    headers = key()
    with march.client("") as client:
        refresh_token = sign_up(client)["refresh_token"]
        first, second = (client.post("/api/v1/auth/refresh", json={"refresh_token": refresh_token}, headers=headers) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 401)


def test_expires_after_a_day() -> None:
    """A key is stored for 24 hours."""
    clock, headers = AdjustableClock(), key()
    with serving(clock=clock) as running, running.client("") as client:
        first = sign_up(client, headers)["user"]["id"]
        clock.ahead_seconds = DAY_SECONDS - 60
        replayed = sign_up(client, headers)["user"]["id"]
        clock.ahead_seconds = DAY_SECONDS + 60
        refused = client.post("/api/v1/auth/signup", json=ACCOUNT, headers=headers)

    assert replayed == first
    assert (refused.status_code, refused.json()["error"]) == (400, "Registration failed")


@pytest.mark.parametrize("version", ["march", "april"])
def test_eight_at_once(request: pytest.FixtureRequest, version: str) -> None:
    """Of eight simultaneous requests up to two run on March servers and one on April servers; the others get a 409."""
    running: Running = request.getfixturevalue(version)
    headers, answers, barrier = key(), list[httpx.Response](), threading.Barrier(8)

    def submit() -> None:
        with running.client() as client:
            client.listed(limit=1)
            barrier.wait()
            answers.append(client.submit("echo", {"p": 1}, headers=headers))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    waiting = [answer.json() for answer in answers if answer.status_code == 409]

    assert 1 <= len(made) <= {"march": 2, "april": 1}[version]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert all(body["code"] == "IDEMPOTENCY_REQUEST_IN_PROGRESS" and body["hint"] for body in waiting)


ACCOUNT = {"email": "key@example.com", "password": "correct-horse-9"}


def sign_up(client: Client, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Create the user of this module, or another one if there is no key."""
    account = ACCOUNT if headers else {**ACCOUNT, "email": f"{uuid4()}@example.com"}
    answer: dict[str, Any] = client.post("/api/v1/auth/signup", json=account, headers=headers).raise_for_status().json()
    return answer
