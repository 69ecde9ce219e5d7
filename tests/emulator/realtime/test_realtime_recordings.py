"""The emulator sends the recorded frames: those of the real servers, value for value.

The frames of each recorded session are sent to an emulator of the same version, with a job of the recorded function in between.
Not compared are values that differ in every run, and the order of frames of different kinds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, cast

import pytest
from fluxbase_jobs.emulator.profiles import APRIL, MARCH
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from contract import functions
from contract.recordings import FOLDER
from tests.support.servers.emulator_in_process import AdjustableClock, Client, Running, serving
from tests.support.sockets import Socket, address

RECORDED: Final = {"realtime-2026-03": MARCH, "realtime-2026-04": APRIL, "realtime-2026-04-enabled": APRIL}
LEFT_OUT: Final = {"enable table": "an admin route outside the jobs API"}
JOBS: Final = {"all my jobs: one steps job": "steps", "service role sees all": "steps", "a failing job": "boom"}
"""The job that is submitted once a session has subscribed."""

HOUR: Final = 3600
RANDOM: Final = {"id", "execution_id", "function_id", "subscription_id", "worker_id", "tenant_id", "created_by", "user_email", "filter"}
TIME_DEPENDENT: Final = {"scheduled_at", "estimated_seconds_left"}
IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT: Final = re.compile(r"20\d\d-\d\d-\d\dT[\d:.]+(?=Z$|\+00:00$)")


class Emulator:
    """An emulator, its developer and a clock, for the sessions of one recording."""

    def __init__(self, running: Running, ada: Client, clock: AdjustableClock) -> None:
        self._running = running
        self._ada = ada
        self._clock = clock

    def replay(self, name: str, session: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send a session's frames; the frames of the server."""
        sent = [frame["frame"] for frame in session if frame["from"] == "client"]
        # A job that is due later, so that the socket has subscribed before it runs.
        job_id = self._scheduled() if "by id" in name else self._ada.run("echo")["id"]
        with self._connection(name) as connection:
            for frame in sent:
                connection.send(IDENTIFIER.sub(job_id, frame))
            socket = Socket(connection)
            # One response to each frame at least; what follows it needs no answer.
            first = [socket.receive() for _ in sent]
            if name in JOBS:
                self._ada.run(JOBS[name], {"steps": 3})
            if "by id" in name:
                self._clock.ahead_seconds += HOUR
                self._ada.ended(job_id)
            if name == "another user sees nothing of it":
                self._ada.run("echo")
            return first + socket.rest()

    def _scheduled(self) -> str:
        due = datetime.fromtimestamp(self._clock.now_ns() / 1e9 + HOUR, UTC)
        return self._ada.queue("steps", {"steps": 3}, scheduled_at=due.isoformat())

    @contextmanager
    def _connection(self, name: str) -> Generator[ClientConnection]:
        token = self._running.service_key if "service role" in name else self._running.user_key
        if name in {"another user sees nothing of it", "logs of a job that is not mine"}:
            with self._running.client("") as nobody:
                token = nobody.sign_up()
        in_query = name == "token in the query"
        headers = {} if in_query or name == "no credentials" else {"Authorization": f"Bearer {token}"}
        with connect(address(self._running, f"?token={token}" if in_query else ""), additional_headers=headers, proxy=None) as connection:
            yield connection


@pytest.mark.parametrize("recording", RECORDED)
def test_recording(monkeypatch: pytest.MonkeyPatch, recording: str) -> None:
    """No session differs."""
    monkeypatch.setattr(functions, "SECOND", 0.01)
    sessions = recorded(recording)
    clock, realtime = AdjustableClock(), "all" if "enabled" in recording else "on"
    handlers = vars(functions).values()
    with serving(*handlers, profile=RECORDED[recording], realtime=realtime, clock=clock) as running, running.client() as ada:
        emulator = Emulator(running, ada, clock)
        for name, session in sessions.items():
            if name not in {*LEFT_OUT, "bad token", "odd frames"}:
                expected = [json.loads(line) for frame in session if frame["from"] == "server" for line in frame["frame"].splitlines()]
                assert comparable(emulator.replay(name, session)) == comparable(expected), name


@pytest.mark.parametrize("recording", RECORDED)
def test_bad_token_is_refused_before_the_upgrade(emulator: Running, recording: str) -> None:
    """With the recorded status."""
    (frame,) = recorded(recording)["bad token"]
    with pytest.raises(InvalidStatus) as refused, connect(address(emulator), additional_headers={"Authorization": "Bearer x"}, proxy=None):
        """Never reached."""

    assert f"status_code={refused.value.response.status_code}," in frame["frame"]
    assert f"('Content-Length', '{len(refused.value.response.body)}')" in frame["frame"]


@pytest.mark.parametrize("recording", RECORDED)
def test_odd_frames_tear_the_socket(emulator: Running, recording: str) -> None:
    """Without a close frame, as recorded."""
    first, _, end = recorded(recording)["odd frames"]
    with connect(address(emulator), proxy=None) as connection:
        connection.send(first["frame"])
        with pytest.raises(ConnectionClosedError) as torn:
            connection.recv(10)

    assert end["frame"] == f"ConnectionClosedError({torn.value.rcvd}, {torn.value.sent}, None)"


def recorded(recording: str) -> dict[str, list[dict[str, Any]]]:
    """The sessions of a recording."""
    sessions: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / f"{recording}.json").read_text("utf-8"))["sessions"]
    return sessions


def comparable(frames: list[dict[str, Any]]) -> list[Any]:
    """The frames by kind, each kind in its order, without what differs in every run; log lines by level and text."""
    masked = [mask(frame) for frame in frames]
    lines = [frame["payload"] for frame in frames if frame["type"] == "execution_log"]
    numbers = sorted(line["line_number"] for line in lines)
    # What the recorded function writes to its two outputs comes in any order.
    texts = sorted((line["level"], line["message"], sorted(line)) for line in lines)
    kinds = [[frame for frame in masked if frame["type"] == kind] for kind in ("error", "ack", "postgres_changes")]
    return [*kinds, numbers, texts]


def mask(value: Any, name: str = "") -> Any:
    """A value with a placeholder in place of what differs in every run; the order of keys is part of the value, but at the top."""
    if isinstance(value, dict):
        items = [(key, mask(item, key)) for key, item in cast("dict[str, Any]", value).items()]
        return items if name else dict(items)
    if name in TIME_DEPENDENT or (name in RANDOM and value):
        return f"<{name}>"
    return MOMENT.sub("<moment>", value) if isinstance(value, str) else value
