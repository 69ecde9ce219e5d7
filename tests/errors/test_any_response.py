"""Any bytes as an answer: every verb gives a value of its type or a documented error, in time, and the next call succeeds."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from attrs import define, field
from fluxbase_jobs import FluxbaseClient, Job, RetryPolicy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, LINES, job, page, recorded
from tests.support.servers.local_server import Answer, LocalServer, raw_server
from tests.trust.faults.matrix import DOCUMENTED

EXAMPLES: Final = 80
SECONDS: Final = 0.5
AGAIN: Final = RetryPolicy(attempts=5, first_delay=0.01)

VERBS: Final[dict[str, tuple[Callable[[FluxbaseClient], Any], Any]]] = {
    "get": (lambda client: client.jobs.get(JOB_ID), job()),
    "get with log": (lambda client: client.jobs.get(JOB_ID, include_logs=True), {**job(), "logs": LINES}),
    "logs": (lambda client: client.jobs.logs(JOB_ID), {"logs": LINES}),
    "list": (lambda client: client.jobs.list(limit=2), page(job())),
    "submit": (lambda client: client.jobs.submit("resize", {"n": 1}, namespace="default"), job(status="pending", job_name="resize")),
    "cancel": (lambda client: client.jobs.cancel(JOB_ID), {"message": "Job cancelled"}),
    "retry": (lambda client: client.jobs.retry(JOB_ID), job(status="pending")),
    "stats": (lambda client: client.admin.jobs.get_stats(), recorded("admin", "GET /stats").json()),
    "workers": (lambda client: client.admin.jobs.list_workers(), recorded("admin", "GET /workers").json()[:1]),
    "namespaces": (lambda client: client.admin.jobs.list_namespaces(), recorded("admin", "GET /namespaces").json()),
    "functions": (lambda client: client.admin.jobs.list_functions(), recorded("admin", "GET /functions").json()[:1]),
}
"""Calls, and an answer that each of them understands or nearly does."""

JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([JOB_ID, "", "completed", "1e999", "2026-13-01T00:00:00Z", "{"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["id", "status", "error", "code", "jobs", "logs"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@define
class Replies:
    """A server that sends these bytes to each connection and closes it."""

    port: int = 0
    reply: bytes = field(default=b"", repr=False)

    def handle(self, connection: socket.socket) -> None:
        """Read what comes at once, and reply."""
        connection.settimeout(5)
        connection.recv(65536)
        connection.sendall(self.reply)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)  # until the client has closed: a reset would take the reply back


@pytest.fixture(scope="module")
def replies() -> Iterator[Replies]:
    """Such a server."""
    found = Replies()
    with raw_server(found.handle) as port:
        found.port = port
        yield found


@pytest.fixture
def raw_client(replies: Replies) -> Iterator[FluxbaseClient]:
    """A client of it."""
    with FluxbaseClient(f"http://127.0.0.1:{replies.port}", "eyJ.a-token", retry=None, timeout=SECONDS, realtime=False) as client:
        yield client


def check(result: Any) -> None:
    """A value or a documented error, with bounded text and no key."""
    if result.ok:
        assert result.error is None
        return
    assert type(result.error) in DOCUMENTED
    assert len(str(result.error)) < 20_000
    assert "eyJ.a-token" not in repr(result) + str(result.error)


def whole(body: bytes, *, status: bytes = b"200 OK") -> bytes:
    """A response."""
    return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


@st.composite
def spoiled(draw: st.DrawFn, good: bytes) -> bytes:
    """Bytes of a good response, of which some are replaced, left out, put in, doubled or moved."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 20)))
        piece = draw(
            st.binary(max_size=8)
            | st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"\x00", b"\xff\xfe", b"[" * 50, b'"', b"\\ud800", bytes(data[start:end]) * 2])
        )
        data[start:end] = piece
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_spoiled_response(raw_client: FluxbaseClient, replies: Replies, verb: str, data: st.DataObject) -> None:
    """Of head or body, wherever a byte is wrong."""
    call, body = VERBS[verb]
    replies.reply = data.draw(spoiled(whole(json.dumps(body).encode())))

    check(call(raw_client))

    replies.reply = whole(json.dumps(job()).encode())
    found = raw_client.jobs.get(JOB_ID, retry=AGAIN).unwrap()  # the server may just have closed the connection
    assert type(found) is Job


@pytest.mark.slow
@settings(max_examples=2 * EXAMPLES)
@given(
    reply=st.binary(max_size=300)
    | st.binary(max_size=200).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest)
    | st.binary(max_size=200).map(whole)
)
def test_any_bytes_as_a_response(raw_client: FluxbaseClient, replies: Replies, reply: bytes) -> None:
    """From nothing to a body that is not JSON."""
    replies.reply = reply

    check(raw_client.jobs.get(JOB_ID))


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
@settings(max_examples=EXAMPLES)
@given(body=JSON, status=st.sampled_from([200, 201, 202, 400, 401, 403, 404, 409, 422, 429, 500, 503]))
def test_any_json_as_a_body(client: FluxbaseClient, server: LocalServer, verb: str, body: Any, status: int) -> None:
    """With any status."""
    server.answers.clear()
    server.answer(Answer(status, body))

    check(VERBS[verb][0](client))


def type_of(value: object) -> object:
    """The class of a value."""
    return type(value)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values inside a value, itself included."""
    yield path
    kind = type_of(value)
    inner: Any = value.items() if kind is dict else enumerate(value) if kind is list else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with another one at a path."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_value_in_any_field(client: FluxbaseClient, server: LocalServer, verb: str, data: st.DataObject) -> None:
    """Of an answer that is right otherwise."""
    call, body = VERBS[verb]
    body = json.loads(json.dumps(body))
    path = data.draw(st.sampled_from(list(places(body))))
    server.answers.clear()
    server.answer(Answer(200, replaced(body, path, data.draw(JSON))))

    check(call(client))


def test_the_answers_are_understood(replies: Replies) -> None:
    """So that what is spoiled was good."""
    for name, (call, body) in VERBS.items():
        replies.reply = whole(json.dumps(body).encode())
        with FluxbaseClient(f"http://127.0.0.1:{replies.port}", "eyJ.a-token", retry=None, realtime=False) as client:
            result = call(client)
        assert result.ok or name in {"cancel", "retry"}, (name, result)
