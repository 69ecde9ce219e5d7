"""Connections that send their requests slowly, or only in part, are closed after a while and harm nobody."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.support.servers.emulator_in_process import HANDLERS, Program, program
from tests.support.sockets import socket as connected_socket

CONNECTIONS: Final = 500
HEADS: Final = (
    b"",
    b"POST /api/v1/jobs/submit HTTP/1.1\r\nhost: localhost\r\n",
    b"POST /api/v1/jobs/submit HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{",
    b"POST /api/v1/jobs/submit HTTP/1.1\r\nhost: localhost\r\nidempotency-key: k\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nGET /health HTTP/1.1\r\nhost: ",
)
"""Nothing, half a head, half a body, a part of a chunked body, and half of a second request."""
NEXT_BYTES: Final = (b"", b"x", b"x", b"1\r\nx\r\n", b"x")
MEBIBYTE: Final = 2**20


@pytest.fixture
def started() -> Iterator[Program]:
    """An emulator of its own."""
    with program("--functions", HANDLERS) as running:
        yield running


def resident(program: Program) -> int:
    """The memory of the emulator in bytes."""
    pages = Path(f"/proc/{program.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def opened(program: Program) -> list[socket.socket]:
    """Many connections, each with a part of a request."""
    address = urlsplit(program.running.url)
    sockets = [socket.create_connection((address.hostname, address.port or 80)) for _ in range(CONNECTIONS)]
    for number, each in enumerate(sockets):
        each.sendall(HEADS[number % len(HEADS)])
        each.setblocking(False)
    return sockets


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not closed it."""
    with contextlib.suppress(BlockingIOError):
        try:
            while part := connection.recv(4096):
                assert part
        except ConnectionError:
            return False
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is read from /proc")
def test_five_hundred_slow_connections_are_closed_and_others_are_answered(started: Program) -> None:
    """A byte a second is less than a request must bring, so after 20 seconds and a few more all are closed."""
    with started.running.client() as client:
        client.queue("echo")
        before = resident(started)
        sockets = opened(started)
        seconds = 0
        while (left := [number for number, each in enumerate(sockets) if is_open(each)]) and seconds < 60:
            for number in left:
                with contextlib.suppress(OSError):
                    sockets[number].send(NEXT_BYTES[number % len(NEXT_BYTES)])
            assert client.submit("echo").status_code == 201
            assert client.get("/api/v1/jobs").status_code == 200
            time.sleep(1)
            seconds += 1
        grown = resident(started) - before
        for each in sockets:
            each.close()

        assert not left
        assert grown < 30 * MEBIBYTE
        assert client.submit("echo").status_code == 201


@pytest.mark.slow
def test_a_slow_upload_that_keeps_up_is_read(started: Program) -> None:
    """It takes longer than a request may take that brings nothing."""

    def body() -> Iterator[bytes]:
        yield b'{"job_name": "echo", "payload": {"text": "'
        for _ in range(25):
            yield b"x" * 1000
            time.sleep(1)
        yield b'"}}'

    headers = {"authorization": f"Bearer {started.running.user_key}", "content-type": "application/json"}
    answer = httpx.post(f"{started.running.url}/api/v1/jobs/submit", content=body(), headers=headers, timeout=60)

    assert answer.status_code == 201


@pytest.mark.slow
def test_a_quiet_websocket_stays_open(started: Program) -> None:
    """It is no request that comes too slowly: waits and logs would lose their socket three times a minute."""
    with connected_socket(started.running) as opened:
        assert opened.subscribe_logs(str(uuid4()))["type"] == "error"
        time.sleep(25)

        assert opened.subscribe_logs(str(uuid4()))["type"] == "error"
