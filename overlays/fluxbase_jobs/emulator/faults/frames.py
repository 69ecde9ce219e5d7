"""Faults of WebSocket frames: lost, late, or followed by a close."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from threading import Lock
from typing import Any, Final, Literal, TypeAlias, get_args

from attrs import define, field
from starlette.types import Message, Send

from .fault_list import Counted, FaultList

FrameType: TypeAlias = Literal["ack", "error", "heartbeat", "postgres_changes", "execution_log", "*"]
TORN: Final = 1006
"""As the code of `websocket.close`: tear the connection down without a close frame, as no frame may have this code."""

FRAME_TYPES: Final[tuple[FrameType, ...]] = get_args(FrameType)


@define(eq=False)
class FrameFault(Counted):
    """One fault of frames, as `Faults.add_frame_fault` made it.

    `hits` is the number of frames that it has hit so far.
    """

    frame: FrameType
    hits: int = field(default=0, init=False)
    contains: str = field(default="", repr=False)
    drop: bool = False
    cut: bool = False
    delay_seconds: float = 0.0
    _times: int | None = field(default=1, alias="times")
    _skip: int = field(default=0, alias="skip", repr=False)

    def claim(self, frame: str) -> bool:
        """Whether this fault applies to the frame; if so, the frame is counted."""
        if self.contains not in frame or self.frame not in {"*", json.loads(frame)["type"]} or not self._is_due():
            return False
        self.hits += 1
        return True


class FrameFaults(FaultList[FrameFault]):
    """The faults of a server's frames, and its open sockets."""

    def __init__(self) -> None:
        super().__init__()
        self._sockets: set[FaultySocket] = set()
        self._sockets_lock = Lock()

    def claim(self, frame: str) -> FrameFault | None:
        """The fault that applies to this frame, if there is one."""
        return self.first(lambda fault: fault.claim(frame))

    def opened(self, send: Send) -> FaultySocket:
        """A socket whose frames may fail. `closed` ends it."""
        socket = FaultySocket(self, send)
        with self._sockets_lock:
            self._sockets.add(socket)
        return socket

    def closed(self, socket: FaultySocket) -> None:
        """Forget a socket."""
        socket.discard()
        with self._sockets_lock:
            self._sockets.discard(socket)

    def cut_sockets(self) -> int:
        """Cut all open sockets, and count them. From any thread."""
        with self._sockets_lock:
            open_sockets = [socket for socket in self._sockets if socket.is_open]
        for socket in open_sockets:
            socket.cut_soon()
        return len(open_sockets)


class FaultySocket:
    """Sends an application's messages to a client, frame by frame where one of them fails.

    Args:
        faults: the faults to apply.
        send: sends a message to the client.
    """

    def __init__(self, faults: FrameFaults, send: Send) -> None:
        self._faults = faults
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._late: set[asyncio.Task[None]] = set()
        self.is_open = False

    async def send(self, message: Message) -> None:
        """Send one message."""
        if message["type"] == "websocket.accept":
            self.is_open = True
        if message["type"] == "websocket.close":
            self.is_open = False
        if message["type"] == "websocket.send":
            await self._send_frames(message["text"])
        else:
            await self._send(message)

    def cut_soon(self) -> None:
        """Tear the connection down without a close frame. From any thread."""
        with suppress(RuntimeError):  # the loop has closed, and the socket with it
            self._loop.call_soon_threadsafe(lambda: self._start(self.cut()))

    async def cut(self) -> None:
        """Tear the connection down without a close frame, and send nothing more."""
        if self.is_open:
            self.is_open = False
            await self._send({"type": "websocket.close", "code": TORN})

    def discard(self) -> None:
        """Send no late frames any more."""
        self.is_open = False
        for task in self._late:
            task.cancel()

    async def _send_frames(self, text: str) -> None:
        passed: list[str] = []
        for frame in text.removesuffix("\n").split("\n"):  # not `splitlines`: JSON may hold other line breaks
            fault = self._faults.claim(frame)
            if fault is None:
                passed.append(f"{frame}\n")
            elif fault.cut:
                await self._pass_on("".join(passed))
                await self.cut()
                return
            elif fault.delay_seconds:
                self._start(self._send_late(f"{frame}\n", fault.delay_seconds))
        await self._pass_on("".join(passed))

    async def _send_late(self, frame: str, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        await self._pass_on(frame)

    async def _pass_on(self, text: str) -> None:
        if text and self.is_open:
            await self._send({"type": "websocket.send", "text": text})

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
