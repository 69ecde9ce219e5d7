"""The socket of an async client: one for each event loop of asyncio, in a task of its own. Under trio there is none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, field

from .._lazy import asyncio
from .._transports.clock import monotonic
from ..models.jobs import Job
from . import protocol
from .link import CONNECTED, HEARTBEAT_SECONDS, IDLE_SECONDS, TICK_SECONDS, UNUSED, Retries, Token, is_token, polling
from .subscriptions import HeardLines, Registry, Subscription
from .websocket import AsyncConnector, AsyncSocket, SocketUnavailable, unavailable

AsyncKeyReader = Callable[[], Awaitable[object]]
"""Gives the key to use now, refreshed if needed."""


class AsyncHub:
    """The sockets of one async client, one for each event loop, shared by all its watchers there.

    Args:
        base_url: the server's address.
        headers: what else the client sends with each request.
        key: gives the key to use now.
        connect: opens sockets.
        idle_seconds: without a watcher for so long, a socket is closed.

    Attributes:
        heard: the lines that came.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], key: AsyncKeyReader, connect: AsyncConnector, *, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._base_url = base_url
        self._headers = headers
        self._key = key
        self._connect = connect
        self.idle_seconds = idle_seconds
        self.heard = HeardLines()
        self._ended_state = UNUSED
        self._links: dict[asyncio.AbstractEventLoop, _Link] = {}
        self._process = os.getpid()
        self._inherited: list[object] = []
        self._closed = False
        self._not_before = 0.0

    @property
    def state(self) -> str:
        """As `client.realtime_state` gives it: connected where any event loop's socket is."""
        if self._process != os.getpid():
            return UNUSED
        states = [link.state for link in list(self._links.values()) if not link.loop.is_closed()]
        if CONNECTED in states:
            return CONNECTED
        return next((state for state in states if state != UNUSED), self._ended_state)

    def subscribe(self, groups: Sequence[Sequence[str]], *, logs: bool) -> list[Subscription]:
        """The events of these groups of jobs from now on; an empty list where there are none."""
        loop = _running_loop()
        if loop is None:
            self._ended_state = polling("not under trio")
            return []
        if self._process != os.getpid():
            self._inherited.append(self._links)
            self._links, self._process, self.heard = {}, os.getpid(), HeardLines()
        link = self._links.get(loop)
        if self._closed or (link is None and monotonic() < self._not_before):
            return []
        if link is None:
            for ended in [other for other in self._links if other.is_closed()]:
                self._links.pop(ended, None)
            link = self._links[loop] = _Link(self, loop)
            link.start()
        return link.subscribe(groups, logs=logs)

    async def close(self) -> None:
        """Close the sockets: that of this event loop now, those of others as soon as their loops come to it."""
        self._closed = True
        here = _running_loop()
        for loop, link in [*self._links.items()]:
            if loop is not here and self._process == os.getpid():
                link.stop_from_another_thread()
        own = None if here is None else self._links.get(here)
        if own is not None:
            await own.stop()

    def forget(self) -> None:
        """The client is gone: no socket is kept longer than a watcher needs it. It may run amid a collection, so that it takes no lock."""
        self.idle_seconds = 0.0

    async def open_socket(self, token: Token) -> AsyncSocket:
        """Open a socket with the key of now. Raises SocketUnavailable."""
        try:
            key = await self._key()
        except Exception as fault:  # noqa: BLE001  # a user's function may raise anything
            raise SocketUnavailable(f"no key ({type(fault).__name__})") from None
        if not is_token(key):
            raise SocketUnavailable("the key is no token", lasting=True)
        token.use(str(key), monotonic())
        try:
            return await self._connect(self._base_url, {**self._headers, "authorization": f"Bearer {key}"})
        except Exception as fault:  # noqa: BLE001  # a given connector may raise anything
            raise unavailable(fault) from None

    async def renew(self, token: Token, socket: AsyncSocket) -> None:
        """Give the socket the key of now, if it is another one."""
        before = token.text
        try:
            key = await self._key()
        except Exception:  # noqa: BLE001  # a user's function; the socket lives on with the old token
            key = before
        token.use(str(key), monotonic())
        if key != before and is_token(key):
            await socket.send(protocol.access_token(str(key)))

    def ended(self, link: _Link, state: str, not_before: float = 0.0) -> None:
        """The link's task has ended."""
        if self._links.get(link.loop) is link:
            del self._links[link.loop]
            self._ended_state, self._not_before = state, not_before


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The running event loop of asyncio; None under trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@define(eq=False)
class _Link:
    """The socket of one event loop and its task."""

    hub: AsyncHub
    loop: asyncio.AbstractEventLoop
    registry: Registry = field(init=False)
    token: Token = field(factory=Token)
    state: str = UNUSED
    _wake: asyncio.Event = field(init=False)
    """Set where somebody was added."""
    _task: asyncio.Task[None] | None = None

    def __attrs_post_init__(self) -> None:
        self.registry, self._wake = Registry(self.hub.heard), asyncio.Event()

    def start(self) -> None:
        """Start the task. The event loop cancels it at its end."""
        self._task = self.loop.create_task(self._run(), name="fluxbase-jobs realtime")

    async def stop(self) -> None:
        """Close the socket and end the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2 * TICK_SECONDS)

    def stop_from_another_thread(self) -> None:
        """End the task, where its event loop runs in another thread. It closes the socket."""
        if self._task is not None and not self.loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop was closed just now
                self.loop.call_soon_threadsafe(self._task.cancel)

    def subscribe(self, groups: Sequence[Sequence[str]], *, logs: bool) -> list[Subscription]:
        """Add a watcher. What it needs is asked for in the next turn of the loop, together with what others need."""
        ready = asyncio.Event()
        subscriptions = [Subscription(job_ids, ready, self._sees, logs=logs) for job_ids in groups]
        self.registry.add(subscriptions)
        self._wake.set()
        return subscriptions

    def _sees(self, job: Job) -> bool:
        return self.token.sees(job)

    async def _run(self) -> None:
        retries = Retries()
        try:
            while True:
                try:
                    await self._serve(retries)
                except Exception as lost:  # noqa: BLE001  # the watchers poll, whatever it is
                    fault = unavailable(lost)
                    delay = retries.delay(fault)
                    self.registry.disconnect()
                    self.registry.questions()
                    if fault.lasting or not self.registry:
                        self.hub.ended(self, polling(fault.reason), monotonic() + delay)
                        return
                    self.state = polling(fault.reason)
                    await asyncio.sleep(delay)
                else:
                    self.registry.disconnect()
                    self.registry.questions()
                    if not self.registry:
                        return
        finally:
            self.registry.disconnect()
            self.hub.ended(self, UNUSED)

    async def _serve(self, retries: Retries) -> None:
        """Serve one socket until nobody needs it. Raises SocketUnavailable where it could not be opened, or is lost."""
        socket = await self.hub.open_socket(self.token)
        retries.silent = True
        reading: asyncio.Task[None] | None = None
        try:
            self.registry.connect()
            reading = asyncio.create_task(self._read(socket, retries))
            await self._write(socket, reading)
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.wait([reading])
                if not reading.cancelled():
                    reading.exception()
            with contextlib.suppress(Exception):
                await socket.close()

    async def _read(self, socket: AsyncSocket, retries: Retries) -> None:
        while True:
            message = await socket.receive()
            retries.received()
            self.state = CONNECTED
            for frame in protocol.read(message):
                if (refusal := self.registry.receive(frame)) is not None:
                    raise SocketUnavailable(refusal)

    async def _write(self, socket: AsyncSocket, reading: asyncio.Task[None]) -> None:
        """Send what is to be sent, as long as the socket is open and needed."""
        now = monotonic()
        idle_since, beat_at = now, now + HEARTBEAT_SECONDS
        while now - idle_since <= self.hub.idle_seconds:
            self._wake.clear()
            for question in self.registry.questions():
                await socket.send(question)
            if now >= beat_at:
                await socket.send(protocol.heartbeat())
                beat_at = now + HEARTBEAT_SECONDS
            if self.token.renew_at is not None and now >= self.token.renew_at:
                await self.hub.renew(self.token, socket)
            await self._wait(reading)
            if reading.done():
                reading.result()
            now = monotonic()
            idle_since = now if self.registry else idle_since

    async def _wait(self, reading: asyncio.Task[None]) -> None:
        """Until somebody was added, the reader has ended, or a second is over."""
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait([waking, reading], timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
