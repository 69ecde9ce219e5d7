"""A real HTTP server on loopback that sends prepared responses, faults included, and records the requests."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from attrs import define, evolve, field, frozen

Fault = Literal["drop before reading", "drop after reading", "half a body"]


@frozen(kw_only=True)
class Request:
    """One request. Header names are in lower case, and the values of repeated headers are joined by commas."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    """The client's port, which identifies the connection."""

    @property
    def path(self) -> str:
        """The target without its query, undecoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> Any:
        """The decoded JSON body."""
        return json.loads(self.body)


@frozen
class Answer:
    """The response to one request."""

    status: int = 200
    body: Any = b""
    """Bytes unchanged, a string in UTF-8, anything else as JSON."""
    headers: Mapping[str, str] = field(factory=dict[str, str])
    fault: Fault | None = None
    delay: float = 0.0
    """Seconds before the response."""
    pieces: int = 1
    """The number of pieces in which the body is sent, `delay` seconds apart."""

    def content(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@define
class LocalServer:
    """The server. When no prepared answer is left, it repeats the last one."""

    answers: deque[Answer] = field(factory=deque[Answer])
    requests: list[Request] = field(factory=list[Request])
    last: Answer = Answer(status=500)
    http: ThreadingHTTPServer = field(init=False)
    _thread: threading.Thread = field(init=False)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    @property
    def request_lines(self) -> list[str]:
        """Method and path of each request so far."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def answer(self, *answers: Answer) -> Self:
        """Prepare the answers to the next requests, in this order."""
        self.answers.extend(answers)
        return self

    def next(self) -> Answer:
        """Take the answer to the current request."""
        if self.answers:
            self.last = self.answers.popleft()
        return self.last

    def answer_to(self, request: Request, planned: Answer) -> Answer:  # noqa: ARG002  # for subclasses that use it
        """Override to choose the answer by the request; `planned` is what `next` returned."""
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
    request_queue_size = 64  # the default of 5 delays the sixth simultaneous connection by a second


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are separate writes, and with Nagle each answer on a reused connection waits 40 ms
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
        answer = _as_submitted(self.server_under_test.answer_to(request, answer), request)
        if answer.fault == "drop after reading":
            self.close_connection = True
            return
        self._send(answer)

    do_POST = do_DELETE = do_GET  # noqa: N815  # names that http.server requires

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
        """Serve requests; a client may close the connection at any time, as after a timeout."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError, ssl.SSLError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class has it
        """Log nothing."""


def _as_submitted(answer: Answer, request: Request) -> Answer:
    """A sample job with the name that was submitted, as a server answers."""
    if request.path.endswith("/submit") and hasattr(answer.body, "as_submitted"):
        return evolve(answer, body=answer.body.as_submitted(request.json()))
    return answer


@contextmanager
def raw_answers(*lines: str, body: bytes = b"{}") -> Generator[str]:
    """The address of a server that answers each request with these lines and this body, and with no other header than the length."""
    head = "\r\n".join([*lines, f"content-length: {len(body)}", "connection: close", "", ""]).encode("latin-1")

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head + body)

    with raw_server(answer) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def raw_server(handle: Callable[[socket.socket], None]) -> Generator[int]:
    """Listen on a loopback port and pass each connection to a function, for responses that no HTTP server would send."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=serve_connection, args=(connection,), daemon=True).start()
            except OSError:  # the listener was shut down
                return

        def serve_connection(connection: socket.socket) -> None:
            with connection:
                try:
                    handle(connection)
                except OSError:  # the client closed the connection
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
