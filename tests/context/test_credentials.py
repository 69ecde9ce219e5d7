"""Credentials over a real server: keys by form, callables, refreshed tokens, cookies, redirects."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest
from attrs import define, field
from fluxbase_jobs import AsyncFluxbaseClient, AuthenticationFailed, FluxbaseClient, InvalidInput, RetryPolicy, Tokens

from tests.support.local_server import Answer, LocalServer, Request
from tests.support.sample_responses import JOB_ID, job
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
        ("eyJ.a.b", "authorization", "Bearer eyJ.a.b"),
        ("anything-else", "authorization", "Bearer anything-else"),
        ("sk_live_1", "x-service-key", "sk_live_1"),
        ("pk_live_1", "x-service-key", "pk_live_1"),
        ("fb_tsk_1", "x-service-key", "fb_tsk_1"),
        ("fbk_1", "x-client-key", "fbk_1"),
    ],
)
def test_a_key_is_sent_by_its_form(connect: Connect, server: LocalServer, key: str, header: str, value: str) -> None:
    """In one header, and no other; whether it is text or comes from a callable."""
    server.answer(FOUND)

    connect(server.url, key).jobs.get(JOB_ID).unwrap()
    connect(server.url, lambda: key).jobs.get(JOB_ID).unwrap()

    for sent in (request.headers for request in server.requests):
        assert {name: sent[name] for name in ("authorization", "x-service-key", "x-client-key") if name in sent} == {header: value}


def test_no_key_no_header(connect: Connect, server: LocalServer) -> None:
    """A server behind a proxy that adds them, say."""
    server.answer(FOUND)

    connect(server.url).jobs.get(JOB_ID).unwrap()

    assert not {"authorization", "x-service-key", "x-client-key"} & server.requests[0].headers.keys()


def test_a_coroutine_function_gives_the_key_of_an_async_client(server: LocalServer) -> None:
    """It is awaited before each request."""
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


def test_a_callable_key_that_raises_raises(connect: Connect, server: LocalServer) -> None:
    """A user's exception is a user's business; nothing was sent."""

    def key() -> str:
        raise LookupError("no key in the vault")

    with pytest.raises(LookupError, match="vault"):
        connect(server.url, key).jobs.get(JOB_ID)
    assert server.asked == []


@pytest.mark.parametrize("key", [None, 7, "", "two words", "line\nbreak", "ключ"])
def test_a_callable_key_that_gives_no_key_is_refused(connect: Connect, server: LocalServer, key: Any) -> None:
    """Without quoting it: a call without credentials, where some were meant, would be a surprise."""
    error = connect(server.url, lambda: key).jobs.get(JOB_ID).error

    assert isinstance(error, InvalidInput)
    assert server.asked == []


async def coroutine_function(*_: object) -> Any:
    """Something to await."""


@pytest.mark.parametrize(
    "options", [{"key": coroutine_function}, {"on_tokens": coroutine_function}, {"key": partial(coroutine_function, 1)}]
)
def test_a_sync_client_refuses_what_it_cannot_await(options: dict[str, Any]) -> None:
    """The new refresh token would be lost without a word."""
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
def test_refuses_what_cannot_work(connect: Connect, options: dict[str, Any]) -> None:
    """By the argument's name, and without its value."""
    with pytest.raises(InvalidInput, match=list(options)[-1]) as refused:
        connect("https://example.com", **options)

    assert "two words" not in str(refused.value)


def test_an_expired_token_is_refreshed(connect: Connect, server: LocalServer) -> None:
    """The call goes on with the new token and under a new key; on_tokens gets the pair, once; the next call uses it."""
    server.answer(REFUSED, TOKENS, CREATED)
    told: list[Tokens] = []
    client = connect(server.url, "eyJ.first", refresh_token="r1", on_tokens=told.append)

    client.jobs.submit("resize").unwrap()
    client.jobs.submit("resize").unwrap()

    assert [path.rpartition("/")[2] for path in server.asked] == ["submit", "refresh", "submit", "submit"]
    assert [request.headers.get("authorization") for request in server.requests[2:]] == ["Bearer eyJ.second"] * 2
    assert len({request.headers.get("idempotency-key") for request in server.requests}) == 4
    assert server.requests[1].json() == {"refresh_token": "r1"}
    assert told == [Tokens(access_token="eyJ.second", refresh_token="r2", expires_in=900)]


def test_on_tokens_may_be_a_coroutine_function(server: LocalServer) -> None:
    """It is awaited before the call goes on."""
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


def test_on_tokens_may_use_the_client(connect: Connect, server: LocalServer) -> None:
    """No lock is held meanwhile, and the new tokens are in place."""
    server.answer(REFUSED, TOKENS, FOUND)
    seen: list[str | None] = []

    def look(_: Tokens) -> None:
        seen.append(client.fetch.settings.credentials.refresh_token)
        assert client.fetch.settings.credentials.lock.acquire(timeout=1)
        client.fetch.settings.credentials.lock.release()

    client = connect(server.url, "eyJ.first", refresh_token="r1", on_tokens=look)

    assert client.jobs.get(JOB_ID).ok
    assert seen == ["r2"]


def test_a_refused_refresh_is_an_authentication_failure(connect: Connect, server: LocalServer) -> None:
    """With the way out in the hint; on_tokens hears nothing."""
    server.answer(REFUSED, NO_TOKENS)
    told: list[Tokens] = []

    error = connect(server.url, "eyJ.first", refresh_token="r1", on_tokens=told.append, retry=QUICK).jobs.get(JOB_ID).error

    assert isinstance(error, AuthenticationFailed)
    assert (error.message, error.hint) == (
        "Invalid or expired token",
        "the tokens could not be refreshed: Invalid or expired refresh token",
    )
    assert (told, len(server.asked)) == ([], 2)


@define
class TokenServer(LocalServer):
    """Takes one access token, and one refresh token, which rotates."""

    serial: int = 1
    changing: threading.Lock = field(factory=threading.Lock)

    def answer_to(self, request: Request, planned: Answer) -> Answer:  # noqa: ARG002  # nothing is planned
        """Found, refused, or new tokens."""
        with self.changing:
            if not request.path.endswith("refresh"):
                return FOUND if request.headers["authorization"] == f"Bearer eyJ.{self.serial}" else REFUSED
            if request.json() != {"refresh_token": f"r{self.serial}"}:
                return NO_TOKENS
            self.serial += 1
            return Answer(200, {"access_token": f"eyJ.{self.serial}", "refresh_token": f"r{self.serial}", "expires_in": 900})


def test_threads_refresh_once() -> None:
    """A refresh token works once: of many calls that meet a 401, one refreshes, the others wait and take its tokens."""
    with TokenServer() as server, FluxbaseClient(server.url, "eyJ.0", refresh_token="r1") as client, ThreadPoolExecutor(16) as threads:
        results = list(threads.map(client.jobs.get, [JOB_ID] * 64))

        assert all(result.ok for result in results)
        assert sum(path.endswith("refresh") for path in server.asked) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_refresh_once(backend: str) -> None:
    """The same, over tasks of one event loop, which goes on meanwhile."""

    async def ask_often(url: str) -> None:
        async with AsyncFluxbaseClient(url, "eyJ.0", refresh_token="r1") as client, anyio.create_task_group() as tasks:
            for _ in range(32):
                tasks.start_soon(ask, client)

    async def ask(client: AsyncFluxbaseClient) -> None:
        (await client.jobs.get(JOB_ID)).unwrap()

    with TokenServer() as server:
        anyio.run(ask_often, server.url, backend=backend)

        assert sum(path.endswith("refresh") for path in server.asked) == 1


def test_a_client_of_the_environment_refreshes(connect: Connect, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUXBASE_REFRESH_TOKEN, with or without FLUXBASE_KEY; an argument goes first."""
    server.answer(TOKENS, FOUND, TOKENS, FOUND)
    monkeypatch.setenv("FLUXBASE_URL", server.url)
    monkeypatch.setenv("FLUXBASE_REFRESH_TOKEN", "r1")
    monkeypatch.delenv("FLUXBASE_KEY", raising=False)

    connect.from_env().jobs.get(JOB_ID).unwrap()
    connect.from_env(refresh_token="r7").jobs.get(JOB_ID).unwrap()

    assert [request.json() for request in server.requests[::2]] == [{"refresh_token": "r1"}, {"refresh_token": "r7"}]


def test_signing_in_gives_a_client_that_refreshes(connect: Connect, server: LocalServer) -> None:
    """With the tokens of the answer; what the server says about cookies is not kept."""
    signed_in = {"access_token": "eyJ.first", "refresh_token": "r1", "expires_in": 900}
    cookie = {"set-cookie": "fluxbase_access_token=stale; Path=/"}
    server.answer(Answer(200, signed_in, cookie), REFUSED, TOKENS, FOUND)
    told: list[Tokens] = []

    client = connect.sign_in(server.url, "ada@example.com", "a-password", on_tokens=told.append).unwrap()
    client.jobs.get(JOB_ID).unwrap()

    assert server.requests[2].json() == {"refresh_token": "r1"}
    assert [tokens.refresh_token for tokens in told] == ["r2"]
    assert not [request for request in server.requests if "cookie" in request.headers]


def test_cookies_are_never_sent_back(connect: Connect, server: LocalServer) -> None:
    """The server prefers them to the Authorization header, however stale. Not by a user's own httpx client either."""
    server.answer(Answer(200, job(), {"set-cookie": "fluxbase_access_token=stale; Path=/"}), FOUND)
    http = connect.http(cookies={"fluxbase_access_token": "older"})

    for client in (connect(server.url, "key"), connect(server.url, "key", http_client=http)):
        results = [client.jobs.get(JOB_ID) for _ in range(2)]

        assert all("set-cookie" not in result.meta.headers for result in results)
    assert not [request for request in server.requests if "cookie" in request.headers]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_carries_credentials_away(connect: Connect, server: LocalServer, status: int) -> None:
    """Not even where a user's own httpx client follows them."""
    with LocalServer() as elsewhere:
        server.answer(Answer(status, "", {"location": elsewhere.url}))
        http = connect.http(follow_redirects=True)

        client = connect(server.url, "eyJ.first", refresh_token="r1", http_client=http, retry=QUICK)
        results = [client.jobs.submit("resize"), client.jobs.get(JOB_ID)]

        assert [result.meta.status for result in results] == [status, status]
        assert elsewhere.asked == []
        assert len(server.asked) == 2


def test_a_replayed_401_goes_out_again_under_another_key(connect: Connect, server: LocalServer) -> None:
    """It is the memory of an old token: no refresh, and the job is submitted."""
    server.answer(Answer(401, REFUSED.body, {"Idempotency-Replayed": "true"}), CREATED)

    result = connect(server.url, "eyJ.good").jobs.submit("resize", idempotency_key="order-7")

    assert result.ok
    first, second = (request.headers["idempotency-key"] for request in server.requests)
    assert first == "order-7" != second
    assert result.meta.attempts == 2
