"""Users: sign-up, sign-in, refresh, and submits on behalf of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, serving

if TYPE_CHECKING:
    from tests.emulator.conftest import Sign


NOBODYS_ID = "6f0b4f0e-3f4e-4d53-8a55-5f1e3b1c2d10"


def account(email: str | None = None, **fields: Any) -> dict[str, Any]:
    """The body of a sign-up."""
    return {"email": email or f"{uuid4()}@example.com", "password": "correct-horse-9", **fields}


def test_sign_up_and_in(nobody: Client) -> None:
    """Sign-up and sign-in issue tokens; the user's jobs carry the user's name."""
    new = account(user_metadata={"name": "Ada"})
    up = nobody.post("/api/v1/auth/signup", json=new)
    signed_in = nobody.post("/api/v1/auth/signin", json=new)
    nobody.cookies.clear()
    nobody.headers["authorization"] = f"Bearer {signed_in.json()['access_token']}"
    job = nobody.job(nobody.queue("echo"))

    assert (up.status_code, signed_in.status_code, up.json()["expires_in"]) == (201, 200, 900)
    assert list(up.json()) == ["user", "access_token", "refresh_token", "expires_in"]
    assert up.json()["user"]["user_metadata"] == {"name": "Ada"}
    assert (job["created_by"], job["user_name"]) == (up.json()["user"]["id"], "Ada")
    attributes = [cookie.partition("max-age=")[2] for cookie in up.headers.get_list("set-cookie")]
    assert attributes == ["900; path=/; HttpOnly; SameSite=Lax", "604800; path=/api/v1/auth; HttpOnly; SameSite=Strict"]


@pytest.mark.parametrize(("given", "shown"), [({}, {"user_metadata": {}}), (None, {})])
def test_sign_up_with_empty_metadata(nobody: Client, given: dict[str, Any] | None, shown: dict[str, Any]) -> None:
    """An empty object is stored, as on the real servers; null is not."""
    up = nobody.post("/api/v1/auth/signup", json=account(user_metadata=given))

    assert (up.status_code, {key: value for key, value in up.json()["user"].items() if key == "user_metadata"}) == (201, shown)


@pytest.mark.parametrize(
    ("wrong", "in_march", "in_april"),
    [
        ({"password": "short"}, "invalid password: password does not meet minimum requirements", "Registration failed INVALID_INPUT"),
        ({"email": "no address"}, "invalid email: invalid email address", "Registration failed INVALID_INPUT"),
        ({"email": None}, "Email is required", "Email is required MISSING_REQUIRED_FIELD"),
        ({"password": None}, "Password is required", "Password is required MISSING_REQUIRED_FIELD"),
        ({"password": 5}, "Invalid request body", "Invalid request body INVALID_REQUEST_BODY"),
    ],
)
def test_refused_sign_up(march: Running, april: Running, wrong: dict[str, Any], in_march: str, in_april: str) -> None:
    """An address needs an at sign, a password twelve characters. April servers hide the reason and add a code."""
    with march.client("") as client:
        before = client.post("/api/v1/auth/signup", json={**account(), **wrong})
    with april.client("") as client:
        now = client.post("/api/v1/auth/signup", json={**account(), **wrong})

    assert (before.status_code, before.json()) == (400, {"error": in_march})
    assert (now.status_code, f"{now.json()['error']} {now.json()['code']}") == (400, in_april)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "Invalid request body"),
        (b'{"email":5,"password":"x"}', "Invalid request body"),
        (b'{"email":' + b"[" * 600 + b"]" * 600 + b"}", "Invalid request body"),
        (b"{}", "Email and password are required"),
        (b'{"email":"ada@example.com"}', "Email and password are required"),
    ],
)
def test_sign_in_without_account(nobody: Client, body: bytes, error: str) -> None:
    """Sign-in needs an address and a password."""
    response = nobody.post("/api/v1/auth/signin", content=body, headers={"content-type": "application/json"})

    assert (response.status_code, response.json()["error"]) == (400, error)


def test_address_is_taken(nobody: Client) -> None:
    """An address can sign up once."""
    new = account()

    assert [nobody.post("/api/v1/auth/signup", json=new).status_code for _ in range(2)] == [201, 400]


@pytest.mark.parametrize(("version", "keys"), [("march", ["error"]), ("april", ["error", "code", "request_id"])])
def test_refused_sign_in_and_refresh(request: pytest.FixtureRequest, version: str, keys: list[str]) -> None:
    """A wrong password or refresh token is a 401; April servers add a code."""
    running: Running = request.getfixturevalue(version)
    with running.client("") as client:
        new = account()
        client.post("/api/v1/auth/signup", json=new)
        signed_in = client.post("/api/v1/auth/signin", json={**new, "password": "another-horse-9"})
        refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": "garbage"})

    assert (signed_in.status_code, refreshed.status_code) == (401, 401)
    assert (list(signed_in.json()), list(refreshed.json())) == (keys, keys)


def test_refresh_token_works_once(nobody: Client) -> None:
    """A refresh token can be used once; earlier access tokens stay valid."""
    first = nobody.post("/api/v1/auth/signup", json=account()).json()
    second = nobody.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    again = nobody.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    third = nobody.post("/api/v1/auth/refresh", json={"refresh_token": second.json()["refresh_token"]})

    assert list(second.json()) == ["access_token", "refresh_token", "expires_in"]
    assert (second.status_code, again.status_code, third.status_code) == (200, 401, 200)
    assert nobody.refusal({"authorization": f"Bearer {first['access_token']}"}) is None


def test_refresh_from_cookie(nobody: Client) -> None:
    """Without a body the refresh token is read from the cookie; without both it is missing."""
    nobody.post("/api/v1/auth/signup", json=account())
    cookie = nobody.cookies["fluxbase_refresh_token"]
    refreshed = nobody.post("/api/v1/auth/refresh", headers={"cookie": f"fluxbase_refresh_token={cookie}"})
    nobody.cookies.clear()
    missing = nobody.post("/api/v1/auth/refresh")

    assert refreshed.status_code == 200
    assert (missing.status_code, missing.json()["error"]) == (400, "Refresh token is required")


def test_expiry() -> None:
    """Access tokens expire after 15 minutes, refresh tokens after 7 days."""
    clock = AdjustableClock()
    with serving(clock=clock) as running, running.client("") as client:
        tokens = client.post("/api/v1/auth/signup", json=account()).json()
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        clock.ahead_seconds = 14 * 60
        before = client.refusal(bearer)
        clock.ahead_seconds = 16 * 60
        after = client.refusal(bearer)
        clock.ahead_seconds = 7 * 24 * 3600 + 60
        refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})

    assert (before, after, refreshed.status_code) == (None, "Invalid or expired Bearer token", 401)


def test_refresh_token_as_bearer(nobody: Client) -> None:
    """The server does not check the token type: a refresh token works on the jobs routes."""
    tokens = nobody.post("/api/v1/auth/signup", json=account()).json()

    assert nobody.refusal({"authorization": f"Bearer {tokens['refresh_token']}"}) is None


def test_on_behalf_of(nobody: Client, sign: Sign) -> None:
    """A service role may submit for a user, who then owns the job."""
    user = nobody.post("/api/v1/auth/signup", json=account(user_metadata={"full_name": "Bob B."})).json()["user"]
    nobody.cookies.clear()
    nobody.headers["authorization"] = f"Bearer {sign(role='service_role')}"
    whole = nobody.submit("echo", on_behalf_of={"user_id": user["id"].upper(), "user_email": "b@x.org", "user_role": "editor"})
    bare = nobody.submit("echo", on_behalf_of={"user_id": user["id"]}).json()

    assert [whole.json()[name] for name in ("created_by", "user_email", "user_role")] == [user["id"], "b@x.org", "editor"]
    assert (bare["user_role"], "user_email" in bare) == ("authenticated", False)
    assert nobody.job(bare["id"])["user_name"] == "Bob B."


@pytest.mark.parametrize(
    ("role", "user_id", "error"),
    [
        ("authenticated", NOBODYS_ID, "on_behalf_of requires service_role"),
        ("admin", NOBODYS_ID, "on_behalf_of requires service_role"),
        ("service_role", NOBODYS_ID, "User not found in on_behalf_of.user_id"),
        ("service_role", "bob", "Invalid user_id in on_behalf_of"),
        ("service_role", None, "Invalid user_id in on_behalf_of"),
    ],
)
def test_refused_on_behalf_of(nobody: Client, sign: Sign, role: str, user_id: str | None, error: str) -> None:
    """Other roles may not, and the user must exist."""
    nobody.headers["authorization"] = f"Bearer {sign(role=role)}"

    assert nobody.submit("echo", on_behalf_of={"user_id": user_id}).json() == {"error": error}
