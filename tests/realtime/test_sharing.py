"""One client's WebSockets, shared by threads, tasks, event loops and processes: counted at the server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Final

import pytest
import trio
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, PollPolicy
from fluxbase_jobs._realtime.hub import Hub
from fluxbase_jobs._realtime.hub_async import AsyncHub
from fluxbase_jobs._realtime.subscriptions import HeardLines
from fluxbase_jobs._realtime.websocket import AsyncWebsocketConnector, SocketUnavailable, WebsocketConnector
from fluxbase_jobs.testing import Server

from tests.support.servers.realtime_server import RealtimeServer, token

THREADS: Final = 50
TASKS: Final = 200
SOCKETS_OF_A_USER: Final = 10


def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never happened")


async def eventually(condition: Callable[[], Any]) -> None:
    """The same in an event loop."""
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never happened")


def nobody_listens() -> bool:
    """Whether this event loop has no task of a socket."""
    return "fluxbase-jobs realtime" not in [task.get_name() for task in asyncio.all_tasks()]


def subscriptions(server: RealtimeServer) -> int:
    """How many subscriptions to changes the server was asked for."""
    return [question["type"] for question in server.questions].count("subscribe")


def end_all(server: RealtimeServer, count: int, sockets: int) -> None:
    """End all jobs as soon as each was read, and so many sockets are used."""
    until(lambda: server.requests.count("GET job") >= count and server.opened >= sockets and subscriptions(server) >= sockets)
    for job_id in list(server.jobs):
        server.end(job_id)


def ending_all(server: RealtimeServer, count: int, *, sockets: int = 1) -> threading.Thread:
    """Do so meanwhile."""
    thread = threading.Thread(target=end_all, args=(server, count, sockets))
    thread.start()
    return thread


@pytest.mark.slow
def test_fifty_threads_share_one_socket(realtime: RealtimeServer) -> None:
    """Each waits for its own job."""
    job_ids = [realtime.add_job() for _ in range(THREADS)]
    worker = ending_all(realtime, THREADS)
    with FluxbaseClient(realtime.url, token()) as client, ThreadPoolExecutor(THREADS) as pool:
        waits = [pool.submit(client.jobs.wait, job_id, timeout=60) for job_id in job_ids]
        ended = [wait.result().unwrap() for wait in waits]
        state = client.realtime_state
    worker.join()

    assert [job.id for job in ended] == job_ids
    assert realtime.opened == 1
    assert (state, client.realtime_state) == ("connected", "unused")
    until(lambda: realtime.connections == 0)


@pytest.mark.slow
def test_two_hundred_tasks_share_one_socket(realtime: RealtimeServer) -> None:
    """The same of an async client."""
    job_ids = [realtime.add_job() for _ in range(TASKS)]
    worker = ending_all(realtime, TASKS)

    async def wait_for_all() -> tuple[list[str], str]:
        async with AsyncFluxbaseClient(realtime.url, token()) as client:
            ended = await asyncio.gather(*(client.jobs.wait(job_id, timeout=60) for job_id in job_ids))
            return [result.unwrap().id for result in ended], client.realtime_state

    ended, state = asyncio.run(wait_for_all())
    worker.join()

    assert ended == job_ids
    assert realtime.opened == 1
    assert state == "connected"
    until(lambda: realtime.connections == 0)


def test_each_event_loop_has_its_socket_and_all_close_with_the_client(realtime: RealtimeServer) -> None:
    """Three loops, in threads of their own, share a client that one of them closes."""
    client = AsyncFluxbaseClient(realtime.url, token())
    job_ids = [realtime.add_job() for _ in range(3)]
    closed = threading.Event()
    ended: list[str] = []

    async def wait_for(job_id: str) -> None:
        ended.append((await client.jobs.wait(job_id, timeout=60)).unwrap().id)
        await eventually(closed.is_set)
        await eventually(nobody_listens)

    async def wait_and_close(job_id: str) -> None:
        ended.append((await client.jobs.wait(job_id, timeout=60)).unwrap().id)
        await eventually(lambda: len(ended) == realtime.connections == 3)
        assert client.realtime_state == "connected"
        await client.close()
        closed.set()

    worker = ending_all(realtime, 3, sockets=3)
    runs = [wait_for(job_ids[0]), wait_for(job_ids[1]), wait_and_close(job_ids[2])]
    with ThreadPoolExecutor(3) as pool:
        for run in [pool.submit(asyncio.run, each) for each in runs]:
            run.result(90)
    worker.join()

    assert sorted(ended) == sorted(job_ids)
    assert realtime.opened == 3
    assert client.realtime_state == "unused"
    until(lambda: realtime.connections == 0)


def test_the_end_of_one_event_loop_does_not_say_that_another_polls(realtime: RealtimeServer) -> None:
    """`realtime_state` is that of the client, not of the loop that was heard of last."""
    client = AsyncFluxbaseClient(realtime.url, token())
    job_ids = [realtime.add_job() for _ in range(2)]
    ended, seen = threading.Event(), list[str]()

    async def wait_for_first() -> None:
        await client.jobs.wait(job_ids[0], timeout=60)
        await eventually(ended.is_set)
        seen.append(client.realtime_state)
        await client.close()

    async def wait_for_second() -> None:
        await client.jobs.wait(job_ids[1], timeout=60)

    worker = ending_all(realtime, 2, sockets=2)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asyncio.run, wait_for_first())
        pool.submit(asyncio.run, wait_for_second()).result(90)
        ended.set()
        first.result(90)
    worker.join()

    assert seen == ["connected"]


FORKING: Final = """
import os, sys, threading
from fluxbase_jobs import FluxbaseClient
url, key, before, in_child, after = sys.argv[1:]
client = FluxbaseClient(url, key)
assert client.jobs.wait(before, timeout=60).ok and client.realtime_state == "connected"
child = os.fork()
if child == 0:
    fresh = client.realtime_state
    waited = client.jobs.wait(in_child, timeout=60)
    right = waited.ok and fresh == "unused" and client.realtime_state == "connected"
    client.close()
    os._exit(0 if right and threading.active_count() == 1 else 1)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert client.jobs.wait(after, timeout=60).ok and client.realtime_state == "connected"
client.close()
"""


@pytest.mark.slow
def test_a_forked_process_has_its_own_socket(realtime: RealtimeServer) -> None:
    """The parent's stays the parent's."""
    job_ids = [realtime.add_job() for _ in range(3)]

    def end_one_after_the_other() -> None:
        for number, job_id in enumerate(job_ids, start=1):
            until(lambda: subscriptions(realtime) >= number)  # noqa: B023  # used in this round only
            realtime.end(job_id)

    worker = threading.Thread(target=end_one_after_the_other)
    worker.start()
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING, realtime.url, token(), *job_ids], check=True, timeout=120)
    worker.join()

    assert realtime.opened == 2


LEAVING_NOTHING: Final = """
import asyncio, gc, sys, threading
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient
url, key, style, job_id = sys.argv[1:]

async def follow():
    asyncio.get_running_loop().slow_callback_duration = 60
    async with AsyncFluxbaseClient(url, key) as client:
        assert [result async for result in client.jobs.tail(job_id, timeout=60)]
        assert client.realtime_state == "connected"
    assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()

if style == "async":
    asyncio.run(follow())
else:
    with FluxbaseClient(url, key) as client:
        assert [*client.jobs.tail(job_id, timeout=60)]
        assert client.realtime_state == "connected"
assert threading.active_count() == 1, threading.enumerate()
gc.collect()
"""


@pytest.mark.slow
@pytest.mark.parametrize("style", ["sync", "async"])
def test_a_closed_client_leaves_nothing(realtime: RealtimeServer, style: str) -> None:
    """No thread, no task, no socket; with all warnings of Python's development mode."""
    job_id = realtime.add_job(status="running")

    def work() -> None:
        until(lambda: "GET logs" in realtime.requests)
        realtime.log(job_id, "hello", '__RESULT__::{"success":true}')
        realtime.end(job_id)

    worker = threading.Thread(target=work)
    worker.start()
    program = [sys.executable, "-X", "dev", "-W", "error", "-c", LEAVING_NOTHING, realtime.url, token(), style, job_id]
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=120)
    worker.join()

    assert (done.returncode, done.stderr) == (0, "")
    until(lambda: realtime.connections == 0)


@pytest.mark.slow
def test_more_clients_than_the_server_has_sockets_for_poll() -> None:
    """All service roles are one user with ten sockets: each client beyond them has its answer all the same, and says that it polls."""
    with Server(profile="2026-03") as server, ExitStack() as opened:
        release = threading.Event()

        @server.function("held")
        def held(payload: dict[str, Any], _: Any) -> dict[str, Any]:
            release.wait(30)
            return payload

        clients = [opened.enter_context(FluxbaseClient(server.url, server.service_key())) for _ in range(SOCKETS_OF_A_USER + 3)]
        with ThreadPoolExecutor(len(clients)) as pool:
            poll = PollPolicy(initial=0.1, factor=1.5)
            runs = [pool.submit(client.jobs.run, "held", {"n": n}, timeout=60, poll=poll) for n, client in enumerate(clients)]
            until(lambda: "unused" not in [client.realtime_state for client in clients])
            states = [client.realtime_state for client in clients]
            release.set()
            results = [run.result(60).unwrap().result for run in runs]

    assert results == [{"n": n} for n in range(len(clients))]
    assert states.count("connected") == SOCKETS_OF_A_USER
    assert all(state == "connected" or state.startswith("polling: ") for state in states)


def test_trio_polls(realtime: RealtimeServer) -> None:
    """As the WebSocket's library is one for asyncio."""
    job_id = realtime.add_job()

    async def wait_for() -> tuple[bool, str]:
        async with AsyncFluxbaseClient(realtime.url, token(), realtime=True) as client:
            return (await client.jobs.wait(job_id, timeout=60)).ok, client.realtime_state

    worker = ending_all(realtime, 1, sockets=0)
    assert trio.run(wait_for) == (True, "polling: not under trio")
    worker.join()

    assert realtime.opened == 0


def test_an_idle_socket_is_closed(realtime: RealtimeServer) -> None:
    """And its thread ends."""
    hub = Hub(realtime.url, {}, token, WebsocketConnector(), idle_seconds=0.1)
    (watching,) = hub.subscribe([[realtime.add_job()]], logs=False)
    until(lambda: hub.state == "connected")

    watching.close()

    until(lambda: realtime.connections == 0)
    until(lambda: hub.state == "unused")
    until(lambda: "fluxbase-jobs realtime" not in [thread.name for thread in threading.enumerate()])


def test_an_idle_socket_of_an_event_loop_is_closed(realtime: RealtimeServer) -> None:
    """And its task ends."""

    async def key() -> str:
        return token()

    async def listen() -> None:
        hub = AsyncHub(realtime.url, {}, key, AsyncWebsocketConnector(), idle_seconds=0.1)
        (watching,) = hub.subscribe([[realtime.add_job()]], logs=False)
        await eventually(lambda: hub.state == "connected")
        watching.close()
        await eventually(nobody_listens)
        assert hub.state == "unused"

    asyncio.run(asyncio.wait_for(listen(), 60))
    until(lambda: realtime.connections == 0)


class _Reconnecting:
    """Opens sockets to a server; somebody begins to watch another job at the moment in which the first one is closed for idleness."""

    def __init__(self, connect: Any, watch: Callable[[], None]) -> None:
        self._connect = connect
        self._watch = watch
        self._closed = 0

    def __call__(self, base_url: str, headers: Mapping[str, str]) -> Any:
        return self._watched(self._connect(base_url, headers))

    async def open(self, base_url: str, headers: Mapping[str, str]) -> Any:
        return self._watched(await self._connect(base_url, headers))

    def _watched(self, socket: Any) -> Any:
        close = socket.close

        def close_watched() -> Any:
            self._closed += 1
            if self._closed == 1:
                self._watch()
            return close()

        socket.close = close_watched
        return socket


def test_who_comes_while_an_idle_socket_is_closed_has_the_next_one(realtime: RealtimeServer) -> None:
    """And is not left with polling."""
    job_ids = [realtime.add_job() for _ in range(2)]
    connector = _Reconnecting(WebsocketConnector(), lambda: later.extend(hub.subscribe([[job_ids[1]]], logs=False)))
    hub = Hub(realtime.url, {}, token, connector, idle_seconds=0.1)
    later: list[Any] = []
    (watching,) = hub.subscribe([[job_ids[0]]], logs=False)
    until(lambda: hub.state == "connected")

    watching.close()
    until(lambda: later and later[0].linked.changes)

    assert realtime.opened == 2
    hub.close()


def test_the_same_in_an_event_loop(realtime: RealtimeServer) -> None:
    """Of asyncio."""
    job_ids = [realtime.add_job() for _ in range(2)]
    later: list[Any] = []

    async def key() -> str:
        return token()

    async def listen() -> None:
        connector = _Reconnecting(AsyncWebsocketConnector(), lambda: later.extend(hub.subscribe([[job_ids[1]]], logs=False)))
        hub = AsyncHub(realtime.url, {}, key, connector.open, idle_seconds=0.1)
        (watching,) = hub.subscribe([[job_ids[0]]], logs=False)
        await eventually(lambda: hub.state == "connected")
        watching.close()
        await eventually(lambda: later and later[0].linked.changes)
        await hub.close()

    asyncio.run(asyncio.wait_for(listen(), 60))

    assert realtime.opened == 2


class _Torn:
    """Opens sockets that are lost at once; the hub then waits for seconds before it opens another."""

    opened = 0

    def __call__(self, *_: object, **__: object) -> Any:
        self.opened += 1
        return self

    def send(self, text: str) -> None:
        """Nobody receives it."""

    def receive(self, _timeout: float) -> None:
        raise SocketUnavailable("lost")

    def close(self) -> None:
        """There is nothing to close."""


def socket_threads() -> list[threading.Thread]:
    """The threads of this process that read sockets."""
    return [thread for thread in threading.enumerate() if thread.name == "fluxbase-jobs realtime"]


def test_a_client_that_is_closed_while_it_waits_to_connect_again_does_not_connect() -> None:
    """The thread ends, and the client's socket is unused."""
    connector = _Torn()
    hub = Hub("http://server.test", {}, token, connector)
    hub.subscribe([["a job"]], logs=False)
    until(lambda: hub.state.startswith("polling"))
    (thread,) = socket_threads()

    hub.close()
    thread.join(60)

    assert connector.opened == 1
    assert hub.state == "unused"


class _ClosedMeanwhile(Hub):
    """A hub that another thread closes while this one begins to open a socket: at the moment when it reads `heard`."""

    closing: threading.Thread | None = None

    @property
    def heard(self) -> HeardLines:
        if self.closing is None:
            self.closing = threading.Thread(target=self.close)
            self.closing.start()
            self.closing.join(0.2)
        return HeardLines()

    @heard.setter
    def heard(self, lines: HeardLines) -> None:
        """Each reading makes new ones."""


def test_a_hub_that_is_closed_while_a_watcher_comes_leaves_no_thread(realtime: RealtimeServer) -> None:
    """Whichever of the two is first."""
    hub = _ClosedMeanwhile(realtime.url, {}, token, WebsocketConnector())

    hub.subscribe([[realtime.add_job()]], logs=False)

    assert hub.closing is not None
    hub.closing.join(60)
    until(lambda: not socket_threads() and realtime.connections == 0)
    assert hub.state == "unused"
