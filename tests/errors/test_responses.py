"""Every response becomes a result: whatever a server or proxy sends, a verb returns a value with the right error."""

from __future__ import annotations

import gzip
from typing import Any, Final

import pytest
from attrs import evolve
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, FluxbaseError, InvalidResponse, NotFound, Rejected, ServerFailed
from fluxbase_jobs.models.shortening import MAX_DETAILS, shortened
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, SIGN_IN, VERBS, call_all_verbs, call_verb, job, pickle_round_trip
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

transport = every_transport

HTML: Final = "<html><body><h1>Bad gateway</h1></body></html>"
NO_JOB: Final = {"id": 7, "jobs": 7, "logs": 7, "message": 7, "access_token": 7}
LISTS: Final = ("list", "list the default namespace", "logs")

UNREADABLE: Final[dict[str, bytes | str | dict[str, Any]]] = {
    "nothing": b"",
    "HTML": HTML,
    "an empty object": {},
    "text": '"ok"',
    "cut JSON": b'{"id": "3f8a',
    "cut JSON of another kind": b'{"jobs": [{"id": "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11", "na',
    "wrong types": NO_JOB,
    "100,000 levels of lists": b"[" * 100_000,
    "100,000 levels of objects": b'{"jobs":' * 100_000,
    "bytes that are no UTF-8": b'{"id": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "two values": b"{} {}",
    "an error": {"error": "Job not found"},
}


def readable_body(verb: str, body: str) -> str | None:
    """What an error keeps of an unreadable body: both ends of a long one, nothing of a sign-in response, which may contain tokens."""
    return None if verb == SIGN_IN else shortened(body, MAX_DETAILS)


@pytest.mark.parametrize("body", UNREADABLE)
def test_2xx_with_another_body_is_an_invalid_response(connect: Connect, server: LocalServer, body: str) -> None:
    """The error keeps status, headers and the body as text."""
    server.answer(Answer(200, UNREADABLE[body], {"x-request-id": "r-1"}))

    for verb, result in call_all_verbs(connect, server.url):
        error = result.error
        assert (verb, type(error)) == (verb, InvalidResponse)
        assert error is not None
        assert (error.status, error.request_id, error.attempts, error.retryable) == (200, "r-1", 1, False)
        assert error.details == readable_body(verb, server.last.content().decode(errors="replace"))
        assert (result.meta.status, result.meta.request_id, result.meta.attempts) == (200, "r-1", 1)
        assert result.meta.headers["Content-Type"].startswith("application/json")
    assert len(server.requests) == len(VERBS)


@pytest.mark.parametrize("body", ["[]", "null"])
def test_null_is_an_empty_list(connect: Connect, server: LocalServer, body: str) -> None:
    """For verbs that list; for all others it is an invalid response."""
    server.answer(Answer(200, body))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, result.data == []) == (verb, verb in LISTS)
        assert (verb, type(result.error)) == (verb, type(None) if verb in LISTS else InvalidResponse)


@pytest.mark.parametrize("status", [201, 202, 203, 204, 205, 206, 299])
def test_any_2xx_is_judged_by_its_body(connect: Connect, server: LocalServer, status: int) -> None:
    """Without a body, as with 204, it is an invalid response."""
    server.answer(Answer(status))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, type(result.error), result.meta.status) == (verb, InvalidResponse, status)
        assert result.error is not None
        assert (result.error.status, result.error.details) == (status, readable_body(verb, ""))


REFUSALS: Final = {
    400: (Rejected, False),
    402: (Rejected, False),
    408: (Rejected, True),
    418: (Rejected, False),
    425: (Rejected, True),
    499: (Rejected, False),
    501: (ServerFailed, False),
    502: (ServerFailed, True),
    503: (ServerFailed, True),
    504: (ServerFailed, True),
    520: (ServerFailed, False),
    599: (ServerFailed, False),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_html_of_a_proxy_is_an_error_value(connect: Connect, server: LocalServer, status: int) -> None:
    """Also with a status that Python does not know. Class, status and request id are right, and the message names the status."""
    server.answer(Answer(status, HTML, {"content-type": "text/html", "x-request-id": "r-1", "retry-after": "7"}))
    kind, retryable = REFUSALS[status]

    for verb, result in call_all_verbs(connect, server.url):
        error = result.error
        assert (verb, type(error)) == (verb, kind)
        assert error is not None
        assert (error.status, error.request_id, error.attempts, error.retryable) == (status, "r-1", 1, retryable)
        assert (result.meta.status, result.meta.headers["retry-after"], result.meta.attempts) == (status, "7", 1)
        assert str(status) in error.message
        assert "<html>" not in error.message
    assert len(server.requests) == len(VERBS)


def test_deeply_nested_error_body(connect: Connect, server: LocalServer) -> None:
    """The status decides."""
    server.answer(Answer(503, b"[" * 100_000))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, type(result.error)) == (verb, ServerFailed)
        assert pickle_round_trip(result).meta.status == 503


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 502])
def test_error_body_that_is_not_utf8(connect: Connect, server: LocalServer, status: int) -> None:
    """Undecodable text is not quoted, and the status decides."""
    server.answer(Answer(status, '{"error": "Pas trouvé", "retry_after": 5}'.encode("latin-1")))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, result.meta.status) == (verb, status)
        assert result.error is not None
        assert result.error.status == status


def test_error_with_nested_details_can_be_pickled(client: FluxbaseClient, server: LocalServer) -> None:
    """Whatever a server puts into `details`."""
    server.answer(Answer(503, '{"error": "x", "details": ' + "[" * 900 + "]" * 900 + "}"))

    result = client.jobs.get(JOB_ID)

    assert isinstance(pickle_round_trip(result).error, ServerFailed)


LOCATIONS: Final = {
    "another server": "{other}/api/v1/jobs",
    "the same server": "/elsewhere",
    "nowhere": "",
    "no URL": "http://[::1",
    "mail": "mailto:ada@example.com",
}


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_error(connect: Connect, server: LocalServer, status: int, location: str) -> None:
    """The credentials are only for this server; the error keeps the response."""
    with LocalServer() as other:
        server.answer(Answer(status, b"elsewhere", {"location": LOCATIONS[location].format(other=other.url), "x-request-id": "r-1"}))

        result = call_verb(connect, "get", server.url)

        assert type(result.error) is InvalidResponse
        assert "a redirect, which is not followed" in result.error.message
        assert (result.error.status, result.error.request_id, result.error.details) == (status, "r-1", "elsewhere")
        assert (result.error.retryable, result.meta.status, result.meta.attempts) == (False, status, 1)
        assert (len(server.requests), other.requests) == (1, [])


def test_no_verb_follows_redirects(connect: Connect, server: LocalServer) -> None:
    """Even if the user's own httpx client would."""
    with LocalServer() as other:
        server.answer(Answer(302, b"", {"location": other.url}))

        for verb, result in call_all_verbs(connect, server.url, http_client=connect.http(follow_redirects=True)):
            assert (verb, type(result.error), result.meta.status) == (verb, InvalidResponse, 302)
        assert (len(server.requests), other.requests) == (len(VERBS), [])


@pytest.mark.parametrize("status", [300, 304, 399, 600, 999])
def test_undocumented_status_is_an_error(connect: Connect, server: LocalServer, status: int) -> None:
    """304, or a number that HTTP does not define."""
    server.answer(Answer(status, b"", {"x-request-id": "r-1"}))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, type(result.error), result.meta.status) == (verb, InvalidResponse, status)
        assert result.error is not None
        assert ("a redirect" in result.error.message, "not an answer of this API" in result.error.message) == (status < 400, status >= 400)
        assert (result.error.status, result.error.request_id, result.error.attempts) == (status, "r-1", 1)


def test_compressed_response_is_read(client: FluxbaseClient, server: LocalServer) -> None:
    """As proxies send it."""
    content = gzip.compress(Answer(200, job()).content())
    server.answer(Answer(200, content, {"content-encoding": "gzip"}))

    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID


@pytest.mark.parametrize(("status", "kind"), [(200, InvalidResponse), (404, NotFound), (503, ServerFailed)])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_broken_compression_is_an_error(
    client: FluxbaseClient, server: LocalServer, encoding: str, status: int, kind: type[FluxbaseError]
) -> None:
    """Status and headers are known, only the body is not."""
    server.answer(Answer(status, b"this is not compressed", {"content-encoding": encoding, "x-request-id": "r-1"}))

    result = client.jobs.get(JOB_ID)

    assert type(result.error) is kind
    assert result.error is not None
    assert (result.error.status, result.error.request_id, result.meta.status) == (status, "r-1", status)


@pytest.fixture
def http(connect: Connect) -> Any:
    """A shared httpx client of the test's style, for speed."""
    return connect.http()


keys = st.sampled_from([b"error", b"message", b"code", b"status", b"details", b"retry_after", b"jobs", b"logs", b"id", b"hint"])
values = st.binary().map(lambda text: b'"' + text + b'"') | st.integers().map(lambda number: b"%d" % number) | st.just(b"[1]")
objects = st.lists(st.tuples(keys, values)).map(lambda pairs: b"{" + b",".join(b'"%s":%s' % pair for pair in pairs) + b"}")
header_names = st.sampled_from(["x-request-id", "retry-after", "content-type", "idempotency-replayed", "x-style"])
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


any_answers = st.builds(
    Answer, status=st.integers(200, 599), body=st.binary() | objects, headers=st.dictionaries(header_names, header_values)
)


@settings(max_examples=50)
@given(answer=any_answers)
def test_arbitrary_responses_never_raise(connect: Connect, server: LocalServer, http: Any, answer: Answer) -> None:
    """Whatever the status and bytes: an error has the status and a fitting class, and can be printed and pickled."""
    status = answer.status
    server.requests.clear()
    no_body_comes = {"connection": "close"} if status in {204, 304} else {}
    server.answer(evolve(answer, headers={**answer.headers, **no_body_comes}))

    for verb, result in call_all_verbs(connect, server.url, http_client=http):
        again = pickle_round_trip(result)
        assert (verb, result.meta.status, again.meta.status, repr(again)) == (verb, status, status, repr(result))
        if result.error is None:
            assert 200 <= status < 300
        else:
            kinds = {2: InvalidResponse, 3: InvalidResponse, 4: Rejected, 5: ServerFailed}
            assert isinstance(result.error, kinds[status // 100])
            assert (result.error.status, str(again.error)) == (status, str(result.error))


@pytest.mark.parametrize("body", UNREADABLE)
def test_sign_in_hint_only_for_a_second_factor(connect: Connect, server: LocalServer, body: str) -> None:
    """A response without tokens has the hint only if the server asks for a second factor."""
    server.answer(Answer(200, UNREADABLE[body]))

    _, error = call_verb(connect, SIGN_IN, server.url)

    assert error is not None
    assert "factor" not in str(error)


def test_client_works_after_a_broken_response(client: FluxbaseClient, server: LocalServer) -> None:
    """The next call succeeds."""
    server.answer(Answer(200, b"[" * 100_000), Answer(200, fault="half a body", body=HTML), Answer(302), Answer(200, job()))

    errors = [client.jobs.get(JOB_ID).error for _ in range(3)]

    assert [type(error) for error in errors] == [InvalidResponse, ConnectionFailed, InvalidResponse]
    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID
