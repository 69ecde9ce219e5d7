"""A real HTTP server on loopback: it answers what a test tells it, faults included, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field, frozen

Fault = Literal["drop before reading", "drop after reading", "half a body"]


@frozen(kw_only=True)
class Request:
    """What one request said. Header names are in lower case, the values of repeated ones joined by commas."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    """The client's port, which tells connections apart."""

    @property
    def path(self) -> str:
        """The target without its query, as it came."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@frozen
class Answer:
    """What to answer one request with."""

    status: int = 200
    body: Any = b""
    """Bytes as they are; text in UTF-8; anything else as JSON."""
    headers: Mapping[str, str] = field(factory=dict[str, str])
    fault: Fault | None = None
    delay: float = 0.0
    """Seconds before the answer."""
    pieces: int = 1
    """In how many pieces the body comes, `delay` seconds apart."""

    def content(self) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@define
class LocalServer:
    """The server. Without answers left it repeats the last one."""

    answers: deque[Answer] = field(factory=deque[Answer])
    requests: list[Request] = field(factory=list[Request])
    last: Answer = Answer(status=500)
    http: ThreadingHTTPServer = field(init=False)
    _thread: threading.Thread = field(init=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    @property
    def asked(self) -> list[str]:
        """What was asked so far: methods and paths."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def answer(self, *answers: Answer) -> Self:
        """Answer the next requests so, in this order."""
        self.answers.extend(answers)
        return self

    def next(self) -> Answer:
        """The answer to the request at hand."""
        if self.answers:
            self.last = self.answers.popleft()
        return self.last

    def answer_to(self, request: Request, planned: Answer) -> Answer:  # noqa: ARG002  # for servers that look at it
        """The answer to a request that was read, where `planned` is what `next` gave."""
        return planned

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"server_under_test": self})
        self.http = _Listener(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.001,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # five otherwise: the sixth of many connections at once waits a second


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart: with it, each answer on a kept connection waits 40 ms for the other
    server_under_test: ClassVar[LocalServer]

    def do_GET(self) -> None:
        answer = self.server_under_test.next()
        if answer.fault == "drop before reading":
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        port = self.client_address[1]
        request = Request(method=self.command, target=self.path, headers=headers, body=body, connection=port)
        self.server_under_test.requests.append(request)
        answer = self.server_under_test.answer_to(request, answer)
        if answer.fault == "drop after reading":
            self.close_connection = True
            return
        self._send(answer)

    do_POST = do_DELETE = do_GET  # noqa: N815  # names that http.server looks for

    def _send(self, answer: Answer) -> None:
        content = answer.content()
        time.sleep(answer.delay)
        self.send_response(answer.status, "Answer")
        for name, value in {
            "content-type": "application/json; charset=utf-8",
            "content-length": str(len(content)),
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.fault == "half a body":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        size = max(1, -(-len(content) // answer.pieces))
        for start in range(0, len(content), size):
            time.sleep(answer.delay if start else 0)
            self.wfile.write(content[start : start + size])
            self.wfile.flush()

    def handle(self) -> None:
        """Serve; a client that hangs up, as timeouts do, is no fault of the test."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class has it
        """Say nothing."""


@contextmanager
def raw_server(script: Callable[[socket.socket], None]) -> Generator[int]:
    """A port on loopback where each connection goes to the script, for what no HTTP server would do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=converse, args=(connection,), daemon=True).start()
            except OSError:  # the listener was shut down
                return

        def converse(connection: socket.socket) -> None:
            with connection:
                try:
                    script(connection)
                except OSError:  # the client hung up
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
