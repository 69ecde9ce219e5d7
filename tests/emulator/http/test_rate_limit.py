"""Rate limits: off by default, but some routes always send their headers."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from fluxbase_jobs.emulator.http.rate_limits import FixedWindowLimiter, RateLimit
from fluxbase_jobs.emulator.profiles import PROFILES

from contract import recordings
from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, program, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
LIMITED = {
    "code": "RATE_LIMIT_EXCEEDED",
    "error": "Rate limit exceeded",
    "message": "API rate limit exceeded. Maximum 3 requests per minute allowed.",
    "retry_after": 60,
}


@pytest.fixture
def clock() -> AdjustableClock:
    """The clock of the emulators in this module."""
    return AdjustableClock()


@pytest.fixture(params=sorted(PROFILES))
def limited(request: pytest.FixtureRequest, clock: AdjustableClock) -> Iterator[Running]:
    """An emulator of each server version that accepts three requests a minute."""
    with serving(profile=PROFILES[request.param], rate_limit=3, clock=clock) as running:
        yield running


def announced(response: httpx.Response) -> list[str | None]:
    """The limit, the rest of it, and the seconds until it is reset."""
    return [response.headers.get(name) for name in RATE]


def account() -> dict[str, Any]:
    """The body of a sign-up."""
    return {"email": f"{uuid4()}@example.com", "password": "correct-horse-9"}


def statuses(client: Client, path: str, bodies: list[dict[str, Any]]) -> list[int]:
    """Post the bodies one after the other and collect the statuses."""
    return [client.post(path, json=body).status_code for body in bodies]


def test_recording() -> None:
    """The hundred recorded requests and those beyond the limit get the recorded headers and bodies."""
    recorded = [exchange for exchange in recordings.load(recordings.LIMITS) if exchange.scenario == "rate_limited"]
    with serving(profile=PROFILES["2026-03"], rate_limit=100) as running, running.client() as client:
        answers = {f"request {n}": client.get("/api/v1/jobs", params={"limit": 1}) for n in range(1, 101)}
        answers["limited get"] = client.get("/api/v1/jobs", params={"limit": 1})
        answers["limited submit"] = client.submit("echo", headers={"idempotency-key": "a"})

    assert len(recorded) == 5
    for exchange in recorded:
        answer = answers[exchange.label]
        assert answer.status_code == exchange.status
        for name in (*RATE[:2], "retry-after", "content-type"):
            assert answer.headers.get(name) == exchange.response_headers.get(name)
        assert exchange.succeeded or answer.text == exchange.body


def test_every_response_counts(limited: Running) -> None:
    """All requests to /api/ count and get the headers, whatever their status; the fourth is refused."""
    with limited.client() as client:
        taken = [
            client.get("/api/v1/jobs", headers={"authorization": ""}),
            client.get("/api/v1/jobs/x"),
            client.post("/api/v1/jobs/submit", content=b"x" * (1024 * 1024 + 1)),
        ]
        refused = [client.get("/api/v1/jobs"), client.get("/api/v1/nope"), client.post("/api/v1/jobs/submit", content=b"x" * (2**21))]
        health = client.get("/health")

    assert [answer.status_code for answer in taken] == [401, 400, 413]
    assert [announced(answer)[:2] for answer in taken] == [["3", "2"], ["3", "1"], ["3", "0"]]
    for answer in refused:
        assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (429, LIMITED, "60")
        assert announced(answer) == [None, None, None]
    assert (health.status_code, announced(health)) == (200, [None, None, None])


def test_window_ends(limited: Running, clock: AdjustableClock) -> None:
    """A window ends a minute after its first request; refused requests do not extend it."""
    with limited.client() as client:
        first = client.get("/api/v1/jobs")
        for _ in range(3):
            client.get("/api/v1/jobs")
        clock.ahead_seconds = 50
        refused = client.get("/api/v1/jobs")
        clock.ahead_seconds = 60
        again = client.get("/api/v1/jobs")
        clock.ahead_seconds = 80
        later = client.get("/api/v1/jobs")

    assert announced(first) == ["3", "2", "60"]
    assert refused.status_code == 429
    assert announced(again) == ["3", "2", "60"]
    assert announced(later)[:2] == ["3", "1"]
    assert 38 <= int(later.headers["x-ratelimit-reset"]) <= 40


def test_refusal_of_a_large_body() -> None:
    """A client that sends its whole body first gets the 429, not a closed connection."""
    with serving(rate_limit=1) as running:
        address = httpx.URL(running.url)
        with closing(HTTPConnection(address.host, address.port or 0)) as connection:
            connection.request("GET", "/api/v1/jobs")
            first = connection.getresponse()
            first.read()
            connection.request("POST", "/api/v1/jobs/submit", body=b"x" * (2**25))
            refused = connection.getresponse().status

    assert (first.status, refused) == (401, 429)


def test_refusal_is_not_stored(limited: Running, clock: AdjustableClock) -> None:
    """A refused submit does not use its Idempotency-Key; a replay counts as a request."""
    with limited.client() as client:
        for _ in range(3):
            client.get("/api/v1/jobs")
        refused = client.submit("echo", headers={"idempotency-key": "k"})
        clock.ahead_seconds = 61
        made = client.submit("echo", headers={"idempotency-key": "k"})
        replayed = client.submit("echo", headers={"idempotency-key": "k"})

    assert (refused.status_code, made.status_code, replayed.status_code) == (429, 201, 201)
    assert made.json() == replayed.json()
    assert announced(replayed)[1] == "1"


@pytest.mark.parametrize(
    ("path", "limit", "message", "retry_after"),
    [
        ("signup", 5, "Too many signup attempts. Please try again in 0 minutes.", 0),
        ("signin", 10, "Too many login attempts. Please try again in 1 minutes.", 60),
        ("refresh", 5, "Too many token refresh attempts. Please wait 0 minute(s).", 0),
    ],
)
def test_own_limits(path: str, limit: int, message: str, retry_after: int) -> None:
    """Sign-up, sign-in and refresh have smaller limits, but send the headers of the general limit."""
    body = {**account(), "refresh_token": "garbage-garbage-garbage-garbage"}
    with serving(rate_limit=100) as running, running.client("") as client:
        taken = statuses(client, f"/api/v1/auth/{path}", [body] * limit)
        refused = client.post(f"/api/v1/auth/{path}", json=body)
        elsewhere = client.get("/api/v1/jobs")

    assert 429 not in taken
    assert refused.status_code == 429
    assert (refused.json()["message"], refused.json()["retry_after"]) == (message, retry_after)
    assert refused.headers["retry-after"] == str(retry_after)
    assert announced(refused)[:2] == ["100", str(100 - limit - 1)]
    assert elsewhere.status_code == 401


def test_refreshes_share_a_limit() -> None:
    """Refresh tokens count by their first characters, which all users share; without a token the address counts."""
    with serving(rate_limit=100) as running, running.client("") as client:
        tokens = [client.post("/api/v1/auth/signup", json=account()).json()["refresh_token"] for _ in range(2)]
        client.cookies.clear()
        used = statuses(client, "/api/v1/auth/refresh", [{"refresh_token": tokens[0]}] * 5)
        others = client.post("/api/v1/auth/refresh", json={"refresh_token": tokens[1]})
        without = client.post("/api/v1/auth/refresh", json={})
        client.cookies.set("fluxbase_refresh_token", tokens[1])
        by_cookie = client.post("/api/v1/auth/refresh", content=b"no json")

    assert (used, others.status_code, without.status_code, by_cookie.status_code) == ([200, *[401] * 4], 429, 400, 200)


def test_ended_windows_are_removed(clock: AdjustableClock) -> None:
    """Many different addresses or tokens do not fill the memory."""
    windows = FixedWindowLimiter(RateLimit(5, "too many"), clock)
    for number in range(100):
        windows.count(str(number))
    before = len(windows)
    clock.ahead_seconds = 61
    windows.count("0")

    assert (before, len(windows)) == (100, 1)


def test_headers_without_rate_limit(nobody: Client) -> None:
    """Without --rate-limit nothing is refused, and only the three routes send rate limit headers."""
    new = account()
    signed_up = nobody.post("/api/v1/auth/signup", json=new)
    nobody.cookies.clear()
    signed_in = [nobody.post("/api/v1/auth/signin", json=new) for _ in range(12)]

    assert announced(signed_up)[0] == "5"
    assert {answer.status_code for answer in signed_in} == {200}
    assert announced(signed_in[-1])[:2] == ["10", "0"]
    assert announced(nobody.get("/api/v1/jobs")) == [None, None, None]


def test_forwarded_address() -> None:
    """The command-line server counts by the socket's address and ignores `X-Forwarded-For`."""
    with program("--rate-limit", "1") as started, started.running.client() as client:
        answers = [client.get("/api/v1/jobs", headers={"x-forwarded-for": f"10.0.0.{n}"}) for n in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
