"""Requests: their URL and headers, and the httpx client that sends them."""

from __future__ import annotations

import re
from typing import Final

import pytest
from fluxbase_jobs import FluxbaseClient

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

transport = every_transport

FOUND: Final = Answer(200, job())


@pytest.mark.parametrize("base", ["", "/", "/base", "/base/", "/a/b/"])
def test_path_of_the_url_is_kept(connect: Connect, server: LocalServer, base: str) -> None:
    """For servers behind a proxy. A trailing slash makes no difference."""
    server.answer(Answer(200, {"jobs": None}))

    connect(server.url + base).jobs.list().unwrap()

    assert server.requests[0].path == base.rstrip("/") + "/api/v1/jobs"


def test_custom_headers_are_sent(connect: Connect, server: LocalServer) -> None:
    """With every request. Headers that the client sets itself cannot be replaced."""
    custom = {"X-FB-Tenant": "t-1", "X_Plain": "", "Authorization": "Bearer custom", "IDEMPOTENCY-KEY": "custom", "content-type": "text/x"}
    client = connect(server.url, "eyJ.ours", headers=custom)
    server.answer(Answer(201, job()), FOUND)

    client.jobs.submit("echo", idempotency_key="ours").unwrap()
    client.jobs.get(JOB_ID).unwrap()

    first, second = (request.headers for request in server.requests)
    assert (first["x-fb-tenant"], second["x-fb-tenant"], first["x_plain"]) == ("t-1", "t-1", "")
    assert (first["authorization"], second["authorization"]) == ("Bearer eyJ.ours", "Bearer eyJ.ours")
    assert (first["idempotency-key"], first["content-type"]) == ("ours", "application/json")


def test_custom_headers_are_copied(connect: Connect, server: LocalServer) -> None:
    """They were validated when the client was created."""
    headers = {"x-a": "1"}
    client = connect(server.url, headers=headers)
    headers["x-a"] = "not\r\nchecked"
    server.answer(FOUND)

    client.jobs.get(JOB_ID).unwrap()

    assert server.requests[0].headers["x-a"] == "1"


def test_user_agent_names_package_and_version(client: FluxbaseClient, server: LocalServer) -> None:
    """For the server's logs."""
    server.answer(FOUND)

    client.jobs.get(JOB_ID).unwrap()

    assert re.fullmatch(r"fluxbase-jobs/\d+\.\d+\.\d+\S*", server.requests[0].headers["user-agent"])


def test_custom_http_client_is_used_and_stays_open(connect: Connect, server: LocalServer) -> None:
    """Its headers are sent, but those of the client take precedence."""
    http = connect.http(headers={"x-mine": "1", "user-agent": "mine", "authorization": "Bearer mine"})
    client = connect(server.url, "eyJ.ours", http_client=http)
    server.answer(FOUND)

    client.jobs.get(JOB_ID).unwrap()
    client.close()

    sent = server.requests[0].headers
    assert (sent["x-mine"], sent["user-agent"], sent["authorization"]) == ("1", "mine", "Bearer eyJ.ours")
    assert not http.is_closed
    with pytest.raises(RuntimeError, match="closed"):
        client.jobs.get(JOB_ID)


def test_auth_of_a_custom_http_client_does_not_replace_the_key(connect: Connect, server: LocalServer) -> None:
    """The key is for this server; the `auth` of the httpx client is for others."""
    client = connect(server.url, "eyJ.ours", http_client=connect.http(auth=("ada", "tiger")))
    server.answer(FOUND)

    client.jobs.get(JOB_ID).unwrap()

    assert server.requests[0].headers["authorization"] == "Bearer eyJ.ours"
