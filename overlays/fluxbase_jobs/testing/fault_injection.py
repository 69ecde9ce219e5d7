"""The outermost layer of a test server: it carries the ordered faults out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from .asgi import EXTENSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .faults import Fault, Faults


class FaultInjection:
    """Lets requests go wrong as ordered, and all others pass.

    Args:
        app: what answers requests.
        faults: the orders.

    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        fault = self._faults.take(scope) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        messages = await self._answer(fault, scope, receive)
        # Handled first, late afterwards: what a client no longer waits for has happened all the same.
        await asyncio.sleep(fault.delay_seconds)
        if fault.drop:
            await _hang_up(scope, receive)
        elif fault.half_body:
            await _send_half(messages, send)
            await _hang_up(scope, receive)
        else:
            for message in messages:
                await send(message)

    async def _answer(self, fault: Fault, scope: Scope, receive: Receive) -> list[Message]:
        if fault.status:
            await _read_request(receive)
            return _own_answer(fault)
        messages: list[Message] = []
        if fault.drop != "before":

            async def hold(message: Message) -> None:
                messages.append(message)

            await self._app(scope, receive, hold)
        return messages


def _own_answer(fault: Fault) -> list[Message]:
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


async def _hang_up(scope: Scope, receive: Receive) -> None:
    hang_up: Callable[[], None] = scope["extensions"][EXTENSION]["hang_up"]
    hang_up()
    while (await receive())["type"] != "http.disconnect":
        """What is still being sent."""


async def _read_request(receive: Receive) -> None:
    """Read what is being sent: a client that is still sending would not see the answer."""
    while (await receive()).get("more_body", False):
        """The next part."""
