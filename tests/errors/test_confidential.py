"""Errors of a sign-in or a refresh show nothing of the body, no error shows a key, and every text of an error is bounded."""

from __future__ import annotations

import base64
import html
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote

import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, InvalidInput, InvalidResponse, Result

from tests.support.every_transport import OVER_PYREQWEST
from tests.support.sample_responses import JOB_ID, call_all_verbs, job
from tests.support.servers.local_server import Answer, LocalServer, raw_server
from tests.support.styles import Connect

TOKEN: Final = "tiger-rotated-token"  # of no known form
JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0aWdlciJ9.dGlnZXItc2lnbmF0dXJl"
KEY: Final = "panther-key-0123456789"
PASSWORD: Final = "tiger-password"
MAX_TEXT: Final = 500
MAX_DETAILS: Final = 10_000

TOKENS: Final = {"access_token": TOKEN, "refresh_token": f"{TOKEN}-2", "expires_in": 900}
BODIES: Final[dict[str, Any]] = {
    **{f"in {key}": {key: TOKEN} for key in ("error", "message", "code", "hint", "details", "detail", "request_id", "status", "title")},
    "as a key": {TOKEN: 1},
    "under error": {"error": {"message": TOKEN, "code": TOKEN}},
    "in a list": {"errors": [TOKEN]},
    "beside a known message": {"error": "Invalid email or password", "message": TOKEN, "access_token": [TOKEN]},
    "beside a known code": {"error": TOKEN, "code": "INVALID_CREDENTIALS", "access_token": [TOKEN]},
    "tokens": TOKENS,
    "tokens of another shape": {"access_token": [TOKEN], "refresh_token": {TOKEN: TOKEN}},
    "half of it": json.dumps(TOKENS)[:30],
    "HTML": f"<html><title>{TOKEN}</title><body>{TOKEN}</body></html>",
    "text": TOKEN,
    "deep": '{"error":' * 300 + f'"{TOKEN}"' + "}" * 300,
    "a second factor": {"requires_2fa": True, "user_id": TOKEN, "message": TOKEN},
}
STATUSES: Final = (200, 302, 400, 401, 503)
TYPES: Final = {"HTML": "text/html", "text": "text/plain"}
HEADERS: Final = {
    "location": f"/?token={TOKEN}",
    "x-token": TOKEN,
    "www-authenticate": f'Bearer error="{TOKEN}"',
    "x-request-id": JWT,
    "retry-after": "0",
    "set-cookie": f"fluxbase_access_token={TOKEN}",
}


def printed(result: Result[Any]) -> str:
    """Everything that a program could print, store or log of a failure."""
    error = result.error
    assert error is not None
    texts = [repr(result), repr(result.meta), str(dict(result.meta.headers)), str(error), repr(error), repr(vars(error)), str(error.args)]
    texts += [repr(each) for each in (error.__cause__, error.__context__, getattr(error, "__notes__", None))]
    try:
        result.unwrap()
    except FluxbaseError as raised:
        texts += traceback.format_exception(raised)
    return "\n".join(texts) + str(pickle.dumps(result))


def answers() -> Iterator[tuple[str, Answer]]:
    """Each body with each status."""
    for name, body in BODIES.items():
        for status in STATUSES:
            yield f"{status} {name}", Answer(status, body, {**HEADERS, "content-type": TYPES.get(name, "application/json")})


def test_a_failed_sign_in_shows_nothing_of_its_answer(connect: Connect, server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the error nor in its pickle nor in a log line, whatever holds the token."""
    caplog.set_level(logging.DEBUG, "fluxbase_jobs")
    failures = 0

    for name, answer in answers():
        server.answer(answer)
        result = connect.sign_in(server.url, "ada@example.com", PASSWORD)
        if result.ok:
            assert name == "200 tokens"
            continue
        failures += 1
        assert (name, "tiger" in printed(result), JWT in printed(result)) == (name, False, False)
        assert result.error is not None
        assert result.error.details is None
    assert failures == len(BODIES) * len(STATUSES) - 1
    assert not any("tiger" in str(vars(record)) for record in caplog.records)


def test_a_failed_refresh_shows_nothing_of_its_answer(connect: Connect, server: LocalServer) -> None:
    """Nor does the error of the call that needed the refresh."""
    for name, answer in answers():
        server.answer(Answer(401, {"error": "Invalid or expired token"}), answer, Answer(200, job()))
        client = connect(server.url, "eyJ.a-token", refresh_token=f"{TOKEN}-1")
        result = client.jobs.get(JOB_ID)
        server.answers.clear()
        assert (name, result.ok) == (name, name == "200 tokens")
        if not result.ok:
            assert (name, "tiger" in printed(result)) == (name, False)


KNOWN: Final[list[tuple[dict[str, Any], str, str | None]]] = [
    ({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"}, "Invalid email or password", "INVALID_CREDENTIALS"),
    ({"error": "Rate limit exceeded", "message": TOKEN}, "Rate limit exceeded", None),
    ({"error": TOKEN, "message": "Unable to verify token status"}, "Unable to verify token status", None),
    ({"error": "service_unavailable", "message": "Unable to verify token status"}, "Unable to verify token status", "service_unavailable"),
    ({"error": "Password is required", "code": TOKEN, "error_code": "INVALID_INPUT"}, "Password is required", "INVALID_INPUT"),
    ({"error": TOKEN, "error_code": TOKEN}, "the server answered 403 with 69 bytes of application/json", None),
    ({"error": ["Not Found"], "message": 7, "code": 7}, "the server answered 403 with 49 bytes of application/json", None),
]


@pytest.mark.parametrize(("body", "message", "code"), KNOWN)
def test_what_the_server_is_known_to_say_of_a_sign_in_is_shown(
    connect: Connect, server: LocalServer, body: dict[str, Any], message: str, code: str | None
) -> None:
    """Its own messages and codes hold no token; any other text could be one."""
    server.answer(Answer(403, body))

    error = connect.sign_in(server.url, "ada@example.com", PASSWORD).error

    assert error is not None
    assert (error.message, error.code) == (message, code)


SHOWN: Final = {
    "x-request-id": "r_1-2",
    "retry-after": "7",
    "x-ratelimit-limit": "10",
    "x-ratelimit-remaining": "0",
    "content-type": "application/json; charset=utf-8",
}
NOT_SHOWN: Final = {
    "x-request-id": f"{TOKEN} of a request",
    "retry-after": f"<{TOKEN}>",
    "x-ratelimit-limit": TOKEN,
    "x-ratelimit-reset": "7 " + TOKEN,
    "content-type": JWT,
    "x-other": "7",
}


def test_harmless_headers_of_a_sign_in_are_shown(connect: Connect, server: LocalServer) -> None:
    """Those that say when, how long and of which type, where they have the form of such a value."""
    server.answer(Answer(429, {"error": TOKEN}, SHOWN), Answer(429, {"error": TOKEN}, NOT_SHOWN))

    shown, hidden = (connect.sign_in(server.url, "ada@example.com", PASSWORD, retry=None) for _ in range(2))

    assert {name: shown.meta.headers.get(name) for name in SHOWN} == SHOWN
    assert {name: hidden.meta.headers.get(name) for name in NOT_SHOWN} == dict.fromkeys(NOT_SHOWN)
    assert {"date", "content-length"} <= {*shown.meta.headers, *hidden.meta.headers}
    assert shown.error is not None
    assert hidden.error is not None
    assert (shown.error.request_id, hidden.error.request_id) == ("r_1-2", None)
    assert shown.error.retry_after == 7.0


@pytest.mark.parametrize("library", ["httpcore", "http_client"])
def test_a_proxys_reason_is_not_shown_where_a_sign_in_fails(connect: Connect, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """It could repeat what was sent. What this machine says stays: that no connection could be made, for example."""

    def refuse(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 502 {TOKEN} ProxyError {TOKEN}\r\ncontent-length: 0\r\n\r\n".encode())

    with raw_server(refuse) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        options = {"http_client": connect.http()} if library == "http_client" else {"transport": library}
        refused = connect.sign_in("https://behind.invalid", "ada@example.com", PASSWORD, **options).error
    unreachable = connect.sign_in("http://127.0.0.1:9", "ada@example.com", PASSWORD).error

    assert refused is not None
    assert refused.message.startswith("no complete answer from https://behind.invalid")
    assert refused.message.endswith("(ProxyError)")
    assert unreachable is not None
    assert "ConnectError: " in unreachable.message


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("library", ["httpcore", "http_client", OVER_PYREQWEST])
def test_no_cause_stays_behind_an_error(connect: Connect, library: str, raised: bool) -> None:  # noqa: FBT001  # a parameter
    """The HTTP library's exceptions quote what came over the wire."""

    def garbage(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 {TOKEN} {TOKEN}\r\n{TOKEN}\r\n\r\n{TOKEN}".encode())

    with raw_server(garbage) as port:
        options = {"http_client": connect.http()} if library == "http_client" else {"transport": library}
        client = connect(f"http://127.0.0.1:{port}", KEY, raise_errors=raised, **options)
        try:
            result = client.jobs.get(JOB_ID)
            error = result.error
        except FluxbaseError as caught:
            error = caught
        assert error is not None
        assert (error.__cause__, error.__context__, getattr(error, "__notes__", [])) == (None, None, [])
        assert "tiger" not in f"{error} {error!r} {vars(error)} {traceback.format_exception(error)}"
        assert "tiger" not in repr(connect.sign_in(f"http://127.0.0.1:{port}", "ada@example.com", PASSWORD).error)


ECHOES: Final[Mapping[str, Any]] = {
    "error": {"error": f"Invalid key {KEY}"},
    "error and code": {"error": f"Invalid key {KEY}", "code": KEY, "hint": f"do not send {KEY}", "request_id": KEY},
    "details": {"error": "no", "details": {"authorization": [f"Bearer {KEY}"], KEY: 1}},
    "text": f"Invalid key {KEY}",
    "a page": f"<title>{KEY}</title>",
}


@pytest.mark.parametrize("status", [200, 401, 403, 500])
@pytest.mark.parametrize("body", ECHOES)
def test_a_key_that_comes_back_is_not_shown(connect: Connect, server: LocalServer, status: int, body: str) -> None:
    """Some gateways repeat the request that they refuse."""
    server.answer(Answer(status, ECHOES[body], {"content-type": "text/plain"}))

    for verb, result in call_all_verbs(lambda_key(connect), server.url):
        assert (verb, KEY in printed(result)) == (verb, False)


@pytest.mark.parametrize(("key", "shown"), [("panther", "Invalid key panther"), ("panthers", "Invalid key ***")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_word_is_no_key(connect: Connect, server: LocalServer, key: str, shown: str, encoding: str) -> None:
    """A key of less than eight characters could be a part of any word. A longer one is found in whatever encoding it comes."""
    server.answer(Answer(403, f"Invalid key {key}".encode(encoding), {"content-type": f"text/plain; charset={encoding}"}))

    error = connect(server.url, key).jobs.get(JOB_ID).error

    assert error is not None
    assert (error.message, error.details) == (f"the server answered 403: {shown}", shown)


def lambda_key(connect: Connect) -> Connect:
    """A connect whose clients have our key."""
    original = connect.__call__

    class WithKey(Connect):
        def __init__(self) -> None:
            vars(self).update(vars(connect))

        def __call__(self, url: str, key: str, **options: Any) -> FluxbaseClient:  # noqa: ARG002  # as the support has it
            return original(url, KEY, **options)

    return WithKey()


ODD_KEY: Final = 'Zq7/Xw9+Kp=L3&mN<8v>B2"c\\d%41'
WRITTEN: Final[Mapping[str, Callable[[str], str]]] = {
    "as it is": str,
    "in JSON": lambda key: json.dumps(key)[1:-1],
    "in JSON in JSON": lambda key: json.dumps(json.dumps(key))[3:-3],
    "in JSON with letters as numbers": lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key),
    "in JSON as Go writes it": lambda key: json.dumps(key)[1:-1].replace("&", r"\u0026").replace("<", r"\u003c"),
    "in a URL": lambda key: quote(key, safe=""),
    "in a URL in a URL": lambda key: quote(quote(key, safe="")),
    "in HTML": html.escape,
    "in HTML by numbers": lambda key: "".join(f"&#x{ord(letter):02X};" for letter in key),
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "in base64 after a name": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "in base64 for URLs": lambda key: base64.urlsafe_b64encode(f"Bearer {key}".encode()).decode(),
    "in hexadecimal": lambda key: key.encode().hex(),
}


def readable(shown: str, key: str) -> list[str]:
    """The ways of writing in which the key can be read in what was shown."""
    inside = {"in base64 after a name": "dXNlcj", "in base64 for URLs": "QmVhcmVyI"}  # of what is before the key
    forms = {way: write(key).rstrip("=") for way, write in WRITTEN.items()}
    return [way for way, form in forms.items() if form[len(inside.get(way, "")) + 1 : -1] in shown]


@pytest.mark.parametrize("status", [200, 302, 400, 500])
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("key", [ODD_KEY, KEY, JWT, "Zq7Xw9Kp"])
def test_a_key_that_comes_back_in_another_form_is_not_shown(
    connect: Connect, server: LocalServer, key: str, written: str, status: int
) -> None:
    """Gateways escape what they repeat: for JSON, a URL or a page. It is found before a text is cut, and in headers, which are pickled."""
    client, form = connect(server.url, key), WRITTEN[written](key)
    bodies = [form, f"<title>{form}</title>", f'{{"error": "no: {form}", "status": "{form}", "details": ["{form}"], "code": "{form}"}}']
    bodies += ["x " * before + form + " y" * 9000 for before in (97, 122, 2498)]
    headers = {"x-request-id": form, "location": f"/?key={form}", "content-type": f"text/plain; {form}"}

    for body in bodies:
        server.answer(Answer(status, body, headers))
        assert readable(printed(client.jobs.get(JOB_ID)), key) == []


@pytest.mark.parametrize("status", [200, 400, 500])
def test_nothing_secret_that_was_sent_is_shown(connect: Connect, server: LocalServer, status: int) -> None:
    """Keys for a gateway in the client's headers, the idempotency key, and the refresh token."""
    sent = {"x-gateway-key": "gateway-0123456789", "proxy-authorization": "Basic gateway-9876543210"}
    client = connect(server.url, KEY, refresh_token="refresh-0123456789", headers=sent)
    server.answer(Answer(status, "refresh-0123456789 gateway-0123456789 gateway-9876543210 an-idempotency-key-of-mine"))

    shown = printed(client.jobs.submit("echo", idempotency_key="an-idempotency-key-of-mine"))

    assert [secret for secret in ("0123456789", "9876543210", "idempotency-key-of") if secret in shown] == []


def test_headers_of_a_success_hold_no_key(connect: Connect, server: LocalServer) -> None:
    """They are in the result's meta, and are pickled with it; what else they say stays."""
    server.answer(Answer(200, job(), {"x-request-id": "r-1", "x-seen": f"Bearer {KEY}"}))

    result = connect(server.url, KEY).jobs.get(JOB_ID)

    assert (result.meta.request_id, result.meta.headers["x-seen"]) == ("r-1", "Bearer ***")
    assert KEY.encode() not in pickle.dumps(result)


@pytest.mark.parametrize("secret", [JWT, "sk_live_0123456789abcdef0123", "fbk_0123456789abcdef0123", "fb_tsk_0123456789abcdef0123"])
@pytest.mark.parametrize("status", [200, 403, 500])
def test_what_looks_like_a_key_is_not_shown(client: FluxbaseClient, server: LocalServer, status: int, secret: str) -> None:
    """Anybody's: a body that should not have come to us may hold it."""
    server.answer(Answer(status, {"error": f"no, {secret}", "code": secret, "hint": secret, "details": {"a": [secret], secret: 1}}))

    result = client.jobs.get(JOB_ID)

    assert secret not in printed(result)
    assert result.error is not None
    assert "***" in str(result.error.details)


def test_a_key_as_job_id_is_not_shown(client: FluxbaseClient) -> None:
    """Arguments are quoted where they are short, but for keys."""
    assert JWT[:50] not in printed(client.jobs.get("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0aWdlciJ9"))


def test_the_clients_own_key_as_any_argument_is_not_shown(connect: Connect, server: LocalServer) -> None:
    """Whatever its form: it may have come into the wrong place."""
    client = connect(server.url, KEY)
    calls: list[Any] = [
        client.jobs.get(KEY),
        client.jobs.list(status=cast("Any", KEY)),
        client.jobs.submit("echo", priority=cast("Any", KEY)),
    ]
    calls += [result for _, result in [*client.jobs.wait_many([KEY]), *client.jobs.tail_many([KEY]), *client.jobs.watch_many([KEY])]]
    calls += [*client.jobs.tail(KEY), *client.jobs.iterate(created_by=KEY), client.admin.jobs.list_jobs(worker_id=KEY)]

    for result in calls:
        assert isinstance(result.error, InvalidInput)
        assert KEY not in printed(result)


@pytest.mark.parametrize("key", ["no key", "no-key\ud800", "no-k\xe9y-0123456789"])
def test_a_key_that_cannot_be_sent_is_an_error(connect: Connect, server: LocalServer, key: str) -> None:
    """Whatever a callable gives."""
    result = connect(server.url, lambda: key).jobs.get(JOB_ID)

    assert isinstance(result.error, InvalidInput)
    assert key not in printed(result)


MEGABYTE: Final = "x" * 1_000_000
LONG: Final[Mapping[str, Any]] = {
    **{key: {key: MEGABYTE} for key in ("error", "message", "code", "hint", "details", "request_id", "status", "title")},
    "details of another shape": {"error": "no", "details": [MEGABYTE] * 3},
    "many keys": {f"key {number}": number for number in range(50_000)},
    "a long key": {MEGABYTE: 1},
    "text": MEGABYTE,
    "a page": f"<title>{MEGABYTE}</title>",
    "a job's text": {**job(), "status": 7, "job_name": MEGABYTE},
    "another job": {**job(), "id": MEGABYTE},
}


@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize("body", LONG)
def test_every_text_of_an_error_is_bounded(client: FluxbaseClient, server: LocalServer, status: int, body: str) -> None:
    """Whatever a server sends, as far as it is read at all."""
    server.answer(Answer(status, LONG[body], {"content-type": "text/plain" if body == "text" else "application/json"}))

    error = client.jobs.get(JOB_ID).error

    assert error is not None
    texts = (error.message, error.hint or "", str(error.code), str(error.request_id), str(getattr(error, "job_status", "")))
    assert max(map(len, texts)) <= MAX_TEXT
    assert len(str(error.details)) <= 2 * MAX_DETAILS
    assert len(repr(error)) <= 3 * MAX_TEXT
    assert type(error) is InvalidResponse or status != 200


def test_headers_in_an_error_are_bounded(client: FluxbaseClient, server: LocalServer) -> None:
    """A request id or a content type may be long."""
    server.answer(Answer(404, b"", {"x-request-id": "r" * 20_000, "content-type": "t" * 20_000}))

    error = client.jobs.get(JOB_ID).error

    assert error is not None
    assert len(str(error)) <= MAX_TEXT
    assert len(error.request_id or "") <= MAX_TEXT


@pytest.mark.parametrize("before", ["\n", "\t", "API_KEY_", "_"])
def test_a_key_is_found_wherever_a_text_holds_it(client: FluxbaseClient, server: LocalServer, before: str) -> None:
    """After a line break, as in a traceback, and as the end of a longer word."""
    secret = "sk_live_0123456789abcdef0123"
    text = f"no{before}{secret}"
    server.answer(Answer(500, {"error": text, "hint": text, "details": {"a": [text], text: 1}}))

    assert "0123456789abcdef" not in printed(client.jobs.get(JOB_ID))


@pytest.mark.parametrize("secret", [KEY, JWT, "sk_live_0123456789abcdef0123"])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_key_is_not_shown_by_half(connect: Connect, server: LocalServer, secret: str, status: int, kind: str) -> None:
    """Long messages are cut: the key is taken out before."""
    client = connect(server.url, KEY)

    for before in range(70, 100):
        text = "x " * (before // 2) + secret + " y" * 9000
        server.answer(Answer(status, {"error": text} if kind == "application/json" else text, {"content-type": kind}))
        shown = printed(client.jobs.get(JOB_ID))
        assert not any(secret[start : start + 9] in shown for start in range(len(secret) - 9))


@pytest.mark.parametrize("key", ["\\" * 8, "%41%42%43%44", "&lt;&gt;&lt;"])
def test_a_key_of_escapes_hides_no_words(connect: Connect, server: LocalServer, key: str) -> None:
    """Unescaped, it is short or nothing, which could be a part of any word."""
    server.answer(Answer(500, {"error": "ABCD failed <><"}))

    error = connect(server.url, key).jobs.get(JOB_ID).error

    assert error is not None
    assert "ABCD failed <><" in error.message
