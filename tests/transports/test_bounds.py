"""The bounds of a request: its time, its size, and that only its own response is read. Each over a real socket."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, InvalidResponse, NotFound, RequestTimeout

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer, raw_server
from tests.support.styles import Connect

transport = every_transport

SECRET: Final = "eyJ.a-token-of-the-server"
OTHER_ID: Final = JOB_ID[:-1] + "0"
Script = Callable[[socket.socket], None]


def response(body: bytes, head: str = "", status: int = 200) -> bytes:
    """A complete response."""
    return f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body


def job_response(job_id: str) -> bytes:
    """A complete response with this job."""
    return response(Answer(200, {**job(), "id": job_id}).content())


def read_request(connection: socket.socket) -> bytes:
    """A request without a body."""
    data = b""
    while not data.endswith(b"\r\n\r\n") and (more := connection.recv(65_536)):
        data += more
    return data


def slow_head(connection: socket.socket) -> None:
    """A byte each 50 ms: complete only after seconds, while each single read is quick."""
    read_request(connection)
    for position in range(len(whole := job_response(JOB_ID))):
        connection.sendall(whole[position : position + 1])
        time.sleep(0.05)


def informational_without_end(connection: socket.socket) -> None:
    """102 Processing each 50 ms, for three seconds, and then the job."""
    read_request(connection)
    for _ in range(60):
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
        time.sleep(0.05)
    connection.sendall(job_response(JOB_ID))


@pytest.mark.parametrize("script", [slow_head, informational_without_end])
def test_timeout_bounds_the_whole_response(connect: Connect, script: Script) -> None:
    """However it trickles: a client that gave each read its own time would return the job."""
    with raw_server(script) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=0.3).jobs.get(JOB_ID).error

    assert isinstance(error, RequestTimeout)


def slow_reader(connection: socket.socket) -> None:
    """Reads 4 KiB each 20 ms, up to the end of 300 kB, and answers then."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    received = 0
    while received < 300_000 and (more := connection.recv(4096)):
        received += len(more)
        time.sleep(0.02)
    connection.sendall(job_response(JOB_ID))


def test_timeout_bounds_the_upload(connect: Connect) -> None:
    """A server that takes a payload in slowly does not hold the call beyond its time."""
    with raw_server(slow_reader) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None, timeout=0.3).jobs.submit("resize", {"text": "x" * 300_000}).error

    assert isinstance(error, RequestTimeout)


@pytest.fixture(params=["default", "http_client"])
def bounded(request: pytest.FixtureRequest, connect: Connect, server: LocalServer) -> FluxbaseClient:
    """A client of the local server over our own connections, and over an httpx client of the user's."""
    options: dict[str, Any] = {} if request.param == "default" else {"http_client": connect.http()}
    return connect(server.url, retry=None, **options)


def test_a_compressed_bomb_is_stopped_at_the_limit(bounded: FluxbaseClient, server: LocalServer) -> None:
    """A few kB that decompress to more than 64 MiB."""
    server.answer(Answer(200, gzip.compress(b"0" * (70 * 2**20)), {"content-encoding": "gzip"}))

    error = bounded.jobs.get(JOB_ID).error

    assert isinstance(error, InvalidResponse)
    assert "longer than 64 MiB" in error.message


def test_the_body_of_an_error_has_a_lower_limit(bounded: FluxbaseClient, server: LocalServer) -> None:
    """It is kept in the error's details."""
    server.answer(Answer(500, b'{"error": "' + b"x" * 2**21 + b'"}'))

    assert isinstance(bounded.jobs.get(JOB_ID).error, InvalidResponse)


def endless(connection: socket.socket) -> None:
    """A body of up to 200 MB, in chunks."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(200):
        connection.sendall(b"f4240\r\n" + b" " * 1_000_000 + b"\r\n")
    connection.sendall(b"0\r\n\r\n")


def test_an_endless_body_is_stopped_at_the_limit(connect: Connect) -> None:
    """Counted piece by piece, not when all of it is in memory."""
    with raw_server(endless) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None).jobs.get(JOB_ID).error

    assert isinstance(error, InvalidResponse)


TWO_RESPONSES: Final[dict[str, bytes]] = {
    "of a length": job_response(JOB_ID) + job_response(OTHER_ID),
    "in chunks": b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n"
    + b"%x\r\n%s\r\n0\r\n\r\n" % (len(Answer(200, job()).content()), Answer(200, job()).content())
    + job_response(OTHER_ID),
    "without a body": b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n" + job_response(OTHER_ID),
}


@pytest.mark.parametrize("kind", TWO_RESPONSES)
def test_a_second_response_is_not_taken_for_that_of_the_next_request(connect: Connect, kind: str) -> None:
    """After a response nothing may be left on the connection; if something is, the next request goes over another one."""
    connections: list[int] = []

    def two_at_once(connection: socket.socket) -> None:
        connections.append(1)
        read_request(connection)
        connection.sendall(TWO_RESPONSES[kind] if len(connections) == 1 else job_response(JOB_ID))
        read_request(connection)

    with raw_server(two_at_once) as port:
        client = connect(f"http://127.0.0.1:{port}", retry=None)
        client.jobs.get(JOB_ID)
        second = client.jobs.get(JOB_ID).unwrap()

    assert second.id == JOB_ID
    assert len(connections) == 2


@pytest.mark.parametrize(
    "answer",
    [
        f"{SECRET} nonsense\r\n\r\n".encode(),
        f"HTTP/1.1 200 X\r\n{SECRET}\r\n\r\n".encode(),
        f"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
        f"HTTP/1.1 200 X\r\ncontent-length: {SECRET}\r\n\r\n".encode(),
    ],
)
def test_malformed_http_is_told_by_its_kind(connect: Connect, answer: bytes) -> None:
    """Never by the server's bytes, which may hold a token."""

    def malformed(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    with raw_server(malformed) as port:
        error = connect(f"http://127.0.0.1:{port}", retry=None).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert "RemoteProtocolError" in error.message
    assert SECRET not in f"{error} {error!r} {error.hint} {error.details}"


def test_a_response_after_an_informational_one_keeps_the_connection(connect: Connect) -> None:
    """The heads of 103 are no surplus."""
    connections: list[int] = []

    def early_hints(connection: socket.socket) -> None:
        connections.append(1)
        while read_request(connection):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + job_response(JOB_ID))

    with raw_server(early_hints) as port:
        client = connect(f"http://127.0.0.1:{port}", retry=None)
        assert [client.jobs.get(JOB_ID).ok for _ in range(3)] == [True] * 3

    assert len(connections) == 1


def refuse(response: httpx.Response) -> None:
    """A hook that many programs have."""
    response.raise_for_status()


def test_a_hook_that_refuses_errors_does_not_hide_them(server: LocalServer) -> None:
    """`raise_for_status` in a user's httpx client: the answer is still read."""
    server.answer(Answer(404, {"error": "Job not found"}))

    with httpx.Client(event_hooks={"response": [refuse]}) as http, FluxbaseClient(server.url, http_client=http, retry=None) as client:
        error = client.jobs.get(JOB_ID).error

    assert isinstance(error, NotFound)


def test_a_hook_that_reads_and_refuses_a_long_error_does_not_raise(connect: Connect, server: LocalServer) -> None:
    """What it has read is longer than an error may be."""
    server.answer(Answer(500, b"x" * 3_000_000))

    async def read_and_refuse(response: httpx.Response) -> None:
        await response.aread()
        refuse(response)

    def refuse_read(response: httpx.Response) -> None:
        response.read()
        refuse(response)

    hook = refuse_read if connect.style == "sync" else read_and_refuse
    error = connect(server.url, http_client=connect.http(event_hooks={"response": [hook]})).jobs.get(JOB_ID).error

    assert isinstance(error, InvalidResponse)


def test_a_given_http_client_keeps_its_timeout(connect: Connect, server: LocalServer) -> None:
    """Where the call and the client name none."""
    server.answer(Answer(200, job(), delay=1.0))

    error = connect(server.url, retry=None, http_client=connect.http(timeout=0.1)).jobs.get(JOB_ID).error

    assert isinstance(error, RequestTimeout)


def test_a_given_http_client_keeps_its_user_agent(connect: Connect, server: LocalServer) -> None:
    """And has ours where it names none."""
    server.answer(Answer(200, job()))

    connect(server.url, http_client=connect.http(headers={"user-agent": "resizer/7"})).jobs.get(JOB_ID).unwrap()
    connect(server.url, http_client=connect.http()).jobs.get(JOB_ID).unwrap()

    agents = [request.headers["user-agent"] for request in server.requests]
    assert agents[0] == "resizer/7"
    assert agents[1].startswith("fluxbase-jobs/")
