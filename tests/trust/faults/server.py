"""A server that answers honestly, but for the one behaviour that a cell of the matrix is about."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Final, Self
from uuid import UUID

from attrs import define, field, frozen

from tests.support.sample_responses import LINES, job, page, recorded
from tests.trust.faults.certificates import HONEST
from tests.trust.faults.described import kinds_in

OTHER_ID: Final = "0c0ffee0-0000-4000-8000-000000000001"
SECRET: Final = "panther-secret-0123456789"
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_KEY: Final = re.compile(rb"(?i)\r\nidempotency-key: *([!-~]+)")


@frozen
class Received:
    """One request."""

    method: str
    path: str
    key: str
    body: bytes


@frozen
class Reply:
    """An honest answer: what a behaviour spoils."""

    status: int
    body: Any
    headers: dict[str, str] = field(factory=dict[str, str])

    def content(self) -> bytes:
        """The body as bytes."""
        return b"" if self.body is None else self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()

    def wire(self, version: str = "1.1", length: int | None = None) -> bytes:
        """The whole answer."""
        content = self.content()
        lines = {"content-type": "application/json", "content-length": str(len(content) if length is None else length), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/{version} {self.status} X\r\n{head}\r\n".encode("latin-1") + content


Behaviour = Callable[[socket.socket, Reply], bool]
"""Sends what it wants in place of the honest answer; whether the connection stays open."""


@define
class MisbehavingServer:
    """Handles each connection in a thread; keeps the jobs that were submitted, one for each idempotency key."""

    behaviour: Behaviour | None = None
    before_reading: bool = False
    """Whether the behaviour is one towards a request, or a TLS handshake, that was not read."""
    tls: bool = False
    times: int | None = None
    """How many requests are spoiled; None for all."""
    spoiled: int = 0
    received: list[Received] = field(factory=list[Received])
    jobs: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    """By idempotency key."""
    kinds: set[str] = field(factory=set[str])
    """The schemas of the objects in all honest answers."""
    _listener: socket.socket = field(init=False)
    _lock: threading.Lock = field(factory=threading.Lock)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def reset(
        self, behaviour: Behaviour | None = None, *, before_reading: bool = False, tls: bool = False, times: int | None = None
    ) -> None:
        """Begin a new cell."""
        self.behaviour, self.before_reading, self.tls, self.times, self.spoiled = behaviour, before_reading, tls, times, 0
        self.received.clear()
        self.jobs.clear()
        self.kinds.clear()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                if not self.tls:
                    self._answer_all(connection)
                elif self._spoil_unread(connection) is None:
                    with HONEST.wrap_socket(connection, server_side=True) as secured:
                        self._answer_all(secured)
            except (OSError, ValueError):  # the client has gone, or sent TLS
                return

    def _answer_all(self, connection: socket.socket) -> None:
        while self._answer(connection):
            pass

    def _spoil_unread(self, connection: socket.socket) -> bool | None:
        """What the behaviour says of the connection, if it is one towards what was not read; else None."""
        if self.before_reading and connection.recv(1, socket.MSG_PEEK) and (behaviour := self._claim()):
            return behaviour(connection, Reply(200, None))
        return None

    def _answer(self, connection: socket.socket) -> bool:
        if not self.tls and (kept := self._spoil_unread(connection)) is not None:
            return kept
        request = _read(connection)
        if request is None:
            return False
        reply = self._honest(request)
        self.kinds |= kinds_in(reply.body)
        behaviour = None if self.before_reading else self._claim()
        if behaviour is None:
            connection.sendall(reply.wire())
            return True
        return behaviour(connection, reply)

    def _claim(self) -> Behaviour | None:
        with self._lock:
            if self.behaviour is None or self.spoiled == self.times:
                return None
            self.spoiled += 1
            return self.behaviour

    def _honest(self, request: Received) -> Reply:
        with self._lock:
            self.received.append(request)
            if request.path.endswith("/submit"):
                return Reply(201, self._submitted(request))
        return _route(request)

    def _submitted(self, request: Received) -> dict[str, Any]:
        if request.key not in self.jobs:
            submitted = json.loads(request.body)
            new = str(UUID(int=1000 + len(self.jobs)))
            self.jobs[request.key] = job(id=new, job_name=submitted["job_name"], status="completed")
        return self.jobs[request.key]


def _read(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(found[1]) if (found := _LENGTH.search(head)) else 0
    while len(body) < length and (more := connection.recv(65536)):
        body += more
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    key = _KEY.search(head)
    return Received(method, target.partition("?")[0], key[1].decode() if key else "", body)


_CONFIRMED: Final = {"/cancel": "Job cancelled", "/terminate": "Job terminated", "/retry": "Job requeued for retry"}
_RECORDED: Final = {
    "/admin/jobs/stats": "GET /stats",
    "/admin/jobs/workers": "GET /workers",
    "/admin/jobs/namespaces": "GET /namespaces",
    "/admin/jobs/functions": "GET /functions",
    "/admin/jobs/functions/default/echo": "GET /functions/default/echo",
}
_TOKENS: Final = {"access_token": "eyJ.next-token", "refresh_token": "next-refresh-token", "expires_in": 900}


def _route(request: Received) -> Reply:
    path = request.path.removeprefix("/api/v1")
    last = path.rpartition("/")[2]
    if request.method == "DELETE":
        return Reply(204, None)
    if path in _RECORDED:
        return Reply(200, recorded("admin", _RECORDED[path]).json())
    if path == "/admin/jobs/sync":
        return Reply(200, {**recorded("admin", "sync").json(), "errors": [{"name": "a", "error": "it is empty", "action": "create"}]})
    if path == "/auth/refresh":
        return Reply(200, _TOKENS)
    if path == "/auth/signin":
        return Reply(200, {**recorded("auth_tokens", "signin").json(), **_TOKENS})
    return _job_route(path, last)


def _job_route(path: str, last: str) -> Reply:
    if f"/{last}" in _CONFIRMED:
        return Reply(200, {"message": _CONFIRMED[f"/{last}"]})
    if last == "resubmit":
        return Reply(201, job(id=OTHER_ID, status="pending"))
    if last == "logs":
        return Reply(200, {"logs": LINES, "count": 2})
    return Reply(200, page(job()) if path in {"/jobs", "/admin/jobs", "/admin/jobs/queue"} else job(id=last))


def reset_connection(connection: socket.socket) -> None:
    """Close a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
