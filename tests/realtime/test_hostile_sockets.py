"""What a server may do to a client over the WebSocket: the waits hold, and nothing of it is shown, kept without bound or sent elsewhere."""

from __future__ import annotations

import json
import logging
import socket
from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient
from fluxbase_jobs._realtime import protocol
from fluxbase_jobs._realtime.subscriptions import MAX_HEARD_CHARACTERS, HeardLines, Registry

from tests.realtime.test_following import after, ending, meanwhile, subscribed, until
from tests.support.sample_responses import job
from tests.support.servers.local_server import raw_server
from tests.support.servers.realtime_server import RealtimeServer, token
from tests.support.styles import Connect

SECRET: Final = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0aWdlciJ9.dGlnZXI"
ALIEN: Final = "0c0ffee0-0000-4000-8000-000000000001"


def change(record: str) -> str:
    """A change of a job, whose record is this JSON."""
    return f'{{"type": "postgres_changes", "payload": {{"type": "UPDATE", "schema": "jobs", "table": "queue", "record": {record}}}}}'


def log_line(job_id: str, message: str, number: int = 1) -> str:
    """A line of a job's log."""
    line = {"execution_id": job_id, "line_number": number, "level": "info", "message": message, "timestamp": "2026-11-23T17:44:05Z"}
    return json.dumps({"type": "execution_log", "payload": line})


UNREADABLE: Final = {
    "a lone surrogate": change(r'{"id": "x", "progress": {"message": "\ud800"}}'),
    "a deep progress": change('{"id": "x", "progress": ' + '{"a":' * 900 + "1" + "}" * 900 + "}"),
    "a number of 5,000 digits": change('{"id": "x", "progress": ' + "9" * 5000 + "}"),
    "no number": change('{"id": "x", "progress": NaN}'),
    "a record of a list": change("[]"),
    "an id of a list": change('{"id": []}'),
    "a line of a list": '{"type": "execution_log", "payload": []}',
    "a type of a list": '{"type": []}',
    "an ack of lists": '{"type": "ack", "payload": {"subscribed": [1], "execution_id": [1], "subscription_id": []}}',
    "an ack of an unknown log": '{"type": "ack", "payload": {"subscribed": true, "execution_id": "x", "subscription_id": "y"}}',
    "a deep frame": "[" * 100_000,
}


@pytest.mark.parametrize("name", ["", "fluxbase_jobs"])
def test_no_log_line_of_a_client_holds_its_key(
    client: FluxbaseClient, realtime: RealtimeServer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Not at DEBUG either, at which the library of the WebSocket logs its headers and frames; that of the test's server does."""
    caplog.set_level(logging.DEBUG, name)
    job_id = realtime.add_job(status="running")
    worker = meanwhile(after(lambda: subscribed(realtime)), ending(realtime, job_id))

    client.jobs.wait(job_id, timeout=20).unwrap()
    worker.join()

    shown = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    assert any(record.name == "fluxbase_jobs" for record in shown)
    assert [record for record in shown if token() in record.getMessage() or "Bearer" in record.getMessage()] == []


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_spoiled_frame_does_not_end_the_socket(client: FluxbaseClient, realtime: RealtimeServer, text: str) -> None:
    """It is passed over, and the next one counts."""
    job_id = realtime.add_job(status="running")
    worker = meanwhile(after(lambda: subscribed(realtime)), lambda: realtime.send(text), ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).unwrap().id == job_id
    worker.join()

    assert realtime.opened == 1


@pytest.mark.parametrize("error", ["authentication failed", "max_connections_reached"])
def test_a_refusal_is_told_without_the_servers_words(client: FluxbaseClient, realtime: RealtimeServer, error: str) -> None:
    """They may hold the token, and be long."""
    job_id = realtime.add_job(status="running")
    text = json.dumps({"type": "error", "error": f"{error} for {SECRET}" + "x" * 100_000})
    states: list[str] = []

    def note_state() -> None:
        until(lambda: client.realtime_state.startswith("polling"))
        states.append(client.realtime_state)

    worker = meanwhile(after(lambda: subscribed(realtime)), lambda: realtime.send(text), note_state, ending(realtime, job_id))
    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()

    assert states[0].startswith(f"polling: {error.split(maxsplit=1)[0]}")
    assert SECRET not in states[0]
    assert len(states[0]) < 100


def wait_to_the_end(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """Wait for a job that ends once its changes are asked for."""
    job_id = realtime.add_job(status="running")
    worker = meanwhile(after(lambda: subscribed(realtime)), ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()


@pytest.mark.parametrize("role", [["admin"], {"admin": 1}, 7, None])
def test_a_token_with_any_role_can_wait(connect: Connect, realtime: RealtimeServer, role: object) -> None:
    """Other issuers' tokens have lists there."""
    wait_to_the_end(connect(realtime.url, token(role=role), realtime=True), realtime)


@pytest.mark.parametrize("expiry", [10**400, 1e308, -(10**400), "soon", None, [1]])
def test_a_token_with_any_expiry_can_wait(connect: Connect, realtime: RealtimeServer, expiry: object) -> None:
    """No clock counts so far."""
    wait_to_the_end(connect(realtime.url, token(exp=expiry), realtime=True), realtime)

    assert realtime.opened == 1


def test_a_redirect_is_not_followed(connect: Connect) -> None:
    """It would take the client's headers to another server, and let that tell of the jobs."""
    elsewhere: list[bytes] = []
    running = {key: value for key, value in job(status="running").items() if key != "completed_at"}

    def other(connection: socket.socket) -> None:
        elsewhere.append(connection.recv(65_536))

    def redirect(connection: socket.socket) -> None:
        while request := connection.recv(65_536):
            body = b"" if b" /realtime " in request else json.dumps(running).encode()
            status = b"200 X" if body else b"302 X\r\nlocation: ws://127.0.0.1:%d/realtime" % port
            connection.sendall(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))

    with raw_server(other) as port, raw_server(redirect) as first:
        client = connect(f"http://127.0.0.1:{first}", token(), headers={"x-tenant-secret": "tiger"}, realtime=True)
        client.jobs.wait(running["id"], timeout=0.5)
        until(lambda: client.realtime_state.startswith("polling"))

    assert elsewhere == []
    assert client.realtime_state == "polling: status 302"


def test_lines_of_a_job_that_nobody_asked_for_are_not_kept() -> None:
    """They would take the place of others."""
    registry = Registry(HeardLines())
    registry.connect()

    for frame in protocol.read(log_line(ALIEN, "a")):
        registry.receive(frame)

    assert registry.heard.of(ALIEN) == []


def test_long_lines_are_kept_up_to_a_number_of_characters() -> None:
    """The newest ones: 20,000 lines of 4 MB would be 80 GB."""
    heard = HeardLines()
    message = "x" * (MAX_HEARD_CHARACTERS // 10)

    for number in range(1, 31):
        for frame in protocol.read(log_line(ALIEN, message, number)):
            assert isinstance(frame, protocol.LineLogged)
            heard.add(ALIEN, frame.line)

    assert [line.line_number for line in heard.of(ALIEN)] == list(range(21, 31))
    assert not heard.is_complete("another")


FLOODS: Final[dict[str, Any]] = {
    "blanks": " \n" * 1_000_000,
    "small values": "1 " * 500_000,
    "bytes": "\x00" * 100_000,
}


@pytest.mark.parametrize("text", FLOODS.values(), ids=FLOODS)
def test_a_flood_does_not_hold_a_wait(client: FluxbaseClient, realtime: RealtimeServer, text: str) -> None:
    """The job ends after it."""
    job_id = realtime.add_job(status="running")
    worker = meanwhile(after(lambda: subscribed(realtime)), *[lambda: realtime.send(text)] * 3, ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()
