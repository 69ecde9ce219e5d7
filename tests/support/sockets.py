"""A plain WebSocket client of an emulator, frame by frame."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

from tests.support.servers.emulator_in_process import Running

SECONDS: Final = 10
"""How long a frame may take that must come."""

QUIET_SECONDS: Final = 0.15
"""How long nothing comes where nothing may come."""


class Socket:
    """An open socket: sends objects, and receives frame by frame what may have come in one message."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._frames: deque[dict[str, Any]] = deque()

    def send(self, **frame: Any) -> None:
        """Send a frame."""
        self.connection.send(json.dumps(frame))

    def receive(self, timeout: float = SECONDS) -> dict[str, Any]:
        """The next frame."""
        while not self._frames:
            message = self.connection.recv(timeout)
            self._frames.extend(json.loads(line) for line in str(message).splitlines())
        return self._frames.popleft()

    def ask(self, **frame: Any) -> dict[str, Any]:
        """Send a frame; the next frame that is a response."""
        self.send(**frame)
        return self.until(lambda received: received["type"] in {"ack", "error"})[-1]

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The frames up to the first one that meets a condition."""
        received = [self.receive()]
        while not condition(received[-1]):
            received.append(self.receive())
        return received

    def rest(self) -> list[dict[str, Any]]:
        """The frames that come before it is quiet."""
        received: list[dict[str, Any]] = []
        while True:
            try:
                received.append(self.receive(QUIET_SECONDS))
            except TimeoutError:
                return received

    def subscribe(self, filter: str | None = None, event: str = "*") -> dict[str, Any]:  # noqa: A002  # the frame's own name
        """Subscribe to changes of jobs; the response."""
        config = {"event": event, "schema": "jobs", "table": "queue"}
        return self.ask(type="subscribe", config=config if filter is None else {**config, "filter": filter})

    def subscribe_logs(self, job_id: str, kind: str = "job") -> dict[str, Any]:
        """Subscribe to the log lines of a job; the response."""
        return self.ask(type="subscribe_logs", config={"execution_id": job_id, "type": kind})


@contextmanager
def socket(running: Running, token: str | None = None, **headers: str) -> Generator[Socket]:
    """Open a socket with a token: the user key by default, none if it is empty."""
    token = running.user_key if token is None else token
    sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **headers}
    with connect(address(running), additional_headers=sent, proxy=None) as connection:
        yield Socket(connection)


def address(running: Running, query: str = "") -> str:
    """The address of the WebSocket."""
    return f"ws{running.url.removeprefix('http')}/realtime{query}"


def statuses(frames: list[dict[str, Any]]) -> list[str]:
    """The status in each change among the frames."""
    return [frame["payload"]["record"]["status"] for frame in frames if frame["type"] == "postgres_changes"]


def lines(frames: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Number and text of each log line among the frames."""
    payloads = [frame["payload"] for frame in frames if frame["type"] == "execution_log"]
    return [(payload["line_number"], payload["message"]) for payload in payloads]
