"""Requests: the credentials and headers they carry, and the httpx client that sends them."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import pytest
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, InvalidInput, Job, Result

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job
from tests.support.styles import Connect

FOUND: Final = Answer(200, job())


@pytest.mark.parametrize(
    ("key", "header", "value"),
    [
        ("eyJhbGciOi.J9.x", "authorization", "Bearer eyJhbGciOi.J9.x"),
        ("anything", "authorization", "Bearer anything"),
        ("an_other-form", "authorization", "Bearer an_other-form"),
        ("_", "authorization", "Bearer _"),
        ("SK_live_1", "authorization", "Bearer SK_live_1"),
        ("sk_live_1", "x-service-key", "sk_live_1"),
        ("pk_live_1", "x-service-key", "pk_live_1"),
        ("fb_anon_1", "x-service-key", "fb_anon_1"),
        ("fbk_1", "x-client-key", "fbk_1"),
        ("fbkey_1", "authorization", "Bearer fbkey_1"),
    ],
)
def test_sends_a_key_by_its_form(connect: Connect, server: LocalServer, key: str, header: str, value: str) -> None:
    """In one header and no other, given as text or by a function."""
    server.answer(FOUND)

    connect(server.url, key).jobs.get(JOB_ID).unwrap()
    connect(server.url, lambda: key).jobs.get(JOB_ID).unwrap()

    for sent in server.requests:
        credentials = {"authorization", "x-service-key", "x-client-key"} & sent.headers.keys()
        assert {name: sent.headers[name] for name in credentials} == {header: value}
        assert key not in sent.target


def test_sends_nothing_without_a_key(connect: Connect, server: LocalServer) -> None:
    """The server says what it thinks of that."""
    server.answer(FOUND)

    connect(server.url).jobs.get(JOB_ID).unwrap()

    assert not {"authorization", "x-service-key", "x-client-key", "cookie"} & server.requests[0].headers.keys()


def test_asks_for_the_key_before_each_request(connect: Connect, server: LocalServer) -> None:
    """Of one verb too: a token may be renewed at any time."""
    keys = iter(["eyJ.1", "sk_2", "eyJ.3"])
    client = connect(server.url, lambda: next(keys))
    server.answer(FOUND, FOUND, Answer(200, {"logs": None}))

    client.jobs.get(JOB_ID).unwrap()
    client.jobs.get(JOB_ID, include_logs=True).unwrap()

    first, second, third = (request.headers for request in server.requests)
    assert (first["authorization"], second["x-service-key"], third["authorization"]) == ("Bearer eyJ.1", "sk_2", "Bearer eyJ.3")


def test_the_async_client_awaits_the_key(server: LocalServer) -> None:
    """A coroutine function, or any function that returns an awaitable."""
    server.answer(FOUND)

    async def key() -> str:
        await asyncio.sleep(0)
        return "eyJ.1"

    async def read(key: Any) -> Result[Job]:
        async with AsyncFluxbaseClient(server.url, key) as client:
            return await client.jobs.get(JOB_ID)

    for form in (key, lambda: asyncio.ensure_future(key())):
        asyncio.run(read(form)).unwrap()
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer eyJ.1"] * 2


def test_an_exception_of_the_keys_function_is_the_callers(connect: Connect, server: LocalServer) -> None:
    """It goes through as it is; the client can be used again."""
    keys: dict[str, str] = {}
    client = connect(server.url, lambda: keys["now"])
    server.answer(FOUND)

    with pytest.raises(KeyError, match="now"):
        client.jobs.get(JOB_ID)
    assert server.requests == []
    keys["now"] = "eyJ.1"
    assert client.jobs.get(JOB_ID).ok


@pytest.mark.parametrize("key", [None, "", "two tiger", "tiger\n", "tigrö", 5, b"tiger"])
def test_a_function_that_returns_no_key(connect: Connect, server: LocalServer, key: Any) -> None:
    """A value: nothing is sent, and nothing of the key repeated."""
    result = connect(server.url, lambda: key).jobs.get(JOB_ID)

    assert type(result.error) is InvalidInput
    assert result.error.message.startswith("key")
    assert "tig" not in f"{result.error} {result!r}"
    assert (server.requests, result.meta.attempts) == ([], 0)


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


COOKIE: Final = {"set-cookie": "fluxbase_access_token=stale; path=/; max-age=604800"}


def test_keeps_no_cookies(connect: Connect, server: LocalServer) -> None:
    """On some routes the server prefers them to the Authorization header, however stale."""
    server.answer(Answer(200, job(), COOKIE))
    client = connect(server.url, "eyJ.1")

    for _ in range(2):
        client.jobs.get(JOB_ID).unwrap()

    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def test_sends_no_cookies_of_the_callers_http_client(connect: Connect, server: LocalServer) -> None:
    """It may have a jar of its own, filled by other requests or by the server."""
    server.answer(Answer(200, job(), COOKIE))
    client = connect(server.url, "eyJ.1", http_client=connect.http(cookies={"fluxbase_access_token": "theirs"}))

    for _ in range(2):
        client.jobs.get(JOB_ID).unwrap()

    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


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
