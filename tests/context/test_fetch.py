"""Requests: the credentials and headers they carry, and the httpx client that sends them."""

from __future__ import annotations

import re
from typing import Final

import pytest
from fluxbase_jobs import FluxbaseClient

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job
from tests.support.styles import Connect

FOUND: Final = Answer(200, job())


@pytest.mark.parametrize("base", ["", "/", "/base", "/base/", "/a/b/"])
def test_keeps_the_path_of_the_url(connect: Connect, server: LocalServer, base: str) -> None:
    """For servers behind a proxy; a slash at the end does no harm."""
    server.answer(Answer(200, {"jobs": None}))

    connect(server.url + base).jobs.list().unwrap()

    assert server.requests[0].path == base.rstrip("/") + "/api/v1/jobs"


def test_sends_headers_of_the_caller(connect: Connect, server: LocalServer) -> None:
    """With every request; those that a verb needs stay as they must be."""
    theirs = {"X-FB-Tenant": "t-1", "X_Plain": "", "Authorization": "Bearer theirs", "IDEMPOTENCY-KEY": "theirs", "content-type": "text/x"}
    client = connect(server.url, "eyJ.ours", headers=theirs)
    server.answer(Answer(201, job()), FOUND)

    client.jobs.submit("echo", idempotency_key="ours").unwrap()
    client.jobs.get(JOB_ID).unwrap()

    first, second = (request.headers for request in server.requests)
    assert (first["x-fb-tenant"], second["x-fb-tenant"], first["x_plain"]) == ("t-1", "t-1", "")
    assert (first["authorization"], second["authorization"]) == ("Bearer eyJ.ours", "Bearer eyJ.ours")
    assert (first["idempotency-key"], first["content-type"]) == ("ours", "application/json")


def test_a_change_to_the_callers_headers_comes_too_late(connect: Connect, server: LocalServer) -> None:
    """They were checked when the client was made."""
    headers = {"x-a": "1"}
    client = connect(server.url, headers=headers)
    headers["x-a"] = "not\r\nchecked"
    server.answer(FOUND)

    client.jobs.get(JOB_ID).unwrap()

    assert server.requests[0].headers["x-a"] == "1"


def test_names_itself(client: FluxbaseClient, server: LocalServer) -> None:
    """Package and version, for the server's logs."""
    server.answer(FOUND)

    client.jobs.get(JOB_ID).unwrap()

    assert re.fullmatch(r"fluxbase-jobs/\d+\.\d+\.\d+\S*", server.requests[0].headers["user-agent"])


def test_uses_the_callers_http_client_and_leaves_it_open(connect: Connect, server: LocalServer) -> None:
    """As it is, with its headers; what the client itself sends wins."""
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


def test_credentials_of_the_callers_http_client_do_not_replace_the_key(connect: Connect, server: LocalServer) -> None:
    """Its `auth` is for others; the key that was given is for this server."""
    client = connect(server.url, "eyJ.ours", http_client=connect.http(auth=("ada", "tiger")))
    server.answer(FOUND)

    client.jobs.get(JOB_ID).unwrap()

    assert server.requests[0].headers["authorization"] == "Bearer eyJ.ours"
