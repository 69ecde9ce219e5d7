"""A proxy on loopback that forwards to a server and changes what it answers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import urlsplit

Change: TypeAlias = Callable[[str, int, bytes], tuple[int, bytes]]
"""Takes the target, the status and the body of an answer; returns the status and body to send instead."""


@contextmanager
def changing(url: str, change: Change) -> Generator[str]:
    """Serve the proxy from a thread while the block runs; its address."""
    address = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            connection.request(self.command, self.path, content or None, dict(self.headers.items()))
            response = connection.getresponse()
            status, body = change(self.path, response.status, response.read())
            connection.close()
            self.send_response_only(status)
            for name, value in response.getheaders():
                if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = forward  # noqa: N815  # the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the parent's parameter
            """Write nothing: the test says what it wants to see."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
