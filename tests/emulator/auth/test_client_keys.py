"""Client keys: creating, revoking and using them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

PATH = "/api/v1/client-keys"
SCOPES = {"march": "read:jobs", "april": "jobs:read"}
WRITING = {"march": "write:clientkeys", "april": "clientkeys:write"}


@pytest.fixture(params=["march", "april"])
def version(request: pytest.FixtureRequest) -> str:
    """The name of each server version."""
    return str(request.param)


@pytest.fixture
def maker(request: pytest.FixtureRequest, version: str) -> Iterator[Client]:
    """A client that acts as a user."""
    running: Running = request.getfixturevalue(version)
    with running.client() as client:
        yield client


def make(client: Client, *scopes: str, **fields: Any) -> httpx.Response:
    """Create a client key."""
    return client.post(PATH, json={"name": "sdk", "scopes": scopes, **fields})


def refusal(client: Client, key: str) -> str | None:
    """The error for a client key, or None."""
    return client.refusal({"authorization": "", "x-client-key": key})


def error_of(response: httpx.Response) -> tuple[int, str, str | None]:
    """The status, message and code of an error."""
    body = response.json()
    return response.status_code, body["error"], body.get("code")


def test_key_has_no_user(april: Running) -> None:
    """A client key may use all routes, but its jobs have no owner and their logs are a 404."""
    with april.client() as maker, april.client("") as client:
        made = make(maker, "jobs:read")
        client.headers["x-client-key"] = made.json()["key"]
        job = client.submit("echo").json()
        as_query = client.get("/api/v1/jobs", params={"clientkey": made.json()["key"]}, headers={"x-client-key": ""})

        assert (made.status_code, made.json()["key_prefix"]) == (201, made.json()["key"][:12])
        assert not {"created_by", "user_role", "user_email"} & set(job)
        assert client.logs(job["id"]).status_code == 404
        assert client.submit("admins").json() == {"error": "Authentication required", "required_roles": ["admin"]}
        assert as_query.status_code == 200


def test_all_fields(maker: Client, version: str) -> None:
    """The response has the given fields, with times as stored and a default rate limit."""
    made = make(maker, SCOPES[version], description="d", rate_limit_per_minute=7, expires_at="2030-01-01T02:00:00.123456789+02:00").json()
    names = ["id", "name", "description", "key_prefix", "scopes", "rate_limit_per_minute", "expires_at", "created_at", "updated_at", "key"]

    assert list(made) == names
    assert [made[name] for name in names[1:3]] == ["sdk", "d"]
    assert (made["rate_limit_per_minute"], made["expires_at"]) == (7, "2030-01-01T00:00:00.123456Z")
    assert make(maker, "*", rate_limit_per_minute=0).json()["rate_limit_per_minute"] == 100
    assert make(maker, "*", rate_limit_per_minute=-1).json()["rate_limit_per_minute"] == -1


@pytest.mark.parametrize(
    ("scopes", "why"),
    [
        (["jobs:read", "read:jobs", "nope"], "invalid scopes: {other}, nope"),
        ([], "at least one scope must be specified"),
    ],
)
def test_invalid_scopes(maker: Client, version: str, scopes: list[str], why: str) -> None:
    """The server versions write scopes differently, and a key needs at least one; only March servers explain the error."""
    other = SCOPES["april" if version == "march" else "march"]
    refused = error_of(make(maker, *scopes))

    if version == "march":
        assert refused == (500, f"Failed to create client key: invalid scopes: {why.format(other=other)}", None)
    else:
        assert refused == (500, "Failed to create client key", "INTERNAL_ERROR")


def test_scopes_of_both_versions(maker: Client) -> None:
    """A few scopes are written the same way in both versions."""
    assert make(maker, "realtime:connect", "migrations:execute").status_code == 201
    assert make(maker, "connect:realtime").status_code == 500


def test_unstorable(maker: Client, version: str) -> None:
    """A value that the database does not accept is a 500."""
    status, error, _ = error_of(make(maker, "*", name="a\0"))

    assert status == 500
    assert ("invalid byte sequence" in error) == (version == "march")


@pytest.mark.parametrize(
    ("body", "error", "code"),
    [
        (b"", "Invalid request body", "INVALID_REQUEST_BODY"),
        (b"[]", "Invalid request body", "INVALID_REQUEST_BODY"),
        (b'{"name":"x","scopes":[5]}', "Invalid request body", "INVALID_REQUEST_BODY"),
        (b'{"name":"x","rate_limit_per_minute":"1"}', "Invalid request body", "INVALID_REQUEST_BODY"),
        (b'{"name":"x","expires_at":"soon"}', "Invalid request body", "INVALID_REQUEST_BODY"),
        (b"{}", "Name is required", "MISSING_REQUIRED_FIELD"),
        (b'{"name":""}', "Name is required", "MISSING_REQUIRED_FIELD"),
    ],
)
def test_unreadable_body(maker: Client, version: str, body: bytes, error: str, code: str) -> None:
    """Fields of a wrong type are refused; April servers add a code."""
    response = maker.post(PATH, content=body, headers={"content-type": "application/json"})

    assert error_of(response) == (400, error, None if version == "march" else code)


def test_expiry() -> None:
    """A client key can expire; a time in the past is accepted, and the key is never valid."""
    clock = AdjustableClock()
    with serving(clock=clock) as running, running.client() as client:
        made = make(client, "*", expires_at="2099-01-01T00:00:00Z").json()
        over = make(client, "*", expires_at="2020-01-01T00:00:00Z").json()
        before = refusal(client, made["key"]), refusal(client, over["key"])
        clock.ahead_seconds = 100 * 366 * 24 * 3600
        after = refusal(client, made["key"])

    assert made["expires_at"] == "2099-01-01T00:00:00Z"
    assert before == (None, "Invalid client key")
    assert after == "Invalid client key"


def test_revoked_key(maker: Client) -> None:
    """A revoked key is refused, can be revoked again, and does not affect other keys."""
    made, other = (make(maker, "*").json() for _ in range(2))
    before = refusal(maker, made["key"])
    answers = [maker.post(f"{PATH}/{key_id}/revoke") for key_id in (made["id"], made["id"].upper())]

    assert [(answer.status_code, answer.text) for answer in answers] == [
        (200, '{"message":"Client key revoked successfully","success":true}')
    ] * 2
    assert (before, refusal(maker, made["key"]), refusal(maker, other["key"])) == (None, "Invalid client key", None)


def test_revoke_unknown_key(maker: Client, version: str) -> None:
    """An id that is not a UUID is a 400, an unknown one a 500."""
    malformed, unknown = (error_of(maker.post(f"{PATH}/{key_id}/revoke")) for key_id in ("x", uuid4()))

    if version == "march":
        assert malformed == (400, "Invalid client key ID", None)
        assert unknown == (500, "Failed to revoke client key: client key not found", None)
    else:
        assert malformed == (400, "Invalid client key ID", "INVALID_ID")
        assert unknown == (500, "Failed to revoke client key", "INTERNAL_ERROR")


def test_scope_for_keys(maker: Client, version: str) -> None:
    """A key needs the scope `clientkeys`, or all scopes, to create and revoke client keys."""
    keys = {scope: make(maker, scope).json() for scope in (SCOPES[version], WRITING[version], "*")}
    del maker.headers["authorization"]

    for scope, key in keys.items():
        maker.headers["x-client-key"] = key["key"]
        answers = [make(maker, "*"), maker.post(f"{PATH}/{key['id']}/revoke")]
        if scope == SCOPES[version]:
            assert [answer.status_code for answer in answers] == [403, 403]
            assert answers[0].json() == {"error": "Insufficient permissions", "required_scope": WRITING[version]}
        else:
            assert [answer.status_code for answer in answers] == [201, 200]
