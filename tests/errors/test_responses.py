"""Any answer becomes a value: whatever a server or a proxy says, every verb returns a result, with the right error and what was said."""

from __future__ import annotations

import gzip
from typing import Any, Final

import pytest
from attrs import evolve
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, FluxbaseError, InvalidResponse, NotFound, Rejected, ServerFailed
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, SIGN_IN, VERBS, call_all_verbs, call_verb, job, pickle_round_trip
from tests.support.styles import Connect

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


def kept(verb: str, body: str) -> str | None:
    """What an error keeps of an unreadable body: of an answer to a sign-in, which may hold tokens, nothing."""
    return None if verb == SIGN_IN else body


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_2xx_without_the_documented_body(connect: Connect, server: LocalServer, body: str) -> None:
    """The error keeps status, headers and the body as text."""
    server.answer(Answer(200, UNREADABLE[body], {"x-request-id": "r-1"}))

    for verb, result in call_all_verbs(connect, server.url):
        error = result.error
        assert (verb, type(error)) == (verb, InvalidResponse)
        assert error is not None
        assert (error.status, error.request_id, error.attempts, error.retryable) == (200, "r-1", 1, False)
        assert error.details == kept(verb, server.last.content().decode(errors="replace"))
        assert (result.meta.status, result.meta.request_id, result.meta.attempts) == (200, "r-1", 1)
        assert result.meta.headers["Content-Type"].startswith("application/json")
    assert len(server.requests) == len(VERBS)


@pytest.mark.parametrize("body", ["[]", "null"])
def test_an_empty_list_or_null(connect: Connect, server: LocalServer, body: str) -> None:
    """Nothing to list for those that list, and no answer to all others."""
    server.answer(Answer(200, body))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, result.data == []) == (verb, verb in LISTS)
        assert (verb, type(result.error)) == (verb, type(None) if verb in LISTS else InvalidResponse)


@pytest.mark.parametrize("status", [201, 202, 203, 204, 205, 206, 299])
def test_another_2xx_counts_for_its_body(connect: Connect, server: LocalServer, status: int) -> None:
    """Without one, 204 say, there is no documented answer."""
    server.answer(Answer(status))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, type(result.error), result.meta.status) == (verb, InvalidResponse, status)
        assert result.error is not None
        assert (result.error.status, result.error.details) == (status, kept(verb, ""))


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
def test_a_page_of_a_proxy(connect: Connect, server: LocalServer, status: int) -> None:
    """HTML with a status, also one that Python does not know: class, status and request id survive, and the words name the status."""
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


def test_an_error_nested_beyond_reading(connect: Connect, server: LocalServer) -> None:
    """The status says enough."""
    server.answer(Answer(503, b"[" * 100_000))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, type(result.error)) == (verb, ServerFailed)
        assert pickle_round_trip(result).meta.status == 503


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 502])
def test_an_error_in_another_encoding(connect: Connect, server: LocalServer, status: int) -> None:
    """JSON that is no UTF-8: what can't be read is not quoted, and the status decides."""
    server.answer(Answer(status, '{"error": "Pas trouvé", "retry_after": 5}'.encode("latin-1")))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, result.meta.status) == (verb, status)
        assert result.error is not None
        assert result.error.status == status


def test_an_error_with_nested_details_can_be_pickled(client: FluxbaseClient, server: LocalServer) -> None:
    """What a server puts into `details` does not keep a result from going to another process."""
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
def test_a_redirect_is_not_followed(connect: Connect, server: LocalServer, status: int, location: str) -> None:
    """The credentials are for this server alone; the answer is kept, wherever it points."""
    with LocalServer() as other:
        server.answer(Answer(status, b"elsewhere", {"location": LOCATIONS[location].format(other=other.url), "x-request-id": "r-1"}))

        result = call_verb(connect, "get", server.url)

        assert type(result.error) is InvalidResponse
        assert (result.error.status, result.error.request_id, result.error.details) == (status, "r-1", "elsewhere")
        assert (result.error.retryable, result.meta.status, result.meta.attempts) == (False, status, 1)
        assert (len(server.requests), other.requests) == (1, [])


def test_no_verb_follows_a_redirect(connect: Connect, server: LocalServer) -> None:
    """Not even where the caller's own httpx client would."""
    with LocalServer() as other:
        server.answer(Answer(302, b"", {"location": other.url}))

        for verb, result in call_all_verbs(connect, server.url, http_client=connect.http(follow_redirects=True)):
            assert (verb, type(result.error), result.meta.status) == (verb, InvalidResponse, 302)
        assert (len(server.requests), other.requests) == (len(VERBS), [])


@pytest.mark.parametrize("status", [300, 304, 399, 600, 999])
def test_a_status_that_is_none_of_this_api(connect: Connect, server: LocalServer, status: int) -> None:
    """304, or a number that HTTP does not have."""
    server.answer(Answer(status, b"", {"x-request-id": "r-1"}))

    for verb, result in call_all_verbs(connect, server.url):
        assert (verb, type(result.error), result.meta.status) == (verb, InvalidResponse, status)
        assert result.error is not None
        assert (result.error.status, result.error.request_id, result.error.attempts) == (status, "r-1", 1)


def test_a_compressed_answer_is_read(client: FluxbaseClient, server: LocalServer) -> None:
    """As proxies send it."""
    content = gzip.compress(Answer(200, job()).content())
    server.answer(Answer(200, content, {"content-encoding": "gzip"}))

    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID


@pytest.mark.parametrize(("status", "kind"), [(200, InvalidResponse), (404, NotFound), (503, ServerFailed)])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_broken_compression(client: FluxbaseClient, server: LocalServer, encoding: str, status: int, kind: type[FluxbaseError]) -> None:
    """The answer came: its status and headers are known, only its body is not."""
    server.answer(Answer(status, b"this is not compressed", {"content-encoding": encoding, "x-request-id": "r-1"}))

    result = client.jobs.get(JOB_ID)

    assert type(result.error) is kind
    assert result.error is not None
    assert (result.error.status, result.error.request_id, result.meta.status) == (status, "r-1", status)


@pytest.fixture
def http(connect: Connect) -> Any:
    """A httpx client of the test's style, for speed."""
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
def test_arbitrary_answers(connect: Connect, server: LocalServer, http: Any, answer: Answer) -> None:
    """No bytes with no status raise; an error has the status and a class that fits it, can be shown and can be pickled."""
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
def test_signing_in_names_a_second_factor_only_where_the_server_does(connect: Connect, server: LocalServer, body: str) -> None:
    """An answer that says nothing of the kind must not be explained so."""
    server.answer(Answer(200, UNREADABLE[body]))

    _, error = call_verb(connect, SIGN_IN, server.url)

    assert error is not None
    assert "factor" not in str(error)


def test_a_broken_answer_does_not_break_the_next(client: FluxbaseClient, server: LocalServer) -> None:
    """The client goes on after each of them."""
    server.answer(Answer(200, b"[" * 100_000), Answer(200, fault="half a body", body=HTML), Answer(302), Answer(200, job()))

    errors = [client.jobs.get(JOB_ID).error for _ in range(3)]

    assert [type(error) for error in errors] == [InvalidResponse, ConnectionFailed, InvalidResponse]
    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID
