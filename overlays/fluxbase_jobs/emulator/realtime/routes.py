"""The WebSocket at /realtime, and its responses to requests that are no WebSocket or may not open one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..auth.authenticator import Caller, UnauthorizedError
from ..clock import Clock
from ..faults.frames import TORN
from ..formats.json_text import JSONValue
from ..http.endpoints import Call, public
from ..http.rate_limits import client_address
from ..http.responses import error
from ..services import Services
from .connection import Connection
from .hub import Hub
from .protocol import MalformedFrameError, heartbeat

PATH: Final = "/realtime"

_HEARTBEAT_SECONDS: Final = 30
_MOST_HEARTBEATS_A_SECOND: Final = 10


def routes(services: Services, hub: Hub) -> list[BaseRoute]:
    """The WebSocket, and what a plain request to it gets."""
    if services.settings.realtime == "off":
        return [Route(PATH, public(partial(_disabled, services)), methods=["GET"]), WebSocketRoute(PATH, partial(_refuse, services))]
    return [Route(PATH, public(_upgrade_required), methods=["GET"]), WebSocketRoute(PATH, partial(_serve, services, hub))]


async def _serve(services: Services, hub: Hub, websocket: WebSocket) -> None:
    try:
        caller = await run_in_threadpool(_authenticate, services, websocket)
    except UnauthorizedError as unauthorized:
        await websocket.send_denial_response(error(401, str(unauthorized)))
        return
    await websocket.accept()
    connection = hub.open(caller, client_address(websocket))
    if connection is None:
        await websocket.close(TORN)  # often without the frame `max_connections_reached` that the server means to send
        return
    try:
        await _exchange(websocket, connection, services.clock)
    finally:
        hub.close(connection)


async def _exchange(websocket: WebSocket, connection: Connection, clock: Clock) -> None:
    """Send and receive until the client leaves or its message is no JSON object."""
    tasks = [
        asyncio.create_task(work) for work in (_receive(websocket, connection), _send(websocket, connection), _beat(connection, clock))
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    if any(isinstance(end, MalformedFrameError) for end in ends):
        await websocket.close(TORN)
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, MalformedFrameError | WebSocketDisconnect):
            raise end


async def _receive(websocket: WebSocket, connection: Connection) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text: str = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
        await run_in_threadpool(connection.handle, text)


async def _send(websocket: WebSocket, connection: Connection) -> None:
    while True:
        await websocket.send_text(await connection.next_message())


async def _beat(connection: Connection, clock: Clock) -> None:
    """Send a heartbeat every 30 s. A test that sets its clock a year forward would wait for a million of them, so they pause in between."""
    sent: deque[float] = deque(maxlen=_MOST_HEARTBEATS_A_SECOND)
    while True:
        await clock.sleep(_HEARTBEAT_SECONDS)
        connection.send(heartbeat())
        sent.append(time.monotonic())
        if len(sent) == _MOST_HEARTBEATS_A_SECOND and sent[-1] - sent[0] < 1:
            await asyncio.sleep(1)


def _authenticate(services: Services, websocket: WebSocket) -> Caller:
    """Find out who opens a socket, from a token in the header or in the query (token in the query). A key makes nobody of its owner.

    Raises:
        UnauthorizedError: the token or the key is not valid.
    """
    token = websocket.query_params.get("token")
    headers = {**websocket.headers}
    if token and "authorization" not in headers:
        headers["authorization"] = f"Bearer {token}"
    if not any(name in headers for name in ("authorization", "x-service-key", "x-client-key", "clientkey")):
        return Caller()
    caller = services.authenticator.authenticate(headers, {})
    return caller if caller.scopes is None and "x-service-key" not in headers else Caller()


def _upgrade_required(_: Call) -> Response:
    return error(426, "Upgrade Required")


async def _refuse(services: Services, websocket: WebSocket) -> None:
    await websocket.send_denial_response(_disabled(services))


def _disabled(services: Services, _: Call | None = None) -> Response:
    if services.settings.profile.disabled_feature_is_not_found:
        return error(404, "Feature not available", code="FEATURE_DISABLED")
    extras: dict[str, JSONValue] = {"code": "FEATURE_DISABLED", "feature_key": "app.realtime.enabled"}
    return error(503, "Feature is not enabled", **extras)
