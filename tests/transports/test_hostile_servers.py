"""What a server may do to a client, over a real socket: each call ends in time, with a documented error that quotes nothing of it."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest
import trio
from fluxbase_jobs import AsyncFluxbaseClient, ConnectionFailed, FluxbaseError, InvalidResponse, RequestTimeout

from tests.support.every_transport import every_way
from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer, raw_server
from tests.support.styles import Connect

transport = every_way

SECRET: Final = "eyJ.a-token-of-the-server"
OTHER_ID: Final = JOB_ID[:-1] + "0"
CONTENT: Final = Answer(200, job()).content()
OTHER_CONTENT: Final = Answer(200, {**job(), "id": OTHER_ID}).content()
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
WHOLE: Final = HEAD + b"content-length: %d\r\n\r\n%s" % (len(CONTENT), CONTENT)
OTHER: Final = HEAD + b"content-length: %d\r\n\r\n%s" % (len(OTHER_CONTENT), OTHER_CONTENT)
CHUNKED: Final = HEAD + b"transfer-encoding: chunked\r\n\r\n"
FOR_SECONDS: Final = 3.0
"""For so long a slow server sends, and completes its response then: a client that keeps its deadline never sees that."""


def read_request(connection: socket.socket) -> bytes:
    """A request, whose body is short or none."""
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65_536)):
        data += more
    return data


def slowly(connection: socket.socket, start: bytes, pieces: Iterable[bytes], end: bytes) -> None:
    """Send the start, the pieces spread over seconds, and the end."""
    read_request(connection)
    connection.sendall(start)
    parts = list(pieces)
    for piece in parts:
        time.sleep(FOR_SECONDS / len(parts))
        connection.sendall(piece)
    connection.sendall(end)


def bytewise(data: bytes) -> list[bytes]:
    """60 of its bytes, one by one."""
    return [data[position : position + 1] for position in range(60)]


SLOW: Final[dict[str, tuple[bytes, list[bytes], bytes]]] = {
    "body": (WHOLE[:-70], bytewise(WHOLE[-70:]), WHOLE[-10:]),
    "body until the end of the connection": (HEAD + b"\r\n", bytewise(CONTENT), CONTENT[60:]),
    "chunks": (
        CHUNKED,
        [b"1\r\n%s\r\n" % byte for byte in bytewise(CONTENT)],
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(CONTENT) - 60, CONTENT[60:]),
    ),
    "silence": (b"", [b""], WHOLE),
}


@pytest.mark.parametrize("kind", SLOW)
def test_slow_bodies_end_at_the_deadline(connect: Connect, kind: str) -> None:
    """Each byte comes soon after the one before, and the whole after seconds."""
    with raw_server(lambda connection: slowly(connection, *SLOW[kind])) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=0.25).jobs.get(JOB_ID).error

    assert isinstance(error, RequestTimeout)


SLOW_HEADS: Final[dict[str, tuple[bytes, list[bytes], bytes]]] = {
    "head": (b"", bytewise(WHOLE), WHOLE[60:]),
    "informational responses": (b"", [b"HTTP/1.1 102 Processing\r\n\r\n"] * 60, WHOLE),
    "chunk line": (CHUNKED, [b"0"] * 15, b"0\r\n\r\n"),
    "trailer": (CHUNKED + b"%x\r\n%s\r\n0\r\n" % (len(CONTENT), CONTENT), [b"x: y\r\n"] * 30, b"\r\n"),
}


@pytest.mark.parametrize("kind", SLOW_HEADS)
def test_slow_heads_end_at_the_deadline(connect: Connect, kind: str) -> None:
    """As bodies do, but for a sync client of the user's: httpx reads these in one go."""
    if connect.style == "sync" and connect.transport in {"http_client", "httpx2"}:
        pytest.skip("docs/transports.md names it")
    with raw_server(lambda connection: slowly(connection, *SLOW_HEADS[kind])) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=0.25).jobs.get(JOB_ID).error

    assert isinstance(error, RequestTimeout)


def silent(connection: socket.socket) -> None:
    """Answer nothing, not even the start of TLS."""
    while connection.recv(65_536):
        pass


def test_a_handshake_without_end_ends_at_the_deadline(connect: Connect) -> None:
    """TLS is part of the request's time."""
    if connect.style == "async" and connect.transport in {"http_client", "httpx2"}:
        pytest.skip("anyio leaves the socket of a cancelled handshake to the garbage collector, which warns")
    with raw_server(silent) as port:
        error = connect(f"https://127.0.0.1:{port}", retry=None, timeout=0.25).jobs.get(JOB_ID).error

    assert isinstance(error, RequestTimeout)


def endless(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    """Sends the piece again and again, 300 MB of it at most."""

    def send(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        for _ in range(300_000_000 // len(piece)):
            connection.sendall(piece)

    return send


def compressed(encoding: str, data: bytes) -> bytes:
    """A complete response with this encoding."""
    return HEAD + f"content-encoding: {encoding}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data


def fixed(response: bytes) -> Callable[[socket.socket], None]:
    """Answers with this, and waits for the client to leave."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(response)
        silent(connection)

    return answer


ZEROS: Final = b"0" * (70 * 2**20)
TOO_LONG: Final[dict[str, Callable[[socket.socket], None]]] = {
    "until the end of the connection": endless(HEAD + b"\r\n", b" " * 2**20),
    "of a length": endless(HEAD + b"content-length: 300000000\r\n\r\n", b" " * 2**20),
    "gzip": fixed(compressed("gzip", gzip.compress(ZEROS, 1))),
    "deflate": fixed(compressed("deflate", zlib.compress(ZEROS, 1))),
}


@pytest.mark.parametrize("kind", TOO_LONG)
def test_bodies_are_read_up_to_their_limit(connect: Connect, kind: str) -> None:
    """64 MiB, counted as they come and as they are decompressed."""
    with raw_server(TOO_LONG[kind]) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=20).jobs.get(JOB_ID).error

    assert isinstance(error, InvalidResponse)
    assert "longer than 64 MiB" in error.message


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x-unknown", "gzip"])
def test_encodings_that_were_not_requested(connect: Connect, encoding: str) -> None:
    """What is in such a body is not known; its bytes are not quoted as text of the server."""
    with raw_server(fixed(compressed(encoding, b"\x1f\x8b" + b"\xff" * 100))) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=20).jobs.get(JOB_ID).error

    assert isinstance(error, InvalidResponse)


MALFORMED: Final[dict[str, bytes]] = {
    "nothing of HTTP": f"{SECRET} nonsense\r\n\r\n".encode(),
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + SECRET.encode() * 20,
    "a status that is none": f"HTTP/1.1 2x0 {SECRET}\r\n\r\n".encode(),
    "a status of four digits": f"HTTP/1.1 2000 {SECRET}\r\n\r\n".encode(),
    "a version that is none": f"HTTP/x.1 200 {SECRET}\r\n\r\n".encode(),
    "a header without a colon": f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode(),
    "a header with a NUL": f"HTTP/1.1 200 OK\r\nx: {SECRET}\0\r\n\r\n".encode(),
    "a length that is none": f"HTTP/1.1 200 OK\r\ncontent-length: {SECRET}\r\n\r\n".encode(),
    "a length beyond all": b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 30 + b"\r\n\r\n",
    "different lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "a chunk that is none": CHUNKED + f"{SECRET}\r\n".encode(),
    "a chunk longer than its length": CHUNKED + f"1\r\n{SECRET}\r\n0\r\n\r\n".encode(),
    "headers of 300 kB": b"HTTP/1.1 200 OK\r\n" + (f"x: {SECRET}\r\n".encode() + b"y" * 0) * 10_000 + b"\r\n",
    "a header of 300 kB": b"HTTP/1.1 200 OK\r\nx: " + SECRET.encode() * 12_000 + b"\r\n\r\n",
    "an end within the head": f"HTTP/1.1 200 OK\r\nx: {SECRET}".encode(),
    "an end within the body": HEAD + f"content-length: 1000\r\n\r\n{SECRET}".encode(),
    "an end within a chunk": CHUNKED + f"3e8\r\n{SECRET}".encode(),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_responses_are_told_by_their_kind(connect: Connect, kind: str) -> None:
    """Never by the server's bytes, which may hold a token."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(MALFORMED[kind])

    with raw_server(answer) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=5).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert error.retryable
    assert SECRET not in f"{error} {error!r} {error.hint} {error.details}"


UNUSUAL: Final[dict[str, bytes]] = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + CONTENT,
    "no reason": b"HTTP/1.1 200\r\ncontent-length: %d\r\n\r\n%s" % (len(CONTENT), CONTENT),
    "a reason outside ASCII": b"HTTP/1.1 200 gr\xfc\xdfe\r\ncontent-length: %d\r\n\r\n%s" % (len(CONTENT), CONTENT),
    "blanks around values": b"HTTP/1.1 200 OK\r\ncontent-length:\t %d \t\r\n\r\n%s" % (len(CONTENT), CONTENT),
    "the same length twice": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\ncontent-length: %d\r\n\r\n%s"
    % (len(CONTENT), len(CONTENT), CONTENT),
    "an extension of a chunk, and a trailer": CHUNKED + b"%x;a=b\r\n%s\r\n0\r\nx: y\r\n\r\n" % (len(CONTENT), CONTENT),
    "upper case": b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n%X\r\n%s\r\n0\r\n\r\n" % (len(CONTENT), CONTENT),
    "early hints": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + WHOLE,
    "100 headers": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 98 + b"content-length: %d\r\n\r\n%s" % (len(CONTENT), CONTENT),
}


@pytest.mark.parametrize("kind", UNUSUAL)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_unusual_responses_are_read(connect: Connect, kind: str, size: int) -> None:
    """Whatever pieces they come in."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(UNUSUAL[kind]), size):
            connection.sendall(UNUSUAL[kind][start : start + size])

    with raw_server(answer) as port:
        found = connect(f"http://127.0.0.1:{port}", retry=None, timeout=20).jobs.get(JOB_ID)

    assert found.unwrap().id == JOB_ID


@pytest.mark.parametrize("surplus", [OTHER, b"x", OTHER[:20], b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_what_comes_after_a_response_is_no_answer_to_the_next_request(connect: Connect, surplus: bytes) -> None:
    """It came before that request was sent, so it belongs to none."""
    sent, connections = threading.Event(), list[int]()

    def answer(connection: socket.socket) -> None:
        connections.append(1)
        first = len(connections) == 1
        read_request(connection)
        connection.sendall(WHOLE)
        if first:
            time.sleep(0.05)
            connection.sendall(surplus)
            sent.set()
        while read_request(connection):
            connection.sendall(WHOLE)

    with raw_server(answer) as port:
        client = connect(f"http://127.0.0.1:{port}", retry=None, timeout=5)
        assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID
        assert sent.wait(5)
        time.sleep(0.05)
        assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID


def test_a_long_payload_arrives(connect: Connect, server: LocalServer) -> None:
    """It is written in pieces."""
    server.answer(Answer(201, job()))

    connect(server.url, retry=None).jobs.submit("resize", {"text": "x" * 900_000}).unwrap()

    assert len(server.requests[0].body) > 900_000


def test_an_answer_that_comes_before_the_upload_has_ended(connect: Connect) -> None:
    """A server that refuses a payload by its length need not read it."""

    def refuse(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 413 X\r\ncontent-length: 20\r\nconnection: close\r\n\r\n" + b'{"error":"too long"}')
        connection.shutdown(socket.SHUT_WR)
        silent(connection)

    with raw_server(refuse) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=5).jobs.submit("resize", {"text": "x" * 900_000}).error

    assert error is not None
    assert error.status == 413


def read_under_trio(script: Callable[[socket.socket], None], count: int = 1, timeout: float = 10) -> list[Any]:
    """The results of some reads, one after the other, of a client under trio."""

    async def read(port: int) -> list[Any]:
        async with AsyncFluxbaseClient(f"http://127.0.0.1:{port}", retry=None, timeout=timeout) as client:
            return [await client.jobs.get(JOB_ID) for _ in range(count)]

    with raw_server(script) as port:
        return trio.run(read, port)


@pytest.mark.parametrize("kind", [SLOW["chunks"], SLOW_HEADS["head"]])
def test_slow_responses_under_trio(kind: tuple[bytes, list[bytes], bytes]) -> None:
    """They end at the deadline."""
    (result,) = read_under_trio(lambda connection: slowly(connection, *kind), timeout=0.5)

    assert isinstance(result.error, RequestTimeout)


TRIO_ERRORS: Final[list[tuple[Callable[[socket.socket], None], type[FluxbaseError]]]] = [
    (fixed(MALFORMED["a header with a NUL"]), ConnectionFailed),
    (fixed(compressed("gzip", gzip.compress(b"0" * (65 * 2**20), 1))), InvalidResponse),
    (endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000), InvalidResponse),
]


@pytest.mark.parametrize(("script", "kind"), TRIO_ERRORS)
def test_the_same_under_trio(script: Callable[[socket.socket], None], kind: type[FluxbaseError]) -> None:
    """Where requests go through httpcore."""
    (result,) = read_under_trio(script)

    assert isinstance(result.error, kind)


@pytest.mark.parametrize("first", [WHOLE + OTHER, CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(CONTENT), CONTENT) + OTHER])
def test_two_responses_under_trio(first: bytes) -> None:
    """The second one is no answer to the next request."""
    connections: list[int] = []

    def answer(connection: socket.socket) -> None:
        connections.append(1)
        read_request(connection)
        connection.sendall(first if len(connections) == 1 else WHOLE)
        silent(connection)

    assert [result.unwrap().id for result in read_under_trio(answer, 2)] == [JOB_ID] * 2
    assert len(connections) == 2


@pytest.mark.parametrize("first", [WHOLE + OTHER, CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(CONTENT), CONTENT) + OTHER, WHOLE + b"x"])
def test_what_comes_with_a_response_is_no_answer_to_the_next_request(connect: Connect, first: bytes) -> None:
    """Whoever reads the response has read the surplus with it: nothing is left in the socket that would show it."""
    connections = list[int]()

    def answer(connection: socket.socket) -> None:
        connections.append(1)
        read_request(connection)
        connection.sendall(first if len(connections) == 1 else WHOLE)
        silent(connection)

    with raw_server(answer) as port:
        client = connect(f"http://127.0.0.1:{port}", retry=None, timeout=5)
        assert [client.jobs.get(JOB_ID).unwrap().id for _ in range(2)] == [JOB_ID] * 2

    assert len(connections) == 2


def test_informational_responses_without_end(connect: Connect) -> None:
    """As fast as they go: the heads of one response have a limit together."""
    if connect.transport != "httpcore":
        pytest.skip("only the deadline bounds them there")
    with raw_server(endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=5).jobs.get(JOB_ID).error

    assert isinstance(error, InvalidResponse)
