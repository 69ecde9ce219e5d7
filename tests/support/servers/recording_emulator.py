"""An emulator behind a recorder: what of a request reaches a server, as it parses it."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from attrs import define, evolve, field, frozen
from fluxbase_jobs.emulator.app import Emulator
from fluxbase_jobs.emulator.handlers.loader import load_functions
from fluxbase_jobs.emulator.server.sockets import http_config, listen, url_of
from fluxbase_jobs.emulator.settings import Settings
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.servers.emulator_in_process import HANDLERS, SECRET, eventually


@frozen
class Seen:
    """One request."""

    method: str
    path: str
    """As it was sent, with its escapes."""
    query: bytes
    headers: list[tuple[str, str]]
    body: bytes


@define
class Recorder:
    """The ASGI application that records requests and passes them on."""

    app: ASGIApp
    url: str = ""
    key: str = field(default="", repr=False)
    seen: list[Seen] = field(factory=list[Seen])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then handle the request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.seen.append(Seen(scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"], headers, body))

        async def receive_again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, receive_again, send)

    def taken(self) -> list[Seen]:
        """The requests since the last call."""
        found, self.seen = self.seen, []
        return found


@contextmanager
def recording() -> Generator[Recorder]:
    """Serve an emulator from a thread."""
    emulator = Emulator(evolve(Settings(jwt_secret=SECRET, poll_interval=0.01, rate_limit=None)), load_functions(HANDLERS))
    listener = listen("127.0.0.1", 0)
    recorder = Recorder(emulator.app, url_of(listener), emulator.service_key())
    server = uvicorn.Server(http_config(recorder))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        eventually(lambda: server.started, bool)
        yield recorder
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
