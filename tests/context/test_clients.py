"""Client constructors: validation of arguments, and the environment."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Any, Final

import fluxbase_jobs
import httpx
import pytest
from fluxbase_jobs import (
    AsyncFluxbaseClient,
    AsyncFluxbaseFetch,
    ConnectionFailed,
    FluxbaseClient,
    FluxbaseFetch,
    InvalidInput,
    RetryPolicy,
)

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

FOUND: Final = Answer(200, job())
URL: Final = "http://127.0.0.1:9"


@pytest.fixture(params=[FluxbaseClient, AsyncFluxbaseClient, FluxbaseFetch, AsyncFluxbaseFetch, fluxbase_jobs.create_client])
def make(request: pytest.FixtureRequest) -> Any:
    """Every function that takes a URL and a key."""
    return request.param


NO_URLS: Final[list[Any]] = [
    "",
    " ",
    "example.com",
    "/api",
    "//example.com",
    "ftp://example.com",
    "file:///etc/passwd",
    "http://",
    "http:///path",
    "http:example.com",
    "http://:80",
    "http://example.com:0",
    "http://example.com:99999",
    "http://example.com:http",
    "http://[::1",
    "http://ada@example.com",
    "http://:tiger@example.com",
    "http://ada:tiger@example.com",
    "http://example.com?",
    "http://example.com?key=tiger",
    "http://example.com#",
    "http://example.com/#top",
    "http://example.com\n",
    "http://example.com/\r\nx-header: 1",
    " http://example.com",
    "http://exam ple.com",
    "http://exam\x00ple.com",
    None,
    5,
    b"http://example.com",
]


@pytest.mark.parametrize("url", NO_URLS)
def test_invalid_urls_are_refused(make: Any, url: Any) -> None:
    """The error does not quote a password in the URL."""
    with pytest.raises(InvalidInput, match="url") as raised:
        make(url, "eyJ.a-token")

    assert isinstance(raised.value, ValueError)
    assert "tiger" not in f"{raised.value} {raised.value!r}"


@pytest.mark.parametrize("url", ["http://a..b", f"http://{'a' * 64}.invalid", "http://256.1.1.1", "http://[v1.x]", "http://\u2603.invalid"])
def test_unusable_host_is_refused_or_an_error_value(connect: Connect, url: str) -> None:
    """Host names that cannot be resolved are refused at once, or fail with the first request, never with another library's exception."""
    try:
        client = connect(url)
    except InvalidInput as refused:
        assert "url" in refused.message  # noqa: PT017  # either is right
    else:
        assert isinstance(client.jobs.get(JOB_ID).error, ConnectionFailed)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "HTTPS://EXAMPLE.COM",
        "http://127.0.0.1:8080/",
        "http://[::1]:80",
        "https://example.com/a/b/",
        "http://bücher.example",
    ],
)
def test_valid_urls_are_accepted(make: Any, url: str) -> None:
    """A URL may have a port and a path, in any case. The constructor sends nothing."""
    assert make(url)


@pytest.mark.parametrize("key", ["", " ", "two tiger", "a\ntiger", "tiger\0", "tigrö", 5, b"tiger", ["tiger"]])
def test_invalid_keys_are_refused(make: Any, key: Any) -> None:
    """The error names the argument and does not quote the key."""
    with pytest.raises(InvalidInput, match="key") as raised:
        make(URL, key)

    assert isinstance(raised.value, ValueError)
    assert "tig" not in f"{raised.value} {raised.value!r}"


NO_HEADERS: Final[list[Any]] = [
    {"x-a\r\nx-b": "1"},
    {"x-a": "tiger\r\nx-b: 2"},
    {"x-a": "tiger\n"},
    {"x-a": "tiger\0"},
    {"x-a": "tigrö"},
    {"x-a": " tiger"},
    {"x-a": "tiger "},
    {"x-a": 5},
    {"x-a": None},
    {"x-a": b"tiger"},
    {"": "tiger"},
    {"x a": "tiger"},
    {"x-a:": "tiger"},
    {"x-ü": "tiger"},
    {5: "tiger"},
    [("x-a", "tiger")],
    "x-a: tiger",
    5,
]


@pytest.mark.parametrize("headers", NO_HEADERS)
def test_invalid_headers_are_refused(make: Any, headers: Any) -> None:
    """Line breaks could inject a header. The error does not quote the value, which may be secret."""
    with pytest.raises(InvalidInput, match="headers") as raised:
        make(URL, headers=headers)

    assert "tig" not in f"{raised.value} {raised.value!r}"


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "Connection", "Expect"])
@pytest.mark.parametrize("value", ["5", "chunked"])
def test_framing_headers_raise_in_no_verb(connect: Connect, server: LocalServer, name: str, value: str) -> None:
    """They are left to httpx, which refuses or ignores them."""
    server.answer(FOUND)
    try:
        client = connect(server.url, headers={name: value}, timeout=5)
    except InvalidInput as refused:
        assert "headers" in refused.message  # noqa: PT017  # either is right
    else:
        assert client.jobs.get(JOB_ID).meta.attempts == 1
        assert client.jobs.submit("echo").meta.attempts == 1


@pytest.mark.parametrize(
    "timeout",
    [0, -1, float("nan"), float("inf"), -float("inf"), True, False, "5", None, b"5", timedelta(0), timedelta(seconds=-1), 10**400],
    ids=lambda timeout: repr(timeout)[:30],
)
def test_invalid_timeouts_are_refused(make: Any, timeout: Any) -> None:
    """A timeout is a positive, finite number of seconds or a timedelta."""
    with pytest.raises(InvalidInput, match="timeout"):
        make(URL, timeout=timeout)


@pytest.mark.parametrize("timeout", [0.1, 1, timedelta(minutes=1)])
def test_timeout_is_seconds_or_timedelta(make: Any, timeout: Any) -> None:
    """Both forms work."""
    assert make(URL, timeout=timeout)


@pytest.mark.parametrize(
    ("kind", "given"), [(FluxbaseClient, httpx.AsyncClient), (AsyncFluxbaseClient, httpx.Client), (FluxbaseClient, str)]
)
def test_http_client_of_the_other_style_is_refused(kind: Any, given: Any) -> None:
    """Otherwise the first verb would fail with an obscure error."""
    with pytest.raises(InvalidInput, match="http_client"):
        kind(URL, http_client=given())


def test_repr_shows_only_the_server(connect: Connect) -> None:
    """The repr of a client may be logged."""
    client = connect(f"{URL}/base/", "sk_live_tiger", headers={"x-a": "tiger"})

    assert repr(client) in {f"FluxbaseClient('{URL}/base')", f"AsyncFluxbaseClient('{URL}/base')"}
    assert "tiger" not in f"{client!r} {client.fetch!r} {client.jobs!r} {client.fetch.settings!r}"


def test_create_client_makes_a_client(server: LocalServer) -> None:
    """The name is that of the TypeScript package."""
    server.answer(FOUND)

    with fluxbase_jobs.create_client(server.url, "k-1", headers={"x-a": "1"}, timeout=5) as client:
        client.jobs.get(JOB_ID).unwrap()

    assert type(client) is FluxbaseClient
    sent = server.requests[0].headers
    assert (sent["authorization"], sent["x-a"]) == ("Bearer k-1", "1")


def test_from_env_reads_url_and_key(connect: Connect, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The constructor's keyword arguments are accepted, too."""
    monkeypatch.setenv("FLUXBASE_URL", f"{server.url}/")
    monkeypatch.setenv("FLUXBASE_KEY", "sk_live_1")
    server.answer(FOUND)

    connect.from_env(headers={"x-a": "1"}).jobs.get(JOB_ID).unwrap()

    sent = server.requests[0]
    assert sent.path == f"/api/v1/jobs/{JOB_ID}"
    assert (sent.headers["x-service-key"], sent.headers["x-a"]) == ("sk_live_1", "1")


@pytest.mark.parametrize("key", [None, ""])
def test_from_env_without_key(connect: Connect, server: LocalServer, monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    """An empty variable counts as unset, because shells and compose files create empty ones."""
    monkeypatch.setenv("FLUXBASE_URL", server.url)
    monkeypatch.delenv("FLUXBASE_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("FLUXBASE_KEY", key)
    server.answer(FOUND)

    connect.from_env().jobs.get(JOB_ID).unwrap()

    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("url", [None, ""])
def test_from_env_needs_a_url(connect: Connect, monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    """The error names the variable."""
    monkeypatch.delenv("FLUXBASE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("FLUXBASE_URL", url)

    with pytest.raises(InvalidInput, match="FLUXBASE_URL"):
        connect.from_env()


@pytest.mark.parametrize(
    ("variable", "value", "says"), [("FLUXBASE_URL", "nope", "^FLUXBASE_URL must"), ("FLUXBASE_KEY", "two tiger", "^FLUXBASE_KEY must")]
)
def test_from_env_validates_the_variables(connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str) -> None:
    """Variables are validated like arguments."""
    monkeypatch.setenv("FLUXBASE_URL", URL)
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidInput, match=says) as raised:
        connect.from_env()

    assert "tiger" not in str(raised.value)


class _Hostile:
    """A value whose own methods all raise."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # it raises, so it needs no setter
        """Raise, where `isinstance` asks."""
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


class _Word(str, Enum):  # noqa: UP042  # a StrEnum formats as its value
    """Texts that format as another text than they are."""

    KEY = "sk_abc"


@pytest.mark.parametrize("argument", ["headers", "key", "refresh_token", "on_tokens", "timeout", "retry"])
def test_arguments_whose_own_methods_raise_are_invalid_input(argument: str) -> None:
    """Whatever a constructor is given, it raises nothing but InvalidInput, naming the argument."""
    for build in (_Hostile, lambda: 10**5000):
        with pytest.raises(InvalidInput, match=argument):
            FluxbaseClient(**{"url": "http://127.0.0.1:9", argument: build()})  # type: ignore[arg-type]


def test_header_names_and_values_of_any_class_are_invalid_input() -> None:
    """The message describes them without asking for their repr."""
    for headers in ({"x-note": _Hostile()}, {10**5000: "x"}):
        with pytest.raises(InvalidInput, match="headers"):
            FluxbaseClient("http://127.0.0.1:9", "key", headers=headers)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["first_delay", "factor", "max_delay", "total"])
def test_policies_refuse_a_value_whose_own_methods_raise(name: str) -> None:
    """As the constructors do."""
    with pytest.raises(InvalidInput, match=name):
        RetryPolicy(**{name: _Hostile()})  # type: ignore[arg-type]


def test_an_enum_of_texts_is_sent_as_its_value(connect: Connect, server: LocalServer) -> None:
    """As a key and in a header."""
    server.answer(FOUND)
    connect(server.url, _Word.KEY, headers={"x-note": _Word.KEY}).jobs.get(JOB_ID).unwrap()
    assert server.requests[0].headers["x-service-key"] == "sk_abc"
    assert server.requests[0].headers["x-note"] == "sk_abc"
