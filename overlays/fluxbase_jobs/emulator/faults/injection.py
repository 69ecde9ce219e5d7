"""ASGI middleware that makes requests fail: with another answer, late, half, or without any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .faults import Fault, Faults
from .frames import TORN

EXTENSION: Final = "fluxbase_jobs.testing"
"""The ASGI extension that holds `close_connection`, a function that closes the connection without sending more."""


class FaultInjection:
    """ASGI middleware that makes requests fail, and passes all others on.

    Args:
        app: the next application.
        faults: the faults to apply.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the lifespan passes."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        fault = self._faults.claim(scope)
        if scope["type"] == "websocket":
            await self._serve_socket(fault, scope, receive, send)
            return
        if fault is None:
            await self._app(scope, receive, send)
            return
        messages = await self._respond(fault, scope, receive)
        # The delay comes after the request is handled, as for a client that timed out although the server did the work.
        await asyncio.sleep(fault.delay_seconds)
        if fault.drop:
            await _close_connection(scope, receive)
        elif fault.half_body:
            await _send_half(messages, send)
            await _close_connection(scope, receive)
        else:
            for message in messages:
                await send(message)

    async def _serve_socket(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault:
            await asyncio.sleep(fault.delay_seconds)
            if fault.status:
                for message in _fault_response(fault):
                    await send({**message, "type": f"websocket.{message['type']}"})
                return
            if fault.drop or fault.half_body:
                await send({"type": "websocket.close", "code": TORN})
                return
        socket = self._faults.frames.opened(send)
        try:
            await self._app(scope, receive, socket.send)
        finally:
            self._faults.frames.closed(socket)

    async def _respond(self, fault: Fault, scope: Scope, receive: Receive) -> list[Message]:
        if fault.status:
            await _read_request(receive)
            return _fault_response(fault)
        messages: list[Message] = []
        if fault.drop != "before":

            async def collect(message: Message) -> None:
                messages.append(message)

            await self._app(scope, receive, collect)
        return messages


def _fault_response(fault: Fault) -> list[Message]:
    start: Message = {"type": "http.response.start", "status": fault.status, "headers": []}
    headers = MutableHeaders(scope=start)
    headers["content-length"] = str(len(fault.body))
    for name, value in fault.headers:
        headers[name] = value
    return [start, {"type": "http.response.body", "body": fault.body}]


async def _send_half(messages: list[Message], send: Send) -> None:
    start, *parts = messages
    await send(start)
    body = b"".join(part.get("body", b"") for part in parts)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _close_connection(scope: Scope, receive: Receive) -> None:
    close_connection: Callable[[], None] = scope["extensions"][EXTENSION]["close_connection"]
    close_connection()
    while (await receive())["type"] != "http.disconnect":
        """Discard what the client still sends."""


async def _read_request(receive: Receive) -> None:
    """Read the whole request: a client that is still sending would not see the response."""
    while (await receive()).get("more_body", False):
        """Discard each part."""
