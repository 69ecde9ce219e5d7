"""Connection failures become results: connections that are refused, break off, or never end."""

from __future__ import annotations

import socket
import ssl
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import pytest
import trustme
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, InvalidInput, InvalidResponse, RequestTimeout

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, call_all_verbs, call_verb, job
from tests.support.servers.local_server import Answer, LocalServer, raw_server
from tests.support.styles import Connect

transport = every_transport

SHORT: Final = 0.1
"""A timeout, in seconds."""
LONG: Final = 20.0
"""Seconds after which nobody waits any more, however busy the machine is."""


@contextmanager
def tls_server(script: Callable[[ssl.SSLSocket], None], authority: trustme.CA) -> Generator[int]:
    """Serves TLS on a loopback port with a certificate of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert("127.0.0.1")
    certificate.configure_cert(context)

    def converse(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            script(secured)

    with raw_server(converse) as port:
        yield port


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that only clients with its certificate trust."""
    return trustme.CA()


def trusting_context(authority: Any) -> ssl.SSLContext:
    """A TLS context that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("fault", ["drop before reading", "drop after reading"])
def test_dropped_connection(connect: Connect, server: LocalServer, fault: Any) -> None:
    """There is no status; one request was sent, and the call may be retried."""
    server.answer(Answer(fault=fault))

    for verb, result in call_all_verbs(connect, server.url):
        error = result.error
        assert (verb, type(error)) == (verb, ConnectionFailed)
        assert error is not None
        assert (error.status, error.request_id, error.attempts, error.retryable) == (None, None, 1, True)
        assert (result.meta.status, result.meta.request_id, dict(result.meta.headers), result.meta.attempts) == (None, None, {}, 1)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_truncated_body_is_a_connection_failure(client: FluxbaseClient, server: LocalServer, status: int) -> None:
    """Even of an error response."""
    server.answer(Answer(status, job(), fault="half a body"))

    _, error = client.jobs.get(JOB_ID)

    assert type(error) is ConnectionFailed
    assert (error.job_id, error.retryable) == (JOB_ID, True)


def test_refused_connection(connect: Connect) -> None:
    """No server listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    for verb, result in call_all_verbs(connect, url):
        assert (verb, type(result.error)) == (verb, ConnectionFailed)
        assert result.error is not None
        assert (result.error.status, result.error.attempts, result.error.retryable) == (None, 1, True)


def test_https_url_of_an_http_server(connect: Connect, server: LocalServer) -> None:
    """The TLS handshake fails."""
    result = call_verb(connect, "get", server.url.replace("http", "https"))

    assert type(result.error) is ConnectionFailed
    assert (result.error.attempts, server.requests) == (1, [])


def test_untrusted_certificate(connect: Connect, authority: trustme.CA) -> None:
    """The message says what is wrong, and the server receives nothing."""
    heard: list[bytes] = []
    with tls_server(lambda secured: heard.append(secured.recv(65536)), authority) as port:
        result = call_verb(connect, "get", f"https://127.0.0.1:{port}")

    assert type(result.error) is ConnectionFailed
    assert "certificate" in result.error.message.lower()
    assert heard == []


def test_trusted_certificate(connect: Connect, authority: trustme.CA) -> None:
    """With an httpx client that trusts it."""

    def answer(secured: ssl.SSLSocket) -> None:
        secured.recv(65536)
        content = Answer(200, job()).content()
        secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(content), content))

    with tls_server(answer, authority) as port:
        result = call_verb(connect, "get", f"https://127.0.0.1:{port}", http_client=connect.http(verify=trusting_context(authority)))

    assert result.unwrap().id == JOB_ID


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"])
def test_broken_tls_record(connect: Connect, authority: trustme.CA, start: bytes) -> None:
    """A record that cannot be decrypted, before and within the response."""

    def answer(secured: ssl.SSLSocket) -> None:
        secured.recv(65536)
        secured.sendall(start)
        with socket.socket(fileno=secured.detach()) as plain:
            plain.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
            plain.recv(65536)

    with tls_server(answer, authority) as port:
        result = call_verb(connect, "get", f"https://127.0.0.1:{port}", http_client=connect.http(verify=trusting_context(authority)))

    assert type(result.error) is ConnectionFailed
    assert result.error.attempts == 1


NO_HTTP: Final = {
    "nothing": b"",
    "no status line": b"junk\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "a header that is none": b"HTTP/1.1 200 OK\r\n\x00bad\r\n\r\n",
    "a length below zero": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\n\r\n",
    "a chunk that is none": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", NO_HTTP)
def test_response_that_is_not_http(connect: Connect, name: str) -> None:
    """Another service listens on the port."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(NO_HTTP[name])

    with raw_server(answer) as port:
        result = call_verb(connect, "get", f"http://127.0.0.1:{port}")

    assert type(result.error) is ConnectionFailed
    assert result.error.attempts == 1


def test_unexpected_protocol_switch(connect: Connect, server: LocalServer) -> None:
    """A 101 is an error."""
    server.answer(Answer(101))

    result = call_verb(connect, "get", server.url)

    assert isinstance(result.error, ConnectionFailed | InvalidResponse)


def test_response_timeout(connect: Connect, server: LocalServer) -> None:
    """The request may have been handled; the message names the seconds."""
    server.answer(Answer(200, delay=LONG))

    for verb, result in call_all_verbs(connect, server.url, timeout=SHORT):
        error = result.error
        assert (verb, type(error)) == (verb, RequestTimeout)
        assert error is not None
        assert (error.status, error.attempts, error.retryable, result.meta.status) == (None, 1, True, None)
        assert f"{SHORT:g} s" in error.message


def test_timeout_of_a_call_replaces_that_of_the_client(connect: Connect, server: LocalServer) -> None:
    """For this call only."""
    server.answer(Answer(200, delay=LONG), Answer(200, job()))
    client = connect(server.url, "k", timeout=timedelta(seconds=30))

    assert isinstance(client.jobs.get(JOB_ID, timeout=timedelta(seconds=SHORT)).error, RequestTimeout)
    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID


@pytest.mark.parametrize(
    "timeout", [1e10, 1e300, 10**400, timedelta.max, 5e-324], ids=["1e10", "1e300", "10**400", "timedelta.max", "5e-324"]
)
def test_extreme_timeouts_never_raise(client: FluxbaseClient, server: LocalServer, timeout: Any) -> None:
    """Beyond the range of sockets: a response, a timeout or an error value."""
    server.answer(Answer(200, job()))

    _, error = client.jobs.get(JOB_ID, timeout=timeout)

    assert error is None or isinstance(error, InvalidInput | RequestTimeout)


def heads() -> Iterator[bytes]:
    """An endless response head."""
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"x-more: to come\r\n"


def announcements() -> Iterator[bytes]:
    """Endless informational responses."""
    while True:
        yield b"HTTP/1.1 102 Processing\r\n\r\n"


def spaces() -> Iterator[bytes]:
    """An endless JSON body."""
    yield b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
    while True:
        yield b" "


def empty_blocks() -> Iterator[bytes]:
    """A compressed body that never ends and decompresses to nothing."""
    yield b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
    block = zlib.compressobj(wbits=31).flush(zlib.Z_SYNC_FLUSH)
    while True:
        yield b"%x\r\n%s\r\n" % (len(block), block)
        block = b"\x00\x00\x00\xff\xff"


def trailers() -> Iterator[bytes]:
    """A complete body with endless trailers."""
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    while True:
        yield b"x-more: to come\r\n"


@pytest.mark.parametrize("pieces", [heads, announcements, spaces, empty_blocks, trailers])
def test_endless_response_ends_at_the_timeout(connect: Connect, pieces: Callable[[], Iterator[bytes]]) -> None:
    """Every single read is fast; the timeout covers the whole request.

    The sync client can only check the time between the pieces of a body, because httpx reads everything around them at once.
    """
    in_pieces = pieces is spaces or connect.style == "async"

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        for _, piece in zip(range(20), pieces(), strict=False):
            connection.sendall(piece)
            time.sleep(SHORT / 4)

    with raw_server(answer) as port:
        result = call_verb(connect, "get", f"http://127.0.0.1:{port}", timeout=SHORT)

    assert type(result.error) is RequestTimeout if in_pieces else isinstance(result.error, RequestTimeout | ConnectionFailed)
    assert result.error is not None
    assert (result.error.attempts, result.error.retryable) == (1, True)


def test_slow_response_within_the_timeout_is_read(client: FluxbaseClient, server: LocalServer) -> None:
    """Ten pieces make one body."""
    server.answer(Answer(200, job(), pieces=10, delay=0.01))

    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID
