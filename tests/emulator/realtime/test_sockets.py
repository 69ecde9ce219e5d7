"""The WebSocket on a real socket: who gets which frames, what is refused, and the limits (SEEN.md, Realtime)."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from socket import create_connection
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from fluxbase_jobs.emulator import Context
from fluxbase_jobs.emulator import function as job_function
from fluxbase_jobs.emulator.profiles import APRIL, MARCH
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.emulator.conftest import Sign
from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, eventually, serving
from tests.support.sockets import SECONDS, lines, socket, statuses

CREATED: Final = "Created execution log subscription"
LIFE: Final = ["pending", "pending", "running", "running", "completed", "completed"]


def is_end(frame: dict[str, Any]) -> bool:
    """Whether a frame says that its job has ended."""
    return frame["type"] == "postgres_changes" and frame["payload"]["record"]["status"] in {"completed", "failed", "cancelled"}


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ("job_name=eq.echo", True),
        ("job_name=eq.steps", False),
        ("job_name=neq.steps", True),
        ("job_name=in.(steps,echo)", True),
        ("job_name=in.(steps, boom)", False),
        ("priority=eq.7", True),
        ("no_column=eq.x", False),
    ],
)
def test_filter_selects_jobs(march: Running, client: Client, condition: str, is_met: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Filters compare a column with a value or a list."""
    with socket(march) as opened:
        assert opened.subscribe(condition)["payload"]["filter"] == condition
        client.run("echo", priority=7)

        assert statuses(opened.rest()) == (LIFE if is_met else [])


def test_filter_by_ids_and_status(march: Running, client: Client) -> None:
    """One subscription follows many jobs, and one a single status."""
    first, second, _ = (client.queue("echo", scheduled_at=soon()) for _ in range(3))
    with socket(march) as opened, socket(march) as other:
        opened.subscribe(f"id=in.({first},{second})")
        other.subscribe("status=eq.cancelled")
        for job_id in (first, second, _):
            client.cancel(job_id)

        assert [frame["payload"]["record"]["id"] for frame in opened.rest()] == [first, first, second, second]
        assert statuses(other.rest()) == ["cancelled"] * 6


def test_wrong_filters_and_tables_are_refused(march: Running) -> None:
    """With an error frame; the socket stays open."""
    with socket(march) as opened:
        assert opened.subscribe("nonsense")["type"] == "error"
        assert opened.subscribe("id=in.x")["type"] == "error"
        assert (
            opened.ask(type="subscribe", config={"schema": "auth", "table": "users"})["error"]
            == "table auth.users not enabled for realtime"
        )
        assert opened.ask(type="nope")["type"] == "error"
        assert opened.subscribe()["type"] == "ack"


def test_event_selects_changes(march: Running, client: Client) -> None:
    """INSERT and UPDATE, or all."""
    with socket(march) as opened:
        opened.subscribe(event="INSERT")
        client.run("echo")

        assert statuses(opened.rest()) == ["pending", "pending"]


def test_subscriptions_do_not_multiply_frames(march: Running, client: Client) -> None:
    """Two frames for each change of a job, however many subscriptions match."""
    with socket(march) as opened:
        opened.subscribe()
        opened.subscribe("job_name=eq.echo")
        client.run("echo")

        assert statuses(opened.rest()) == LIFE


def test_unsubscribe_ends_a_subscription(march: Running, client: Client) -> None:
    """An unknown id is acknowledged, too."""
    with socket(march) as opened:
        identifier = opened.subscribe()["payload"]["subscription_id"]
        for known in (identifier, "unknown"):
            assert opened.ask(type="unsubscribe", subscription_id=known)["payload"] == {"subscription_id": known, "unsubscribed": True}
        client.run("echo")

        assert opened.rest() == []


def test_users_see_their_own_jobs(march: Running, client: Client, march_admin: Client) -> None:
    """Not those of others, nor those of nobody; a service role sees all."""
    with march.client("") as nobody:
        token = nobody.sign_up()
    with socket(march, token) as other, socket(march) as own, socket(march, march.service_key) as service:
        for opened in (other, own, service):
            opened.subscribe()
        client.run("echo")
        march_admin.run("echo")

        assert [statuses(opened.rest()) for opened in (other, own, service)] == [[], LIFE, LIFE * 2]


def test_record_after_a_retry_and_a_progress(march: Running, client: Client) -> None:
    """The row as PostgreSQL has it: progress as an object, no payload, no result; the old row without columns for the progress."""
    job_id = client.run("flaky")["id"]
    with socket(march) as opened:
        opened.subscribe(f"id=eq.{job_id}")
        client.retry(job_id)
        frames = opened.until(is_end)

    first, last = frames[0]["payload"], frames[-1]["payload"]
    assert (first["type"], first["old_record"]["status"], first["record"]["status"]) == ("UPDATE", "failed", "pending")
    assert (first["record"]["retry_count"], first["record"]["error_message"], first["record"]["progress_percent"]) == (1, None, 30)
    assert last["record"]["progress"]["message"] == last["record"]["progress_message"] == "about to fail"
    assert "progress_percent" not in last["old_record"]
    assert not {"payload", "result", "job_function_id"} & last["record"].keys()


@pytest.mark.parametrize("reader", ["user", "service"])
def test_log_subscription_writes_into_the_log(march: Running, client: Client, reader: str) -> None:
    """A line of the server's for each subscription, stored, also after the job's end; lines from before are not sent again."""
    job_id = client.run("echo")["id"]
    before = client.messages(job_id)
    with socket(march, march.service_key if reader == "service" else None) as opened:
        assert opened.subscribe_logs(job_id)["payload"]["type"] == "job"
        assert lines(opened.rest()) == [(len(before) + 1, CREATED)]

    assert client.messages(job_id) == [*before, ("info", CREATED)]


def test_log_lines_come_live_where_http_hides_them(april: Running) -> None:
    """2026-04 hides a job's log from HTTP until its next start, and its WebSocket delivers it."""
    with april.client() as client:
        job_id = client.queue("echo", {"a": 1}, scheduled_at=soon(0.3))
        with socket(april) as opened:
            opened.subscribe_logs(job_id)
            received = lines(opened.until(lambda frame: "__RESULT__" in json.dumps(frame)))
        assert [number for number, _ in received] == [1, 2]
        assert client.messages(job_id) == []


def test_service_role_may_ask_for_any_log(march: Running) -> None:
    """Also of a job that does not exist, by an id that is none, of any type."""
    with socket(march, march.service_key) as opened:
        for job_id, kind in [(str(uuid4()), "job"), ("x", "job"), (str(uuid4()), "zzz")]:
            payload = opened.subscribe_logs(job_id, kind)["payload"]
            assert (payload["execution_id"], payload["type"], payload["subscribed"]) == (job_id, kind, True)


def test_refused_log_subscriptions(march: Running, march_admin: Client) -> None:
    """A user may read the logs of their own jobs and of jobs of nobody."""
    with socket(march) as opened, socket(march, "") as anonymous:
        assert opened.subscribe_logs(str(uuid4()))["error"] == "execution not found"
        assert opened.subscribe_logs("")["error"] == "execution_id is required for subscribe_logs"
        assert opened.subscribe_logs(march_admin.run("echo")["id"])["type"] == "ack"
        assert anonymous.subscribe_logs(str(uuid4()))["error"] == "authentication required"


def test_token_is_renewed_on_the_open_socket(march: Running, sign: Sign) -> None:
    """A bad or expired one is an error, and the socket stays as it was."""
    with socket(march) as opened:
        assert opened.ask(type="access_token", token=march.user_key)["payload"] == {"type": "access_token", "updated": True}
        for token in ("x", sign(role="service_role", lifetime=-60)):
            assert opened.ask(type="access_token", token=token)["error"] == "invalid token"
        assert opened.subscribe()["type"] == "ack"


def test_token_that_expires_leaves_the_socket_open() -> None:
    """It is checked when the socket opens only."""
    clock = AdjustableClock()
    with serving(profile=MARCH, clock=clock) as running, socket(running) as opened:
        clock.ahead_seconds += 48 * 3600

        assert opened.subscribe()["type"] == "ack"
        with pytest.raises(InvalidStatus, match="401"), socket(running):
            """Refused before the upgrade."""


@pytest.mark.parametrize("message", ["[]", "7", "null", '"text"', "", "{"])
def test_message_that_is_no_object_tears_the_socket(march: Running, message: str) -> None:
    """Without a close frame."""
    with socket(march) as opened:
        opened.connection.send(message)
        with pytest.raises(ConnectionClosedError, match="no close frame received"):
            opened.receive()


def test_heartbeats() -> None:
    """The server sends one every 30 s, and does not answer those of clients."""
    clock = AdjustableClock()
    with serving(profile=MARCH, clock=clock) as running, socket(running) as opened:
        opened.send(type="heartbeat")
        assert opened.rest() == []
        clock.ahead_seconds += 30
        assert opened.receive() == {"type": "heartbeat"}


def test_ten_sockets_for_all_service_roles(sign: Sign) -> None:
    """Whatever their `sub`; a `user_id` claim makes another user. The eleventh is torn without a frame, and a closed one frees its place."""
    with serving(profile=MARCH) as running, ExitStack() as stack:
        opened = [stack.enter_context(socket(running, sign(role="service_role", sub=f"worker {number}"))) for number in range(10)]
        with socket(running, running.service_key) as refused, pytest.raises(ConnectionClosedError, match="no close frame received"):
            refused.receive()
        with socket(running, sign(role="service_role", user_id=str(uuid4()))) as other:
            assert other.subscribe()["type"] == "ack"
        opened[0].connection.close()
        eventually(lambda: can_subscribe(running), bool)


def test_twenty_anonymous_sockets_of_an_address() -> None:
    """A user of the same address has sockets of their own."""
    with serving(profile=MARCH) as running, ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket(running, ""))
        with socket(running, "") as refused, pytest.raises(ConnectionClosedError):
            refused.receive()
        with socket(running) as own:
            assert own.subscribe()["type"] == "ack"


def test_service_key_opens_the_socket_of_nobody(april: Running) -> None:
    """A service key is accepted, and the socket may not subscribe all the same."""
    with april.client(april.service_key) as admin:
        body = {"name": f"key {uuid4()}", "key_type": "service", "scopes": ["*"]}
        key = admin.post("/api/v1/admin/service-keys", json=body).raise_for_status().json()["key"]
    with socket(april, "", **{"X-Service-Key": key}) as opened:
        assert opened.subscribe()["error"] == "authentication required for subscriptions"
    with pytest.raises(InvalidStatus, match="401"), socket(april, "", **{"X-Service-Key": "sk_live_nope"}):
        """Refused before the upgrade."""


@pytest.mark.parametrize(("profile", "status"), [(MARCH, 404), (APRIL, 503)])
def test_realtime_that_is_not_enabled(profile: Any, status: int) -> None:
    """A response in place of the upgrade, and the same one to a plain request."""
    with serving(profile=profile, realtime="off") as running:
        with pytest.raises(InvalidStatus, match=str(status)), socket(running):
            """Refused before the upgrade."""
        assert httpx.get(f"{running.url}/realtime", trust_env=False).json()["code"] == "FEATURE_DISABLED"


def test_plain_request_is_426(emulator: Running) -> None:
    """The path is for WebSockets."""
    assert httpx.get(f"{emulator.url}/realtime", trust_env=False).status_code == 426


def test_each_change_comes_as_it_happens(march: Running, client: Client) -> None:
    """A hundred jobs, each announced before the next one is submitted."""
    with socket(march) as opened:
        opened.subscribe(event="INSERT")
        for _ in range(100):
            job_id = client.queue("echo")
            assert {opened.receive()["payload"]["record"]["id"] for _ in range(2)} == {job_id}


def test_flood_of_lines_is_delivered_in_order() -> None:
    """A thousand lines of one job; none is lost without a fault, and several frames share a message."""

    @job_function("flood")
    def flood(_payload: dict[str, Any], context: Context) -> None:
        for number in range(1_000):
            context.log(f"line {number}")

    with serving(flood, profile=APRIL) as running, running.client() as client:
        job_id = client.queue("flood", scheduled_at=soon(0.3))
        with socket(running) as opened:
            opened.subscribe_logs(job_id)
            received = lines(opened.until(lambda frame: "__RESULT__" in json.dumps(frame)))

    assert [number for number, _ in received] == list(range(1, 1_003))


def can_subscribe(running: Running) -> bool:
    """Whether there is room for a service role's socket."""
    try:
        with socket(running, running.service_key) as opened:
            return bool(opened.subscribe()["type"] == "ack")
    except ConnectionClosedError:
        return False


def soon(seconds: float = SECONDS * 360) -> str:
    """A time in the future, as text."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + seconds)) + f".{int((time.time() + seconds) % 1 * 1e6):06d}Z"


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ('{"type": "\\ud800"}', "unknown message type: \ufffd"),
        ('{"type": "subscribe", "config": {"table": "\\udfff"}}', "table public.\ufffd not enabled for realtime"),
        ('{"type": "subscribe", "config": {"schema": "jobs", "table": "queue", "filter": "\\ud800"}}', "invalid filter: \ufffd"),
    ],
)
def test_lone_surrogates_are_replaced(march: Running, frame: str, answer: str) -> None:
    """As in requests: Go has no such text."""
    with socket(march) as opened:
        opened.connection.send(frame)

        assert opened.receive()["error"] == answer


def test_a_log_of_a_lone_surrogate_is_subscribed_to(march: Running) -> None:
    """A service role gets an ack for any id."""
    with socket(march, march.service_key) as opened:
        opened.connection.send('{"type": "subscribe_logs", "config": {"execution_id": "\\ud800", "type": "\\ud800"}}')

        assert opened.receive()["payload"]["execution_id"] == "\ufffd"
        assert opened.ask(type="nope")["type"] == "error"


def test_a_frame_that_is_no_utf_8_closes_the_socket_without_a_traceback(march: Running, caplog: pytest.LogCaptureFixture) -> None:
    """It is the client's fault, not the emulator's."""
    with socket(march) as opened:
        opened.connection.send(b"\xff", text=True)
        with pytest.raises(ConnectionClosedError):
            opened.receive()

    assert opened.connection.close_code == 1007
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "more",
    [
        f"x: {'y' * 10_000}\r\n\r\n",
        "x: y\r\n" * 200 + "\r\n",
        "content-length: 3\r\n\r\nabc",
        "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["long head", "many headers", "body", "chunked body"],
)
def test_a_request_that_cannot_be_upgraded_is_refused(march: Running, more: str) -> None:
    """At once: a connection that waits for an answer would stay open for ever."""
    head = (
        "GET /realtime HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"
    )
    address = urlsplit(march.url)
    with create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        connection.sendall((head + more).encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
