"""Service keys: admins create them, and the user routes accept them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from fluxbase_jobs.emulator.profiles import PROFILES

from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

PATH = "/api/v1/admin/service-keys"
IN_MARCH = ["id", "name", "key_prefix", "scopes", "enabled", "created_at", "key"]
IN_APRIL = ["id", "name", "key_prefix", "key_type", "scopes", "enabled", "created_at", "key"]
MARCH_KEY = re.compile(r"sk_[\w-]{43}")
APRIL_KEY = re.compile(r"[sp]k_live_[\w-]{43}=")
NUL = "a\0"


@pytest.fixture
def in_march(march: Running) -> Iterator[Client]:
    """A service role's client in March."""
    with march.client(march.service_key) as client:
        yield client


@pytest.fixture
def in_april(april: Running) -> Iterator[Client]:
    """A service role's client in April."""
    with april.client(april.service_key) as client:
        yield client


def make(client: Client, **fields: Any) -> httpx.Response:
    """Create a service key, with a new name if none is given."""
    return client.post(PATH, json={"name": f"key {uuid4()}", **fields})


def use(client: Client, key: str, **fields: Any) -> httpx.Response:
    """Submit a job with only a service key."""
    return client.submit("admins", headers={"authorization": "", "x-service-key": key}, **fields)


def test_key_of_march(in_march: Client) -> None:
    """March service keys have no type and always the role `service_role`."""
    made = make(in_march, key_type="anon", allowed_namespaces=["x"], enabled=False).json()
    job = use(in_march, made["key"])

    assert list(made) == IN_MARCH
    assert MARCH_KEY.fullmatch(made["key"])
    assert (made["key_prefix"], made["scopes"], made["enabled"]) == (made["key"][:16], ["*"], True)
    assert (job.status_code, job.json()["user_role"], "created_by" in job.json()) == (201, "service_role", False)


def test_service_key_of_april(in_april: Client) -> None:
    """An April key without a type, or with the type `service`, has the role `service_role`."""
    for made in (make(in_april).json(), make(in_april, key_type="service").json()):
        job = use(in_april, made["key"])

        assert list(made) == IN_APRIL
        assert APRIL_KEY.fullmatch(made["key"])
        assert (made["key"][:8], made["key_prefix"], made["key_type"], made["scopes"]) == ("sk_live_", made["key"][:16], "service", ["*"])
        assert (job.status_code, job.json()["user_role"], "created_by" in job.json()) == (201, "service_role", False)


def test_anon_key_of_april(in_april: Client) -> None:
    """A key of the type `anon` has that role, so a function for admins refuses it."""
    made = make(in_april, key_type="anon").json()

    assert (made["key"][:8], made["scopes"]) == ("pk_live_", ["read"])
    assert use(in_april, made["key"]).json() == {"error": "Insufficient permissions", "required_roles": ["admin"], "user_role": "anon"}
    assert in_april.refusal({"authorization": f"ServiceKey {made['key']}"}) is None


def test_all_fields(in_march: Client, in_april: Client) -> None:
    """The response has the given fields. Times are as stored in March, as sent in April; only April servers know namespaces."""
    settings = {
        "description": "",
        "allowed_namespaces": ["default"],
        "rate_limit_per_minute": 5,
        "rate_limit_per_hour": 0,
        "expires_at": "2030-01-01T02:00:00.123456789+02:00",
    }
    march = make(in_march, scopes=["read:jobs", "read:jobs"], **settings).json()
    april = make(in_april, scopes=["whatever"], **settings).json()

    assert {name: april[name] for name in settings} == settings
    assert april["scopes"] == ["whatever"]
    assert "allowed_namespaces" not in march
    assert march["expires_at"] == "2030-01-01T00:00:00.123456Z"
    assert [march[name] for name in ("description", "scopes", "rate_limit_per_hour")] == ["", ["read:jobs", "read:jobs"], 0]


def test_fields_are_found_in_any_case(in_april: Client) -> None:
    """Field names match in any case, null means absent, and empty lists stay empty."""
    made = make(in_april, Key_Type="anon", SCOPES=[], description=None, allowed_namespaces=[]).json()

    assert list(made) == IN_APRIL
    assert (made["key_type"], made["scopes"]) == ("anon", [])


def test_on_behalf_of(in_april: Client, april: Running) -> None:
    """A service key may submit for a user."""
    with april.client() as user:
        user_id = user.job(user.queue("echo"))["created_by"]

    assert use(in_april, make(in_april).json()["key"], on_behalf_of={"user_id": user_id}).json()["created_by"] == user_id


@pytest.mark.parametrize("expires_at", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
@pytest.mark.parametrize("profile", PROFILES)
def test_expiry(profile: str, expires_at: str) -> None:
    """A key can expire; a time in the past is accepted, and the key is never valid."""
    clock = AdjustableClock()
    with serving(profile=PROFILES[profile], clock=clock) as running, running.client(running.service_key) as client:
        key = make(client, expires_at=expires_at).json()["key"]
        before = use(client, key).status_code
        clock.ahead_seconds = 100 * 366 * 24 * 3600
        after = use(client, key)

    assert before == (401 if expires_at < "2026" else 201)
    assert (after.status_code, after.json()) == (401, {"error": "Invalid service key"})


@pytest.mark.parametrize("profile", PROFILES)
def test_keys_are_stored_as_hashes(tmp_path: Path, profile: str) -> None:
    """A key is valid after a restart, but its text is not in the database."""
    settings: dict[str, Any] = {"profile": PROFILES[profile], "database": tmp_path / "db"}
    with serving(**settings) as running, running.client(running.service_key) as client:
        key = make(client).json()["key"]
    with serving(**settings) as running, running.client("") as client:
        job = use(client, key)

    assert job.status_code == 201
    assert not [path for path in tmp_path.iterdir() if key.encode() in path.read_bytes()]


def test_wrong_places_and_parts(emulator: Running) -> None:
    """A service key does not work as a bearer token, as a client key, on admin routes, or if a part is missing."""
    with emulator.client(emulator.service_key) as maker, emulator.client("") as client:
        key = make(maker).json()["key"]
        other_kind = ("pk_" if key.startswith("sk_") else "sk_") + key[3:]

        assert client.refusal({"authorization": f"Bearer {key}"}) == "Invalid or expired Bearer token"
        assert client.refusal({"x-client-key": key}) == "Invalid client key"
        for wrong in (key[:16], key + "A", other_kind, "sk_", "fb_tsk_0123456789abcdef"):
            assert client.refusal({"x-service-key": wrong}) == "Invalid service key"
        for header, code in {"x-service-key": "MISSING_AUTHENTICATION", "authorization": "INVALID_TOKEN"}.items():
            refused = client.post(PATH, json={"name": "x"}, headers={header: key})
            assert (refused.status_code, refused.json()["code"]) == (401, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"name":5}', b'{"name":"x","scopes":"*"}', b'{"name":"x","scopes":[5]}'])
def test_unreadable_body(in_march: Client, in_april: Client, body: bytes) -> None:
    """A body that is not an object, or a field of a wrong type, is refused; April servers add a code."""
    headers = {"content-type": "application/json"}
    march, april = (client.post(PATH, content=body, headers=headers) for client in (in_march, in_april))

    assert (march.status_code, march.json()) == (400, {"error": "Invalid request body"})
    assert (april.status_code, list(april.json())) == (400, ["error", "code", "request_id"])
    assert april.json()["code"] == "INVALID_REQUEST_BODY"


@pytest.mark.parametrize(
    "fields", [{"rate_limit_per_minute": 1.5}, {"rate_limit_per_hour": True}, {"expires_at": "soon"}, {"description": 5}]
)
def test_wrong_types(in_march: Client, in_april: Client, fields: dict[str, Any]) -> None:
    """Numbers are integers, times are RFC 3339."""
    assert [make(client, **fields).status_code for client in (in_march, in_april)] == [400, 400]


def test_name_is_needed(in_march: Client, in_april: Client) -> None:
    """A key needs a name; a blank one is accepted."""
    for name in ("", None):
        assert make(in_march, name=name).json() == {"error": "Name is required"}
        assert make(in_april, name=name).json()["code"] == "MISSING_REQUIRED_FIELD"
    assert in_march.post(PATH, content=b"null", headers={"content-type": "application/json"}).json() == {"error": "Name is required"}
    assert make(in_april, name=" ").status_code == 201


@pytest.mark.parametrize("key_type", ["tenant_service", "publishable", "Service", "x"])
def test_unknown_type(in_april: Client, key_type: str) -> None:
    """April servers know two types of keys."""
    refused = make(in_april, key_type=key_type).json()

    assert (refused["error"], refused["code"]) == ("key_type must be 'anon' or 'service'", "INVALID_INPUT")


@pytest.mark.parametrize(
    ("scopes", "why"),
    [
        (["read:jobs", "jobs:read", "x"], "invalid scopes: jobs:read, x"),
        ([], "at least one scope must be specified"),
    ],
)
def test_scopes_of_march(in_march: Client, scopes: list[str], why: str) -> None:
    """March servers accept only known scopes."""
    assert make(in_march, scopes=scopes).json() == {"error": f"Invalid scopes: {why}"}


def test_name_is_taken(in_march: Client, in_april: Client) -> None:
    """On April servers names are unique."""
    name = f"key {uuid4()}"
    march, april = ([make(client, name=name) for _ in range(2)] for client in (in_march, in_april))

    assert [answer.status_code for answer in march] == [201, 201]
    assert [answer.status_code for answer in april] == [201, 500]
    assert (april[1].json()["error"], april[1].json()["code"]) == ("Failed to create service key", "INTERNAL_ERROR")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": NUL}, 'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'),
        ({"rate_limit_per_minute": 2**31}, "2147483648 is greater than maximum value for int4"),
        ({"rate_limit_per_hour": -(2**31) - 1}, "-2147483649 is less than minimum value for int4"),
    ],
)
def test_unstorable(in_march: Client, in_april: Client, fields: dict[str, Any], why: str) -> None:
    """A value that the database does not accept is a 500; March servers explain it."""
    march, april = (make(client, **fields) for client in (in_march, in_april))

    assert (march.status_code, march.json()) == (500, {"error": f"Failed to create service key: {why}"})
    assert (april.status_code, april.json()["code"]) == (500, "INTERNAL_ERROR")
