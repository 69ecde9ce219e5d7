"""Authentication of the user routes: tokens, keys, and where a request may have them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from uuid import uuid4

import jwt
import pytest

from tests.support.servers.emulator_in_process import SECRET, Client, Running

if TYPE_CHECKING:
    from tests.emulator.conftest import Sign

NONE = "Authentication required. Provide Bearer token, X-Client-Key, or X-Service-Key"
BAD_BEARER = "Invalid or expired Bearer token"
BAD_SERVICE_KEY = "Invalid service key"
BAD_SERVICE_TOKEN = "Invalid service role token"


@pytest.mark.parametrize(
    ("header", "value", "error"),
    [
        ("authorization", "Bearer {service}", None),
        ("authorization", "Bearer {anon}", None),
        ("authorization", "ServiceKey {service}", None),
        ("x-service-key", "{service}", None),
        ("authorization", "bearer {service}", NONE),
        ("authorization", "{service}", NONE),
        ("apikey", "{service}", NONE),
        ("x-request-id", "none at all", NONE),
        ("authorization", "Bearer garbage", BAD_BEARER),
        ("authorization", "Bearer {expired}", BAD_BEARER),
        ("authorization", "Bearer {early}", BAD_BEARER),
        ("authorization", "Bearer {foreign}", BAD_BEARER),
        ("authorization", "Bearer {unsigned}", BAD_BEARER),
        ("authorization", "Bearer {issuer}", BAD_BEARER),
        ("x-service-key", "sk_live_nope", BAD_SERVICE_KEY),
        ("x-service-key", "{expired}", BAD_SERVICE_TOKEN),
        ("x-service-key", "{admin}", BAD_SERVICE_TOKEN),
        ("x-client-key", "fbk_nope", "Invalid client key"),
    ],
)
def test_headers(nobody: Client, sign: Sign, header: str, value: str, error: str | None) -> None:
    """Each kind of credential, valid and invalid; `Bearer` is case-sensitive."""
    plain = base64.urlsafe_b64encode(b'{"alg":"none"}').decode() + "." + base64.urlsafe_b64encode(b'{"role":"service_role"}').decode() + "."
    tokens = {
        "service": sign(role="service_role"),
        "anon": sign(role="anon"),
        "admin": sign(role="admin"),
        "expired": sign(role="service_role", lifetime=-1),
        "early": sign(role="service_role", nbf=4_000_000_000),
        "issuer": sign(role="service_role", iss="somebody"),
        "foreign": jwt.encode({"role": "service_role", "iat": 1}, SECRET[::-1], "HS256"),
        "unsigned": plain.replace("=", ""),
    }

    assert nobody.refusal({header: value.format(**tokens)}) == error


def test_first_credential_decides(nobody: Client, sign: Sign) -> None:
    """A service key counts before a bearer token, valid or not."""
    good, bad = sign(role="service_role"), "sk_live_nope"

    assert nobody.refusal({"authorization": f"Bearer {good}", "x-service-key": bad}) == BAD_SERVICE_KEY
    assert nobody.refusal({"authorization": "Bearer garbage", "x-client-key": "fbk_nope"}) == BAD_BEARER


@pytest.mark.parametrize(("version", "error"), [("march", NONE), ("april", None)])
def test_query_and_clientkey_header(request: pytest.FixtureRequest, sign: Sign, version: str, error: str | None) -> None:
    """Only April servers read `?token=` and the header `clientkey`."""
    running: Running = request.getfixturevalue(version)
    token = sign(role="service_role")
    with running.client("") as client:
        assert client.refusal(query=f"&token={token}") == error
        assert client.refusal({"clientkey": token}) == error


def test_identity_of_jobs(nobody: Client, sign: Sign) -> None:
    """A job stores its caller's role and address, and the user id if the user exists. A service key has no address."""
    as_bearer = nobody.submit("echo", headers={"authorization": f"Bearer {sign(role='service_role')}"}).json()
    as_key = nobody.submit("echo", headers={"x-service-key": sign(role="service_role")}).json()
    unknown = sign(role="authenticated", user_id=str(uuid4()), email="gone@example.com")
    as_unknown = nobody.submit("echo", headers={"authorization": f"Bearer {unknown}"}).json()

    assert (as_bearer["user_role"], as_bearer["user_email"]) == ("service_role", "")
    assert (as_key["user_role"], "user_email" in as_key) == ("service_role", False)
    assert (as_unknown["user_email"], "created_by" in as_unknown) == ("gone@example.com", False)
