"""Following jobs over the WebSocket, with a real server and real sockets, for both clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fluxbase_jobs import FluxbaseClient, JobFailed, Ok

from tests.support.servers.realtime_server import RealtimeServer, token
from tests.support.styles import Connect

SUBSCRIPTION_LINE = "Created execution log subscription"


def meanwhile(*actions: Callable[[], None]) -> threading.Thread:
    """Do something, one after the other, while the test waits for a client."""

    def act() -> None:
        for action in actions:
            action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def after(condition: Callable[[], Any]) -> Callable[[], None]:
    """Wait until something is so."""
    return lambda: until(condition)


def ending(server: RealtimeServer, job_id: str) -> Callable[[], None]:
    """End a job."""
    return lambda: server.end(job_id)


def short_pause() -> None:
    """Let the client poll a few times."""
    time.sleep(0.2)


def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never happened")


def subscribed(server: RealtimeServer, kind: str = "subscribe") -> bool:
    """Whether a client has asked, and read the job after that."""
    return kind in [question["type"] for question in server.questions] and "GET job" in server.requests


def with_open_socket(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """Open the client's socket. On a busy machine this takes longer than a call waits for it, which then reads its job twice."""
    ended = realtime.add_job(status="running")
    worker = meanwhile(after(lambda: client.realtime_state == "connected"), ending(realtime, ended))
    assert client.jobs.wait(ended, timeout=20).ok
    worker.join()
    realtime.requests.clear()
    realtime.questions.clear()


def test_changes_come_by_themselves(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """Each once, though each comes twice; two requests, the first read and the last, whatever happens between."""
    with_open_socket(client, realtime)
    job_id = realtime.add_job(payload='{"a": 1}')

    def work() -> None:
        until(lambda: subscribed(realtime))
        for percent in range(30):
            realtime.progress(job_id, percent)
        realtime.end(job_id)

    worker = meanwhile(work)
    seen = [result.unwrap() for result in client.jobs.watch(job_id, timeout=20)]
    worker.join()

    assert [job.progress_percent for job in seen] == [None, *range(30), 29]
    assert [job.status for job in seen] == ["pending", *["running"] * 30, "completed"]
    assert seen[-1].result == {"done": True}
    assert {str(job.payload) for job in seen} == {"{'a': 1}"}
    assert realtime.requests == ["GET job", "GET job"]
    assert client.realtime_state == "connected"


def test_the_token_goes_into_the_header(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """An address is written into logs."""
    job_id = realtime.add_job()
    worker = meanwhile(after(lambda: subscribed(realtime)), ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()

    assert realtime.headers[0]["authorization"] == f"Bearer {token()}"
    assert realtime.headers[0]["user-agent"].startswith("fluxbase-jobs/")


def test_a_run_knows_its_cause_without_asking(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """From the lines that it heard, also where the server hides its logs."""
    realtime.logs_hidden = True

    def work() -> None:
        until(lambda: subscribed(realtime, "subscribe_logs"))
        (job_id,) = realtime.jobs
        realtime.log(job_id, "working", "Job execution error: no", '__RESULT__::{"success":false,"error":"no\\nspace"}')
        realtime.end(job_id, "failed", error_message="exit status 1", result=None)

    worker = meanwhile(work)
    error = client.jobs.run("resize", timeout=20).error
    worker.join()

    assert isinstance(error, JobFailed)
    assert error.message == "no\nspace"
    assert [line.message for line in error.log_tail] == ["working", "Job execution error: no"]
    assert "GET logs" not in realtime.requests


def test_lines_come_in_order_and_once(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """What was written before, from HTTP; then what comes. The server's own line and the result are left out."""
    job_id = realtime.add_job(status="running")
    realtime.log(job_id, "before 1", "before 2")

    def work() -> None:
        until(lambda: subscribed(realtime, "subscribe_logs") and "GET logs" in realtime.requests)
        realtime.log(job_id, *(f"line {number}" for number in range(100)))
        realtime.log(job_id, '__RESULT__::{"success":true,"result":{}}')
        realtime.end(job_id)

    worker = meanwhile(work)
    lines = [result.unwrap().message for result in client.jobs.tail(job_id, timeout=20)]
    worker.join()

    assert lines == ["before 1", "before 2", *(f"line {number}" for number in range(100))]


@pytest.mark.parametrize("hidden", [False, True])
def test_dropped_lines_are_read_over_http_or_told(connect: Connect, hidden: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """The server drops frames without a sign. Where it hides its logs, the next line says which are missing."""
    with RealtimeServer(logs_hidden=hidden, drops_line=lambda number: number in {5, 6, 9}) as server:
        client = connect(server.url, token(), realtime=True)
        job_id = server.add_job(status="running")

        def work() -> None:
            until(lambda: subscribed(server, "subscribe_logs") and "GET logs" in server.requests)
            server.log(job_id, *(f"line {number}" for number in range(2, 13)), '__RESULT__::{"success":true}')
            server.end(job_id)

        worker = meanwhile(work)
        results = [*client.jobs.tail(job_id, timeout=20)]
        worker.join()

    lines = [result.unwrap().message for result in results if not result.meta.notes]
    notes = [note for result in results for note in result.meta.notes]
    missing = {5, 6, 9} if hidden else set[int]()
    assert lines == [f"line {number}" for number in range(2, 13) if number not in missing]
    assert len(notes) == (2 if hidden else 0)
    assert not hidden or ("lines 5 to 6" in notes[0] and "line 9" in notes[1])


def test_heard_lines_are_kept_for_logs(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """Where the server hides them."""
    realtime.logs_hidden = True
    job_id = realtime.add_job(status="running")

    def work() -> None:
        until(lambda: subscribed(realtime, "subscribe_logs") and "GET logs" in realtime.requests)
        realtime.log(job_id, "hello", '__RESULT__::{"success":true}')
        realtime.end(job_id)

    worker = meanwhile(work)
    assert [result.unwrap().message for result in client.jobs.tail(job_id, timeout=20)] == ["hello"]
    worker.join()
    logs = client.jobs.logs(job_id)
    job = client.jobs.get(job_id, include_logs=True)

    assert [line.message for line in logs.unwrap()] == ["hello", '__RESULT__::{"success":true}']
    assert logs.meta.logs_hidden is True
    assert [line.message for line in job.unwrap().logs or ()] == ["hello", '__RESULT__::{"success":true}']


def test_a_table_that_is_not_enabled_is_left_without_a_word(connect: Connect) -> None:
    """Changes are polled, log lines come."""
    with RealtimeServer(table_enabled=False, logs_hidden=True) as server:
        client = connect(server.url, token(), realtime=True)
        job_id = server.add_job(status="running")

        def work() -> None:
            until(lambda: subscribed(server, "subscribe_logs") and "GET logs" in server.requests)
            server.log(job_id, "hello", '__RESULT__::{"success":true}')
            server.end(job_id)

        worker = meanwhile(work)
        lines = [*client.jobs.tail(job_id, timeout=20)]
        worker.join()

        assert [result.unwrap().message for result in lines] == ["hello"]
        assert client.jobs.wait(job_id, timeout=20).unwrap().status == "completed"


def test_a_server_without_a_websocket_is_polled(connect: Connect) -> None:
    """Asked once, and then no more for a while."""
    with RealtimeServer(refuses=404) as server:
        client = connect(server.url, token(), realtime=True)
        for _ in range(3):
            job_id = server.add_job(status="running")
            worker = meanwhile(short_pause, ending(server, job_id))
            assert client.jobs.wait(job_id, timeout=20).unwrap().status == "completed"
            worker.join()

        assert client.realtime_state.startswith("polling: ")


@pytest.mark.parametrize("key", ["sk_live_key", "fbk_key", "eyJ.no-claims"])
def test_a_key_that_is_no_token_polls(connect: Connect, realtime: RealtimeServer, key: str) -> None:
    """The WebSocket would take such a client for nobody."""
    client = connect(realtime.url, key, realtime=True)
    job_id = realtime.add_job(status="running")
    worker = meanwhile(short_pause, ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).unwrap().status == "completed"
    worker.join()

    assert client.realtime_state == "polling: the key is no token"
    assert realtime.opened == 0


def test_switched_off_it_polls(connect: Connect, realtime: RealtimeServer) -> None:
    """As before there was a WebSocket."""
    client = connect(realtime.url, token(), realtime=False)
    job_id = realtime.add_job(status="running")
    worker = meanwhile(short_pause, ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()

    assert realtime.opened == 0
    assert client.realtime_state == "polling: switched off"


def test_a_job_that_the_socket_does_not_show_is_polled(connect: Connect, realtime: RealtimeServer) -> None:
    """A user's socket shows only the user's own jobs, and nobody's are nobody's."""
    client = connect(realtime.url, token(role="authenticated", sub="someone"), realtime=True)
    job_id = realtime.add_job(status="running", created_by=None)
    realtime.jobs[job_id].pop("created_by", None)
    worker = meanwhile(after(lambda: realtime.requests.count("GET job") > 2), ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()

    assert realtime.requests.count("GET job") > 2


def test_one_socket_and_one_subscription_to_a_log_serve_all(realtime: RealtimeServer) -> None:
    """Twenty threads follow the same job: the server writes a line into its log for each subscription."""
    job_id = realtime.add_job(status="running")
    with FluxbaseClient(realtime.url, token()) as client:
        seen: list[list[str]] = []

        def follow() -> None:
            seen.append([result.unwrap().message for result in client.jobs.tail(job_id, timeout=20)])

        threads = [meanwhile(follow) for _ in range(20)]
        until(lambda: realtime.requests.count("GET logs") >= 20)
        realtime.log(job_id, "hello", '__RESULT__::{"success":true}')
        realtime.end(job_id)
        for thread in threads:
            thread.join()

    assert seen == [["hello"]] * 20
    assert realtime.opened == 1
    assert [question["type"] for question in realtime.questions].count("subscribe_logs") == 1


def cut(server: RealtimeServer, *, reconnected: bool) -> None:
    """Tear the socket, and wait until there is another one, or don't."""
    opened = server.opened
    server.cut()
    if reconnected:
        until(lambda: server.opened > opened)


def test_a_socket_that_is_cut_again_and_again_loses_nothing(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """A thousand lines, in order, each once: what is written between two sockets comes over HTTP."""
    job_id = realtime.add_job(status="running")

    def work() -> None:
        until(lambda: "GET logs" in realtime.requests)
        for number in range(1000):
            realtime.log(job_id, f"line {number}")
            if number % 50 == 49:
                cut(realtime, reconnected=number % 100 == 99)
        realtime.log(job_id, '__RESULT__::{"success":true}')
        realtime.end(job_id)

    worker = meanwhile(work)
    results = [*client.jobs.tail(job_id, timeout=60)]
    worker.join()

    assert [result.unwrap().message for result in results] == [f"line {number}" for number in range(1000)]
    assert [note for result in results for note in result.meta.notes] == []


def test_wait_many_has_one_subscription_for_all(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """And reads a job when it has ended; changes are told as they come."""
    job_ids = [realtime.add_job(status="running") for _ in range(20)]
    percents: list[int | None] = []

    def work() -> None:
        until(lambda: "GET list" in realtime.requests)
        for job_id in job_ids:
            realtime.progress(job_id, 50)
        until(lambda: percents.count(50) == len(job_ids))
        for job_id in job_ids:
            realtime.end(job_id)

    worker = meanwhile(work)
    ended = {
        job_id: result.unwrap().result
        for job_id, result in client.jobs.wait_many(job_ids, timeout=20, on_progress=lambda job: percents.append(job.progress_percent))
    }
    worker.join()

    assert ended == {job_id: {"done": True} for job_id in job_ids}
    assert percents.count(50) >= len(job_ids)
    subscriptions = [question["config"]["filter"] for question in realtime.questions if question["type"] == "subscribe"]
    assert subscriptions == [f"id=in.({','.join(sorted(job_ids))})"]


def test_a_new_token_is_sent_over_the_open_socket(connect: Connect, realtime: RealtimeServer) -> None:
    """Before the old one expires."""
    keys = iter(range(1000))
    client = connect(realtime.url, lambda: token(exp=time.time() + 1.5, jti=next(keys)), realtime=True)
    job_id = realtime.add_job(status="running")
    worker = meanwhile(after(lambda: "access_token" in str(realtime.questions)), ending(realtime, job_id))

    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()

    assert realtime.opened == 1


def test_unreadable_frames_do_not_end_the_socket(client: FluxbaseClient, realtime: RealtimeServer) -> None:
    """What a newer server sends is passed over."""
    job_id = realtime.add_job(status="running")

    def work() -> None:
        until(lambda: subscribed(realtime))
        for text in ("[]", "no json", '{"type": "new"}', '{"type": "postgres_changes", "payload": 7}'):
            realtime.send(text)
        realtime.end(job_id)

    worker = meanwhile(work)
    assert client.jobs.wait(job_id, timeout=20).ok
    worker.join()

    assert realtime.opened == 1


def test_a_closed_client_leaves_no_socket(connect: Connect, realtime: RealtimeServer) -> None:
    """And no thread."""
    client = connect(realtime.url, token(), realtime=True)
    job_id = realtime.add_job()
    worker = meanwhile(after(lambda: subscribed(realtime)), ending(realtime, job_id))
    assert isinstance(client.jobs.wait(job_id, timeout=20), Ok)
    worker.join()

    client.close()

    until(lambda: realtime.connections == 0)
    assert "fluxbase-jobs realtime" not in [thread.name for thread in threading.enumerate()]
