"""Differences between the March and the April server, and what all routes have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.servers.emulator_in_process import Client, Running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.conftest import Sign


@pytest.fixture
def in_march(march: Running) -> Iterator[Client]:
    """A client of the March emulator."""
    with march.client() as client:
        yield client


@pytest.fixture
def in_april(april: Running) -> Iterator[Client]:
    """A client of the April emulator."""
    with april.client() as client:
        yield client


def test_logs(in_march: Client, in_april: Client) -> None:
    """March servers show the log at once; April servers hide lines written since their start."""
    march_job, april_job = in_march.run("echo")["id"], in_april.run("echo")["id"]

    assert in_march.logs(march_job).json()["count"] == 1
    assert in_april.logs(april_job).text == '{"count":0,"logs":null}'


def test_default_namespace(in_march: Client, in_april: Client) -> None:
    """April servers find no jobs in the namespace `default`."""
    in_march.queue("echo")
    in_april.queue("echo")

    assert in_march.listed(namespace="default", limit=1)[0]["namespace"] == "default"
    assert in_april.listed(namespace="default", limit=1) == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/jobz"), ("DELETE", "/api/v1/jobs/x"), ("PUT", "/api/v1/jobs/submit")])
def test_unknown_route(march: Running, in_april: Client, sign: Sign, method: str, path: str) -> None:
    """An unknown route or method is a 404; March servers answer 401 or 403 to callers who are not admins."""
    refusals: dict[str, Any] = {}
    for name, token in {"none": "", "bad": "garbage", "user": march.user_key, "admin": sign(role="dashboard_admin")}.items():
        with march.client(token) as client:
            response = client.request(method, path)
            refusals[name] = response.status_code, response.json()["error"]
    with march.client("") as client:
        refusals["key"] = client.request(method, path, headers={"x-service-key": march.service_key}).status_code

    assert refusals == {
        "none": (401, "Authentication required. Provide Bearer token, X-Client-Key, or X-Service-Key"),
        "bad": (401, "Invalid or expired Bearer token"),
        "user": (403, "Insufficient permissions"),
        "admin": (404, "Not Found"),
        "key": 404,
    }
    assert in_april.request(method, path).json() == {"error": "Not Found", "path": path}


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/admin/jobs/queue"])
def test_head_is_no_route(admin: Client, path: str) -> None:
    """HEAD is a 404 on both servers, even where GET has a route."""
    assert (admin.get(path).status_code, admin.head(path).status_code) == (200, 404)


def test_unknown_route_by_keys(march: Running, sign: Sign) -> None:
    """March servers authenticate unknown routes like user routes; a client key has no role."""
    with march.client() as client:
        key = client.post("/api/v1/client-keys", json={"name": "k", "scopes": ["*"]}).json()["key"]
        del client.headers["authorization"]
        nobody, by_cookie, by_client_key, by_service_key = (
            client.get("/api/v1/admin/nope", headers=headers)
            for headers in (
                {},
                {"cookie": f"fluxbase_access_token={march.service_key}"},
                {"x-client-key": key},
                {"x-service-key": sign(role="service_role")},
            )
        )

    assert nobody.json() == by_cookie.json()
    assert nobody.json()["error"].startswith("Authentication required.")
    assert (by_client_key.status_code, by_client_key.json()["code"]) == (401, "AUTHENTICATION_REQUIRED")
    assert by_service_key.json() == {"error": "Not Found", "path": "/api/v1/admin/nope"}


def test_unknown_page(in_march: Client) -> None:
    """Paths outside of the API need no credential."""
    assert in_march.get("/nope").json() == {"error": "Not Found", "path": "/nope"}


def test_tenant(march: Running, april: Running) -> None:
    """April servers send the same tenant id at each sign-in."""
    tenants: list[Any] = []
    for running in (march, april, april):
        with running.client("") as client:
            account = {"email": client.sign_up() and f"{len(tenants)}@example.com", "password": "correct-horse-9"}
            client.post("/api/v1/auth/signup", json=account)
            tenants.append(client.post("/api/v1/auth/signin", json=account).json()["user"].get("tenant_id"))

    assert tenants[0] is None
    assert tenants[1] == tenants[2] is not None


def test_health(in_march: Client, in_april: Client) -> None:
    """The health route answers ok."""
    assert in_march.get("/health").json()["services"]["database"] is True
    assert list(in_april.get("/").json()) == ["status", "timestamp"]


def test_request_id(in_april: Client) -> None:
    """A printable request id of the client is used; otherwise the server generates one."""
    own = in_april.get("/health", headers={"x-request-id": "mine-1"})
    strange = in_april.get("/health", headers={"x-request-id": "not mine"})

    assert own.headers["x-request-id"] == "mine-1"
    assert len(strange.headers["x-request-id"]) == 43


def test_trailing_slash(in_april: Client) -> None:
    """A slash at the end of a path is ignored."""
    assert in_april.get("/api/v1/jobs/?limit=1").status_code == 200


def test_large_sign_up(in_april: Client) -> None:
    """Bodies of the auth routes are limited to 64 KB."""
    response = in_april.post("/api/v1/auth/signup", content=b"x" * (64 * 1024 + 1))

    assert response.json()["details"] == {"endpoint_type": "auth", "max_bytes": 65536}
