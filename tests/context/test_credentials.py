"""Credentials: static and callable keys, refreshed tokens, cookies and redirects."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest
from attrs import define, field
from fluxbase_jobs import AsyncFluxbaseClient, AuthenticationFailed, FluxbaseClient, InvalidInput, Job, Result, RetryPolicy, Tokens

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer, Request
from tests.support.styles import Connect

FOUND: Final = Answer(200, job())
CREATED: Final = Answer(201, job(status="pending"))
REFUSED: Final = Answer(401, {"error": "Invalid or expired token"})
TOKENS: Final = Answer(200, {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 900})
NO_TOKENS: Final = Answer(401, {"error": "Invalid or expired refresh token", "code": "INVALID_TOKEN"})
QUICK: Final = RetryPolicy(first_delay=0.001)


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
        ("fb_tsk_1", "x-service-key", "fb_tsk_1"),
        ("fbk_1", "x-client-key", "fbk_1"),
        ("fbkey_1", "authorization", "Bearer fbkey_1"),
    ],
)
def test_form_of_the_key_decides_the_header(connect: Connect, server: LocalServer, key: str, header: str, value: str) -> None:
    """A key is sent in exactly one header, whether it is a string or comes from a callable."""
    server.answer(FOUND)

    connect(server.url, key).jobs.get(JOB_ID).unwrap()
    connect(server.url, lambda: key).jobs.get(JOB_ID).unwrap()

    for sent in server.requests:
        credentials = {"authorization", "x-service-key", "x-client-key"} & sent.headers.keys()
        assert {name: sent.headers[name] for name in credentials} == {header: value}
        assert key not in sent.target


def test_client_without_key_sends_no_credentials(connect: Connect, server: LocalServer) -> None:
    """A proxy in front of the server may add them."""
    server.answer(FOUND)

    connect(server.url).jobs.get(JOB_ID).unwrap()

    assert not {"authorization", "x-service-key", "x-client-key", "cookie"} & server.requests[0].headers.keys()


@pytest.mark.parametrize("key", [None, 7, b"tiger", "", "two tiger", "tiger\n", "ti\nger", "tigrö", "тигр"])
def test_invalid_key_from_a_callable_is_an_error_value(connect: Connect, server: LocalServer, key: Any) -> None:
    """The request is not sent without credentials, and the error does not quote the key."""
    result = connect(server.url, lambda: key).jobs.get(JOB_ID)

    assert type(result.error) is InvalidInput
    assert result.error.message.startswith("key")
    assert "tig" not in f"{result.error} {result!r}"
    assert "тигр" not in f"{result.error} {result!r}"
    assert (server.requests, result.meta.attempts) == ([], 0)


def test_callable_key_is_called_before_each_request(connect: Connect, server: LocalServer) -> None:
    """Also for the second request of one verb, because a token may change at any time."""
    keys = iter(["eyJ.1", "sk_2", "eyJ.3"])
    client = connect(server.url, lambda: next(keys))
    server.answer(FOUND, FOUND, Answer(200, {"logs": None}))

    client.jobs.get(JOB_ID).unwrap()
    client.jobs.get(JOB_ID, include_logs=True).unwrap()

    first, second, third = (request.headers for request in server.requests)
    assert (first["authorization"], second["x-service-key"], third["authorization"]) == ("Bearer eyJ.1", "sk_2", "Bearer eyJ.3")


def test_async_client_awaits_a_callable_key(server: LocalServer) -> None:
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


def test_exception_of_a_callable_key_propagates(connect: Connect, server: LocalServer) -> None:
    """Nothing is sent, and the client can be used again."""
    keys: dict[str, str] = {}
    client = connect(server.url, lambda: keys["now"])
    server.answer(FOUND)

    with pytest.raises(KeyError, match="now"):
        client.jobs.get(JOB_ID)
    assert server.requests == []
    keys["now"] = "eyJ.1"
    assert client.jobs.get(JOB_ID).ok


def test_coroutine_function_as_key_is_awaited_for_each_request(server: LocalServer) -> None:
    """Also for each retry."""
    server.answer(Answer(503), FOUND)
    keys = iter(["first", "second"])

    async def key() -> str:
        await anyio.lowlevel.checkpoint()
        return next(keys)

    async def ask() -> None:
        async with AsyncFluxbaseClient(server.url, key, retry=QUICK) as client:
            (await client.jobs.get(JOB_ID)).unwrap()

    anyio.run(ask)
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]


async def coroutine_function(*_: object) -> Any:
    """A coroutine function."""


@pytest.mark.parametrize(
    "options", [{"key": coroutine_function}, {"on_tokens": coroutine_function}, {"key": partial(coroutine_function, 1)}]
)
def test_sync_client_refuses_coroutine_functions(options: dict[str, Any]) -> None:
    """Otherwise a new refresh token would be lost silently."""
    with pytest.raises(InvalidInput, match=rf"{next(iter(options))}.*async client"):
        FluxbaseClient("https://example.com", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"key": "two words"},
        {"key": ""},
        {"key": 7},
        {"refresh_token": ""},
        {"refresh_token": 7},
        {"key": lambda: "key", "refresh_token": "r1"},
        {"on_tokens": "print"},
    ],
)
def test_invalid_credentials_are_refused(connect: Connect, options: dict[str, Any]) -> None:
    """The error names the argument and does not quote the value."""
    with pytest.raises(InvalidInput, match=list(options)[-1]) as refused:
        connect("https://example.com", **options)

    assert "two words" not in str(refused.value)


def test_expired_token_is_refreshed(connect: Connect, server: LocalServer) -> None:
    """The request is repeated with the new token and a new idempotency key; on_tokens is called once; the next call uses the new token."""
    server.answer(REFUSED, TOKENS, CREATED)
    received_tokens: list[Tokens] = []
    client = connect(server.url, "eyJ.first", refresh_token="r1", on_tokens=received_tokens.append)

    client.jobs.submit("resize").unwrap()
    client.jobs.submit("resize").unwrap()

    assert [path.rpartition("/")[2] for path in server.request_lines] == ["submit", "refresh", "submit", "submit"]
    assert [request.headers.get("authorization") for request in server.requests[2:]] == ["Bearer eyJ.second"] * 2
    assert len({request.headers.get("idempotency-key") for request in server.requests}) == 4
    assert server.requests[1].json() == {"refresh_token": "r1"}
    assert received_tokens == [Tokens(access_token="eyJ.second", refresh_token="r2", expires_in=900)]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"expires_in": "900"}, 900),
        ({"expires_in": 900.5}, 900),
        ({"expires_in": None}, None),
        ({"expires_in": "soon"}, None),
        ({"expires_in": True}, None),
        ({"expires_in": [900]}, None),
        ({}, None),
        ({"refresh_token": ""}, None),
    ],
)
def test_new_tokens_are_kept_whatever_is_said_of_their_lifetime(
    connect: Connect, server: LocalServer, told: dict[str, object], seconds: int | None
) -> None:
    """The server has spent the old refresh token. One that is not sent stays."""
    received: list[Tokens] = []
    renewed = Answer(200, {"access_token": "eyJ.second", **told})
    server.answer(Answer(401, {"error": "expired"}), renewed, FOUND)

    connect(server.url, "eyJ.first", refresh_token="r1", on_tokens=received.append).jobs.get(JOB_ID).unwrap()

    assert received == [Tokens(access_token="eyJ.second", expires_in=seconds)]


def test_coroutine_function_as_on_tokens_is_awaited(server: LocalServer) -> None:
    """It is awaited before the call continues."""
    server.answer(REFUSED, TOKENS, FOUND)
    kept: list[str | None] = []

    async def keep(tokens: Tokens) -> None:
        await anyio.lowlevel.checkpoint()
        kept.append(tokens.refresh_token)

    async def ask() -> None:
        async with AsyncFluxbaseClient(server.url, "eyJ.first", refresh_token="r1", on_tokens=keep) as client:
            (await client.jobs.get(JOB_ID)).unwrap()
            assert kept == ["r2"]

    anyio.run(ask)


def test_on_tokens_runs_without_lock(connect: Connect, server: LocalServer) -> None:
    """The new tokens are already in place."""
    server.answer(REFUSED, TOKENS, FOUND)
    refresh_tokens: list[str | None] = []

    def use_client(_: Tokens) -> None:
        refresh_tokens.append(client.fetch.settings.credentials.refresh_token)
        assert client.fetch.settings.credentials.lock.acquire(timeout=1)
        client.fetch.settings.credentials.lock.release()

    client = connect(server.url, "eyJ.first", refresh_token="r1", on_tokens=use_client)

    assert client.jobs.get(JOB_ID).ok
    assert refresh_tokens == ["r2"]


def test_refused_refresh_is_an_authentication_failure(connect: Connect, server: LocalServer) -> None:
    """The hint says why the refresh failed; on_tokens is not called."""
    server.answer(REFUSED, NO_TOKENS)
    received_tokens: list[Tokens] = []

    error = connect(server.url, "eyJ.first", refresh_token="r1", on_tokens=received_tokens.append, retry=QUICK).jobs.get(JOB_ID).error

    assert isinstance(error, AuthenticationFailed)
    assert (error.message, error.hint) == (
        "Invalid or expired token",
        "the tokens could not be refreshed: Invalid or expired refresh token",
    )
    assert (received_tokens, len(server.request_lines)) == ([], 2)


@define
class TokenServer(LocalServer):
    """A server that accepts one access token and one refresh token, and rotates both."""

    serial: int = 1
    changing: threading.Lock = field(factory=threading.Lock)

    def answer_to(self, request: Request, planned: Answer) -> Answer:  # noqa: ARG002  # nothing is planned
        """A job, a 401 or new tokens."""
        with self.changing:
            if not request.path.endswith("refresh"):
                return FOUND if request.headers["authorization"] == f"Bearer eyJ.{self.serial}" else REFUSED
            if request.json() != {"refresh_token": f"r{self.serial}"}:
                return NO_TOKENS
            self.serial += 1
            return Answer(200, {"access_token": f"eyJ.{self.serial}", "refresh_token": f"r{self.serial}", "expires_in": 900})


def test_threads_refresh_once() -> None:
    """A refresh token works once: one of many calls with a 401 refreshes, and the others wait for its tokens."""
    with TokenServer() as server, FluxbaseClient(server.url, "eyJ.0", refresh_token="r1") as client, ThreadPoolExecutor(16) as threads:
        results = list(threads.map(client.jobs.get, [JOB_ID] * 64))

        assert all(result.ok for result in results)
        assert sum(path.endswith("refresh") for path in server.request_lines) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_refresh_once(backend: str) -> None:
    """The same with tasks of one event loop, which is not blocked."""

    async def ask_often(url: str) -> None:
        async with AsyncFluxbaseClient(url, "eyJ.0", refresh_token="r1") as client, anyio.create_task_group() as tasks:
            for _ in range(32):
                tasks.start_soon(ask, client)

    async def ask(client: AsyncFluxbaseClient) -> None:
        (await client.jobs.get(JOB_ID)).unwrap()

    with TokenServer() as server:
        anyio.run(ask_often, server.url, backend=backend)

        assert sum(path.endswith("refresh") for path in server.request_lines) == 1


def test_from_env_client_refreshes(connect: Connect, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUXBASE_REFRESH_TOKEN works with and without FLUXBASE_KEY; an argument takes precedence."""
    server.answer(TOKENS, FOUND, TOKENS, FOUND)
    monkeypatch.setenv("FLUXBASE_URL", server.url)
    monkeypatch.setenv("FLUXBASE_REFRESH_TOKEN", "r1")
    monkeypatch.delenv("FLUXBASE_KEY", raising=False)

    connect.from_env().jobs.get(JOB_ID).unwrap()
    connect.from_env(refresh_token="r7").jobs.get(JOB_ID).unwrap()

    assert [request.json() for request in server.requests[::2]] == [{"refresh_token": "r1"}, {"refresh_token": "r7"}]


def test_signed_in_client_refreshes(connect: Connect, server: LocalServer) -> None:
    """With the refresh token of the response; cookies of the response are not kept."""
    signed_in = {"access_token": "eyJ.first", "refresh_token": "r1", "expires_in": 900}
    cookie = {"set-cookie": "fluxbase_access_token=stale; Path=/"}
    server.answer(Answer(200, signed_in, cookie), REFUSED, TOKENS, FOUND)
    received_tokens: list[Tokens] = []

    client = connect.sign_in(server.url, "ada@example.com", "a-password", on_tokens=received_tokens.append).unwrap()
    client.jobs.get(JOB_ID).unwrap()

    assert server.requests[2].json() == {"refresh_token": "r1"}
    assert [tokens.refresh_token for tokens in received_tokens] == ["r2"]
    assert not [request for request in server.requests if "cookie" in request.headers]


def test_cookies_are_never_sent(connect: Connect, server: LocalServer) -> None:
    """The server would prefer them to the Authorization header. This includes the cookies of a user's own httpx client."""
    server.answer(Answer(200, job(), {"set-cookie": "fluxbase_access_token=stale; Path=/"}), FOUND)
    http = connect.http(cookies={"fluxbase_access_token": "older"})

    for client in (connect(server.url, "key"), connect(server.url, "key", http_client=http)):
        results = [client.jobs.get(JOB_ID) for _ in range(2)]

        assert all("set-cookie" not in result.meta.headers for result in results)
    assert not [request for request in server.requests if "cookie" in request.headers]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(connect: Connect, server: LocalServer, status: int) -> None:
    """Credentials stay with the server, even if a user's own httpx client follows redirects."""
    with LocalServer() as elsewhere:
        server.answer(Answer(status, "", {"location": elsewhere.url}))
        http = connect.http(follow_redirects=True)

        client = connect(server.url, "eyJ.first", refresh_token="r1", http_client=http, retry=QUICK)
        results = [client.jobs.submit("resize"), client.jobs.get(JOB_ID)]

        assert [result.meta.status for result in results] == [status, status]
        assert elsewhere.request_lines == []
        assert len(server.request_lines) == 2


def test_replayed_401_is_retried_with_a_new_idempotency_key(connect: Connect, server: LocalServer) -> None:
    """The stored response belongs to an old token: there is no refresh, and the job is submitted."""
    server.answer(Answer(401, REFUSED.body, {"Idempotency-Replayed": "true"}), CREATED)

    result = connect(server.url, "eyJ.good").jobs.submit("resize", idempotency_key="order-7")

    assert result.ok
    first, second = (request.headers["idempotency-key"] for request in server.requests)
    assert first == "order-7" != second
    assert result.meta.attempts == 2


@pytest.mark.parametrize(("key", "next_key"), [("order-7", "order-7~401"), ("k" * 252, "k" * 252 + "~401"), ("k" * 253, None)])
def test_the_new_idempotency_key_is_the_old_one_with_an_ending(
    connect: Connect, server: LocalServer, key: str, next_key: str | None
) -> None:
    """So that a later run finds the job. Where that is more than the 256 characters of a key, it is a hash. All else is sent as before."""
    server.answer(Answer(401, REFUSED.body, {"Idempotency-Replayed": "true"}), CREATED)

    connect(server.url, "eyJ.good").jobs.submit("resize", {"id": 7}, idempotency_key=key).unwrap()

    first, second = server.requests
    sent = second.headers["idempotency-key"]
    assert (sent == next_key, len(sent) == 64) == ((True, False) if next_key else (False, True))
    assert (second.body, second.headers["content-type"]) == (first.body, "application/json")
