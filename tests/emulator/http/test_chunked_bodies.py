"""Chunked bodies have no announced size: they are read up to a bound, and only after the credentials."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.support.servers.emulator_in_process import program

MEGABYTE = b" " * (1024 * 1024)


@pytest.fixture(scope="module")
def service() -> Iterator[httpx.Client]:
    """A client with the service key of an emulator of its own."""
    with (
        program() as started,
        httpx.Client(
            base_url=started.running.url, headers={"authorization": f"Bearer {started.running.service_key}"}, timeout=60
        ) as client,
    ):
        yield client


def send(client: httpx.Client, megabytes: int, **headers: str) -> httpx.Response:
    """Submit a chunked body of this size."""
    return client.post("/api/v1/jobs/submit", content=(MEGABYTE for _ in range(megabytes)), headers=headers)


def test_chunked_body_over_the_servers_limit_is_read(service: httpx.Client) -> None:
    """The real server checks `Content-Length` only, so two megabytes in chunks reach the route."""
    assert send(service, 2).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"idempotency-key": "k"}])
def test_chunked_body_over_the_bound_is_refused(service: httpx.Client, headers: dict[str, str]) -> None:
    """Also with an idempotency key, whose body is read before the credentials."""
    answer = send(service, 17, **headers)

    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_credentials_come_first(service: httpx.Client) -> None:
    """Of a caller without a valid credential no body is kept."""
    assert send(service, 2, authorization="Bearer wrong").status_code == 401


def test_a_request_with_two_lengths_is_refused_and_the_last_of_its_connection(service: httpx.Client) -> None:
    """A proxy before the emulator may have believed the other length: what follows could be another caller's request, or part of one."""
    follower = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
    request = b"POST /api/v1/jobs/submit HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"
    with socket.create_connection((service.base_url.host, service.base_url.port or 80), timeout=20) as connection:
        connection.sendall(request + follower)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
