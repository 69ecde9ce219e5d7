"""Error bodies of gateways and proxies: which text becomes the message, and what is kept as details."""

from __future__ import annotations

from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, NotAllowedInState

from tests.support.sample_responses import JOB_ID
from tests.support.servers.local_server import Answer, LocalServer, raw_answers
from tests.support.styles import Connect


def error_of(client: FluxbaseClient, server: LocalServer, body: Any, kind: str = "application/json", status: int = 502) -> FluxbaseError:
    """The error value for a response with this body and type."""
    server.answer(Answer(status, body, {"content-type": kind}))
    error = client.jobs.get(JOB_ID).error
    assert error is not None
    return error


NO_MESSAGE: Final = "the server answered 502 with {bytes} bytes of {kind}"


@pytest.mark.parametrize(
    ("kind", "named"),
    [("Image/PNG; charset=utf-8", "image/png"), ("", "unnamed type"), (None, "unnamed type")],
)
def test_a_body_without_any_text_is_counted(connect: Connect, kind: str | None, named: str) -> None:
    """The message names its size and type: also where a gateway names no type at all."""
    with raw_answers("HTTP/1.1 502 X", *([] if kind is None else [f"content-type: {kind}"]), body=b"\x89" * 1234) as url:
        error = connect(url, retry=None).jobs.get(JOB_ID).error

    assert error is not None
    assert (error.message, error.details) == (NO_MESSAGE.format(bytes="1,234", kind=named), None)


PAGES: Final[dict[str, str | None]] = {
    "<title>Bad Gateway</title>": "Bad Gateway",
    '<!doctype html><html>\n<TITLE lang="en">Bad\tGateway</TITLE><title>another</title>': "Bad Gateway",
    "<p>a > b</p><title>Bad Gateway</title>": "Bad Gateway",
    "</title><title>Bad Gateway</title>": "Bad Gateway",
    "<Error><Message>no upstream</Message><message>another</message></Error>": "no upstream",
    "<title></title><message>no upstream</message>": "no upstream",
    "<title>no end": None,
    "<title": None,
    "<p>no title</p>": None,
}


@pytest.mark.parametrize("page", PAGES)
def test_the_title_of_a_page_is_the_message(client: FluxbaseClient, server: LocalServer, page: str) -> None:
    """Or the message of an XML document; a page without either is not quoted in the message, but kept as details."""
    text = PAGES[page]

    error = error_of(client, server, page, "text/html")

    assert error.message == (f"the server answered 502: {text}" if text else NO_MESSAGE.format(bytes=len(page), kind="text/html"))
    assert error.details == page


@pytest.mark.parametrize("shape", ['{{"error": {}}}', "[{}]", '{{"title": {}}}'])
def test_a_message_six_levels_deep_is_found(client: FluxbaseClient, server: LocalServer, shape: str) -> None:
    """Under keys that name messages, or in lists; what is deeper is not searched."""
    body = '"no upstream"'
    for _ in range(6):
        body = shape.format(body)

    assert error_of(client, server, body).message == "the server answered 502: no upstream"
    deeper = shape.format(body)
    assert error_of(client, server, deeper).message == NO_MESSAGE.format(bytes=len(deeper), kind="application/json")


def test_a_message_under_unknown_keys_is_found(client: FluxbaseClient, server: LocalServer) -> None:
    """Three levels deep, as an object's values are searched like a list."""
    found, deeper = '{"a": {"b": {"c": "no upstream"}}}', '{"a": {"b": {"c": {"d": "no upstream"}}}}'

    assert error_of(client, server, found).message == "the server answered 502: no upstream"
    assert error_of(client, server, deeper).message == NO_MESSAGE.format(bytes=len(deeper), kind="application/json")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (["a", "b", "c", "d"], "a; b; c"),
        ([1, None, "b"], "b"),
        ({"x": 1, "y": "a", "z": ["b"]}, "a; b"),
        ({"title": "Conflict", "detail": {"msg": "seat taken"}, "status": 7}, "seat taken"),
        ({"errors": [{"message": "a"}, {"reason": "b"}]}, "a; b"),
        ({"error": {"title": "Oops", "description": " the\n cause "}}, "the cause"),
        ("quota".encode("utf-16-le"), "quota"),
    ],
)
def test_the_most_telling_texts_are_the_message(client: FluxbaseClient, server: LocalServer, body: Any, text: str) -> None:
    """The first three of several; the key that is most specific."""
    kind = "text/plain; charset=utf-16le" if isinstance(body, bytes) else "application/json"

    assert error_of(client, server, body, kind).message == f"the server answered 502: {text}"


def test_of_a_long_text_beginning_and_end_are_shown(client: FluxbaseClient, server: LocalServer) -> None:
    """200 characters; of plain text, which may be a whole log, as much of its beginning as 800 bytes hold."""
    text = "a" * 700 + "b" * 100

    shown = f"the server answered 502: {'a' * 97} ... {'b' * 97}"
    assert error_of(client, server, {"fault": {"message": text}}).message == shown
    assert error_of(client, server, text + "c" * 200, "text/plain").message == shown


@pytest.mark.parametrize(
    ("body", "kind", "details"),
    [
        ("", "text/plain", None),
        (" \n", "text/plain", None),
        ("null", "application/json", None),
        ("null", "text/plain", None),
        ({"error": "x", "code": 500}, "application/json", None),
        ({"error": "x", "code": None, "hint": None}, "application/json", None),
        ({"error": "x", "code": 7.5}, "application/json", {"code": 7.5}),
        ({"error": "x", "hint": 7}, "application/json", {"hint": 7}),
        ({"error": "x", "hint": 7, "details": "d"}, "application/json", {"hint": 7, "details": "d"}),
        ({"error": "x", "details": {"a": 1}, "path": "/x"}, "application/json", {"a": 1}),
        ({"error": "x", "path": "/x"}, "application/json", {"path": "/x"}),
        ([1, {"a": 2}], "application/json", [1, {"a": 2}]),
        ("{oops", "application/json", "{oops"),
        (b"\xff\xfe oops", "text/html", "\ufffd\ufffd oops"),
        (b"\xff\xfe oops", "image/png", None),
        ("one\r\n\ttwo", "image/png", "one\r\n\ttwo"),
        ("one\0two", "image/png", None),
    ],
)
def test_details_are_what_no_attribute_holds(client: FluxbaseClient, server: LocalServer, body: Any, kind: str, details: Any) -> None:
    """The server's `details`, else the rest of the object, else all of it; as text where it is no JSON."""
    assert error_of(client, server, body, kind).details == details


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"message": "x", "code": "QUOTA"}}, "QUOTA"),
        ({"error": {"message": "x", "error_code": 7}}, 7),
        ({"code": "OUTER", "error": {"message": "x", "code": "INNER"}}, "OUTER"),
        ({"error": "x", "code": ["QUOTA"], "error_code": "QUOTA"}, "QUOTA"),
        ({"error": "x", "code": 7.5}, None),
        ([{"code": "QUOTA"}], None),
    ],
)
def test_the_code_is_that_of_the_body_or_of_its_error(
    client: FluxbaseClient, server: LocalServer, body: Any, code: str | int | None
) -> None:
    """Text or a whole number; some gateways put it into the object under `error`."""
    assert error_of(client, server, body).code == code


@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_details_of_two_hundred_levels_are_kept_as_json(client: FluxbaseClient, server: LocalServer, brackets: tuple[str, str]) -> None:
    """Deeper ones as text, as no program could print or store them: the message is read all the same."""
    opening, closing = brackets
    kept = '{"error": "x", "details": [' + opening * 198 + "1" + closing * 198 + "]}"
    deeper = kept.replace("1", "[1]")

    error = error_of(client, server, kept)
    assert (error.message, isinstance(error.details, list)) == ("x", True)
    error = error_of(client, server, deeper)
    assert (error.message, error.details) == ("x", deeper)


def test_long_details_are_text(client: FluxbaseClient, server: LocalServer) -> None:
    """From 10,000 characters of JSON on, of which both ends are kept."""
    longest = ["a" * 4996, "b" * 4997]

    assert error_of(client, server, {"error": "x", "details": longest}).details == longest
    details = error_of(client, server, {"error": "x", "details": ["a" * 4996, "b" * 4998]}).details
    assert details == f'["{"a" * 4995} ... {"b" * 4995}"]'


def test_a_long_state_of_a_job_is_bounded(client: FluxbaseClient, server: LocalServer) -> None:
    """Like a code: to 200 characters."""
    error = error_of(client, server, {"error": "no", "status": "s" * 300}, status=400)

    assert isinstance(error, NotAllowedInState)
    assert error.job_status == f"{'s' * 97} ... {'s' * 97}"


def test_a_key_that_an_admin_route_ignores_has_a_hint(client: FluxbaseClient, server: LocalServer) -> None:
    """The server says only that there was no authentication; its own hint comes first."""
    body = {"error": "Missing authentication", "code": "MISSING_AUTHENTICATION"}

    hint = error_of(client, server, body, status=401).hint
    assert hint is not None
    assert hint.startswith("admin calls need a token (a JWT)")
    assert error_of(client, server, {**body, "hint": "send one"}, status=401).hint == "send one"


def test_an_answer_that_is_none_has_a_hint(client: FluxbaseClient, server: LocalServer) -> None:
    """A page with a 200 is that of another server, or of a proxy in between."""
    error = error_of(client, server, "<p>welcome</p>", "text/html", status=200)

    assert error.message.startswith("the server answered 200: the body is not the documented one: JSON is malformed")
    assert error.hint == "is the url that of a Fluxbase server, and is it reached without a proxy's page in between?"
    assert (error.details, error.job_id) == ("<p>welcome</p>", JOB_ID)
