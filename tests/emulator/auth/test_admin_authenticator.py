"""Authentication of the admin routes: tokens only, the cookie before the header, and the roles of each server version."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.servers.emulator_in_process import Client, Running

if TYPE_CHECKING:
    from tests.emulator.conftest import Sign

PATH = "/api/v1/admin/service-keys"
ROLES = ["admin", "dashboard_admin", "instance_admin", "service_role", "tenant_admin", "tenant_service", "authenticated", "anon", ""]


def answer(client: Client, headers: dict[str, str], query: str = "") -> tuple[int, str | None]:
    """Call an admin route and give its status and code."""
    response = client.post(PATH + query, json={"name": str(uuid4())}, headers=headers)
    return response.status_code, response.json().get("code")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, "MISSING_AUTHENTICATION")),
        ({"x-service-key": "{admin}"}, (401, "MISSING_AUTHENTICATION")),
        ({"x-client-key": "fbk_x"}, (401, "MISSING_AUTHENTICATION")),
        ({"authorization": "Bearer {admin}"}, (201, None)),
        ({"authorization": "{admin}"}, (201, None)),
        ({"authorization": "bearer {admin}"}, (401, "INVALID_TOKEN")),
        ({"authorization": "ServiceKey {admin}"}, (401, "INVALID_TOKEN")),
        ({"authorization": "Bearer Bearer {admin}"}, (401, "INVALID_TOKEN")),
        ({"authorization": "Bearer"}, (401, "INVALID_TOKEN")),
        ({"authorization": "Bearer {old}"}, (401, "INVALID_TOKEN")),
        ({"authorization": "Bearer {user}"}, (403, "INSUFFICIENT_PERMISSIONS")),
        ({"authorization": "Bearer x", "cookie": "fluxbase_access_token={admin}"}, (201, None)),
        ({"authorization": "Bearer {admin}", "cookie": "fluxbase_access_token=x"}, (401, "INVALID_TOKEN")),
        ({"authorization": "Bearer {admin}", "cookie": "fluxbase_access_token="}, (201, None)),
        ({"authorization": "Bearer {admin}", "cookie": "fluxbase_access_token={user}"}, (403, "INSUFFICIENT_PERMISSIONS")),
    ],
)
def test_places(nobody: Client, sign: Sign, headers: dict[str, str], expected: tuple[int, str | None]) -> None:
    """The cookie counts before the header, valid or not; `Bearer` is optional in the header."""
    tokens = {"admin": sign(role="admin"), "user": sign(role="authenticated"), "old": sign(role="admin", lifetime=-60)}

    assert answer(nobody, {name: value.format(**tokens) for name, value in headers.items()}) == expected


def test_query(nobody: Client, sign: Sign) -> None:
    """A token in the query is ignored."""
    assert answer(nobody, {}, f"?token={sign(role='admin')}") == (401, "MISSING_AUTHENTICATION")


def test_cookie_is_for_admin_routes_only(nobody: Client, sign: Sign) -> None:
    """The user routes ignore the cookie."""
    refusal = nobody.refusal({"cookie": f"fluxbase_access_token={sign(role='admin')}"})

    assert refusal == "Authentication required. Provide Bearer token, X-Client-Key, or X-Service-Key"


@pytest.mark.parametrize(
    ("version", "allowed"),
    [
        ("march", {"admin", "dashboard_admin", "service_role"}),
        ("april", {"admin", "instance_admin", "service_role", "tenant_admin", "tenant_service"}),
    ],
)
def test_roles(request: pytest.FixtureRequest, sign: Sign, version: str, allowed: set[str]) -> None:
    """Which roles may create service keys; a token without a role may not."""
    running: Running = request.getfixturevalue(version)
    with running.client("") as client:
        answers = {role: answer(client, {"authorization": sign(role=role)}) for role in ROLES}
        nameless = answer(client, {"authorization": sign()})

    assert {role for role, (status, _) in answers.items() if status == 201} == allowed
    assert {answers[role] for role in answers.keys() - allowed} == {nameless} == {(403, "INSUFFICIENT_PERMISSIONS")}
