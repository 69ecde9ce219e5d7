"""WebSockets to a test server without a network socket, and the faults of their frames."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from fluxbase_jobs._realtime.websocket import WebsocketConnector
from fluxbase_jobs.emulator import Context
from fluxbase_jobs.testing import Server, SocketClosedError, SocketRefusedError
from fluxbase_jobs.testing.websockets import InProcessSocket
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

URL: Final = "http://fluxbase.test"
SUBSCRIBE: Final = json.dumps({"type": "subscribe", "config": {"event": "*", "schema": "jobs", "table": "queue"}})
SECONDS: Final = 10.0
QUIET_SECONDS: Final = 0.1


def opened(server: Server) -> InProcessSocket:
    """A socket of a service role that has subscribed to changes."""
    socket = server.realtime_connector()(URL, {"Authorization": f"Bearer {server.service_key()}"})
    socket.send(SUBSCRIBE)
    return socket


def frames(socket: InProcessSocket) -> list[dict[str, Any]]:
    """The frames that come before it is quiet."""
    received: list[dict[str, Any]] = []
    while message := socket.receive(QUIET_SECONDS):
        received += [json.loads(line) for line in message.split("\n") if line]
    return received


def until_closed(socket: InProcessSocket) -> list[dict[str, Any]]:
    """The frames that come before the server closes the socket."""
    received: list[dict[str, Any]] = []
    try:
        while message := socket.receive(SECONDS):
            received += [json.loads(line) for line in message.split("\n") if line]
    except SocketClosedError:
        return received
    raise AssertionError(received)


def summary(received: list[dict[str, Any]]) -> list[str]:
    """The kind of each frame, or the status in a change."""
    return [frame["payload"]["record"]["status"] if frame["type"] == "postgres_changes" else frame["type"] for frame in received]


@pytest.fixture
def march() -> Iterator[Server]:
    """A server that sends changes of jobs."""
    with Server(profile="2026-03") as server:
        yield server


def test_changes_reach_a_thread(march: Server) -> None:
    """The same frames as over the network."""
    march.script("resize").complete()
    socket = opened(march)
    with march.client() as client:
        client.jobs.run("resize").unwrap()

    assert summary(frames(socket)) == ["ack", *["pending"] * 2, *["running"] * 2, *["completed"] * 2]
    socket.close()


def test_changes_reach_a_task(march: Server) -> None:
    """In an event loop of the test's own."""
    march.script("resize").complete()

    async def follow() -> list[str]:
        socket = await march.async_realtime_connector()(URL, {"Authorization": f"Bearer {march.service_key()}"})
        await socket.send(SUBSCRIBE)
        received = [json.loads(await socket.receive())]
        async with march.async_client() as client:
            (await client.jobs.submit("resize")).unwrap()
        while summary(received)[-1] != "completed":
            received += [json.loads(line) for line in (await socket.receive()).splitlines()]
        await socket.close()
        with pytest.raises(SocketClosedError):
            await socket.receive()
        return summary(received)

    assert asyncio.run(follow())[:3] == ["ack", "pending", "pending"]


def test_all_may_be_sent_on_april(march: Server) -> None:
    """A fresh 2026-04 server sends no changes of jobs, one that was set up for it does."""
    with Server() as april, Server(realtime="all") as prepared:
        assert [summary(frames(opened(server))) for server in (april, prepared, march)] == [["error"], ["ack"], ["ack"]]


def test_heartbeats_come_by_the_virtual_clock(march: Server) -> None:
    """One every 30 s of it."""
    socket = opened(march)
    assert summary(frames(socket)) == ["ack"]

    march.clock.advance(90)

    assert summary(frames(socket)) == ["heartbeat"] * 3


def test_heartbeats_do_not_hold_up_the_clock(march: Server) -> None:
    """A year has a million of them; not all are sent."""
    socket = opened(march)

    march.clock.advance(timedelta(days=365))

    assert summary(frames(socket)).count("heartbeat") < 1000


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
def test_refused_socket_has_a_status(headers: dict[str, str]) -> None:
    """The status of the response in place of the upgrade."""
    with Server(realtime="off") as off, Server() as on:
        with pytest.raises(SocketRefusedError) as refused:
            off.realtime_connector()(URL, headers)
        assert refused.value.status == 503
        if headers:
            with pytest.raises(SocketRefusedError) as refused:
                on.realtime_connector()(URL, headers)
            assert refused.value.status == 401


def test_end_of_the_server_ends_a_socket(march: Server) -> None:
    """Also while a thread waits for a message."""
    socket = opened(march)
    assert summary(frames(socket)) == ["ack"]
    ended = threading.Event()

    def wait() -> None:
        assert until_closed(socket) == []
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    march.close()
    thread.join(SECONDS)

    assert ended.is_set()
    for use in (lambda: socket.send("{}"), lambda: march.realtime_connector()(URL, {})):
        with pytest.raises(SocketClosedError):
            use()
    socket.close()


def test_message_that_is_no_object_ends_a_socket(march: Server) -> None:
    """As over the network."""
    socket = opened(march)
    socket.send("[]")
    with pytest.raises(SocketClosedError):
        frames(socket)
    with pytest.raises(SocketClosedError):
        socket.receive()


@pytest.mark.parametrize("options", [{"status": 403}, {"status": 426}, {"status": 404}, {"drop": "before"}])
def test_upgrade_fault(march: Server, options: dict[str, Any]) -> None:
    """As a proxy that knows no WebSockets: with a status, or without a response; in-process and over the network."""
    fault = march.faults.add("GET /realtime", times=2, **options)

    with pytest.raises(SocketRefusedError) as refused:
        opened(march)
    assert refused.value.status == options.get("status")
    with pytest.raises((InvalidStatus, InvalidMessage)) as over_network, connect(address(march), proxy=None):
        """Never reached."""
    assert str(options.get("status", "valid HTTP response")) in str(over_network.value)
    assert fault.hits == 2
    assert summary(frames(opened(march))) == ["ack"]


def test_star_means_the_requests_of_programs(march: Server) -> None:
    """The socket that a client opens by itself takes no fault from its requests."""
    fault = march.faults.add("*", status=503)

    assert summary(frames(opened(march))) == ["ack"]
    assert fault.hits == 0


def test_dropped_frames(march: Server) -> None:
    """The socket stays open, and the fault counts; `type`, `text`, `times` and `skip` select the frames."""
    march.script("resize").complete()
    socket = opened(march)
    fault = march.faults.add_frame_fault("postgres_changes", drop=True, contains='"status":"running"', times=3, skip=1)
    with march.client(realtime=False) as client:
        client.jobs.run("resize").unwrap()

    # The old row of the last change contains the text, too.
    assert summary(frames(socket)) == ["ack", "pending", "pending", "running"]
    assert fault.hits == 3


def test_late_frame_is_overtaken(march: Server) -> None:
    """As a response that comes after the first frame of its subscription."""
    march.script("resize").complete()
    with march.client() as client:
        client.jobs.run("resize").unwrap()  # connected, so that the next job takes far less than the delay
        march.faults.add_frame_fault("ack", delay=1.0)
        socket = opened(march)
        client.jobs.submit("resize").unwrap()
    received: list[dict[str, Any]] = []
    while "ack" not in summary(received):
        received += [json.loads(line) for line in (socket.receive(SECONDS) or "").splitlines()]

    assert summary(received)[0] == "pending"


def test_a_fault_meets_whole_frames(march: Server) -> None:
    """A line may hold characters at which Python ends a line, and JSON does not."""
    march.faults.add_frame_fault("heartbeat", drop=True)

    @march.function("speak")
    def speak(_payload: dict[str, Any], context: Context) -> None:
        context.log("next\x85line")

    socket = opened(march)
    with march.client() as client:
        job = client.jobs.submit("speak", scheduled=timedelta(seconds=1)).unwrap()
        socket.send(json.dumps({"type": "subscribe_logs", "config": {"execution_id": job.id, "type": "job"}}))
        frames(socket)
        march.clock.advance(2)
        client.jobs.wait(job).unwrap()
    messages = [frame["payload"]["message"] for frame in frames(socket) if frame["type"] == "execution_log"]

    assert "next\x85line" in messages


def test_cut_in_place_of_a_frame(march: Server) -> None:
    """What came before arrives, nothing after it does; another socket can be opened at once."""
    march.script("resize").complete()
    march.faults.add_frame_fault("postgres_changes", cut=True, skip=2)
    socket = opened(march)
    with march.client() as client:
        client.jobs.run("resize").unwrap()

    assert summary(until_closed(socket)) == ["ack", "pending", "pending"]
    assert summary(frames(opened(march))) == ["ack"]


def test_cut_over_the_network_has_no_close_frame(march: Server) -> None:
    """As when a connection breaks."""
    with connect(address(march), proxy=None, additional_headers={"Authorization": f"Bearer {march.service_key()}"}) as socket:
        socket.send(SUBSCRIBE)
        assert json.loads(socket.recv(SECONDS))["type"] == "ack"

        assert march.faults.cut_sockets() == 1

        with pytest.raises(ConnectionClosedError, match="no close frame received"):
            socket.recv(SECONDS)


def test_fifty_cuts(march: Server) -> None:
    """Each frees its place at once: there are ten for a service key."""
    for _ in range(50):
        socket = opened(march)
        assert march.faults.cut_sockets() == 1
        with pytest.raises(SocketClosedError):
            frames(socket)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "exactly one of drop, cut and delay"),
        ({"drop": True, "cut": True}, "exactly one of drop, cut and delay"),
        ({"frame": "nope", "drop": True}, "frame must be one of"),
        ({"drop": True, "times": 0}, "times must be at least 1"),
        ({"delay": -1}, "delay must be finite"),
    ],
)
def test_impossible_frame_faults_are_refused(server: Server, options: dict[str, Any], error: str) -> None:
    """With an error that names the argument."""
    with pytest.raises(ValueError, match=error):
        server.faults.add_frame_fault(**options)


def address(server: Server) -> str:
    """The address of the WebSocket over the network."""
    return f"ws{server.url.removeprefix('http')}/realtime"


def test_a_server_that_closes_logs_nothing_of_its_sockets(caplog: pytest.LogCaptureFixture) -> None:
    """Nor of those that are just closing."""
    for _ in range(20):
        with Server() as server:
            socket = WebsocketConnector()(server.url, {"authorization": f"Bearer {server.service_key()}"})
            socket.send(SUBSCRIBE)
            socket.close()

    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []
