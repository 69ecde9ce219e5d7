"""The socket of a sync client: one for each process, in a thread of its own, opened for the first watcher and closed a minute after the last."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence

from attrs import define, field

from .._transports.clock import monotonic
from ..models.jobs import Job
from . import protocol
from .link import CONNECTED, HEARTBEAT_SECONDS, IDLE_SECONDS, TICK_SECONDS, UNUSED, Retries, Token, is_token, polling
from .subscriptions import HeardLines, Registry, Subscription
from .websocket import Connector, Socket, SocketUnavailable, unavailable

KeyReader = Callable[[], object]
"""Gives the key to use now, refreshed if needed."""


class Hub:
    """The socket of one client, shared by all its watchers.

    Args:
        base_url: the server's address.
        headers: what else the client sends with each request.
        key: gives the key to use now.
        connect: opens sockets.
        idle_seconds: without a watcher for so long, the socket is closed.

    Attributes:
        heard: the lines that came.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], key: KeyReader, connect: Connector, *, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._base_url = base_url
        self._headers = headers
        self._key = key
        self._connect = connect
        self.idle_seconds = idle_seconds
        self.heard = HeardLines()
        self._state = UNUSED
        self._lock = threading.Lock()
        self._link: _Link | None = None
        self._process = os.getpid()
        self._inherited: list[object] = []
        self._closed = False
        self._not_before = 0.0

    @property
    def state(self) -> str:
        """As `client.realtime_state` gives it."""
        return self._state if self._process == os.getpid() else UNUSED

    def moved_to(self, state: str) -> None:
        """The socket's state is another one."""
        self._state = state

    def subscribe(self, groups: Sequence[Sequence[str]], *, logs: bool) -> list[Subscription]:
        """The events of these groups of jobs from now on; an empty list where the server is known to have none."""
        if self._process != os.getpid():
            self._begin_process()
        with self._lock:
            if self._closed or monotonic() < self._not_before:
                return []
            if self._link is None:
                self._link = _Link(self)
                self._link.start()
            return self._link.subscribe(groups, logs=logs)

    def close(self) -> None:
        """Close the socket; the thread ends."""
        if self._process != os.getpid():
            self._closed = True  # the socket, the lock and the thread are the parent's
            return
        with self._lock:
            self._closed, link = True, self._link
        if link is not None:
            link.stop()

    def forget(self) -> None:
        """The client is gone: the socket is kept no longer than a watcher needs it. It may run amid a collection, so that it takes no lock."""
        self.idle_seconds = 0.0

    def open_socket(self, token: Token) -> Socket:
        """Open a socket with the key of now. Raises SocketUnavailable."""
        try:
            key = self._key()
        except Exception as fault:  # noqa: BLE001  # a user's function may raise anything
            raise SocketUnavailable(f"no key ({type(fault).__name__})") from None
        if not is_token(key):
            raise SocketUnavailable("the key is no token", lasting=True)
        token.use(str(key), monotonic())
        try:
            return self._connect(self._base_url, {**self._headers, "authorization": f"Bearer {key}"})
        except Exception as fault:  # noqa: BLE001  # a given connector may raise anything
            raise unavailable(fault) from None

    def renew(self, token: Token, socket: Socket) -> None:
        """Give the socket the key of now, if it is another one."""
        before = token.text
        try:
            key = self._key()
        except Exception:  # noqa: BLE001  # a user's function; the socket lives on with the old token
            key = before
        token.use(str(key), monotonic())
        if key != before and is_token(key):
            socket.send(protocol.access_token(str(key)))

    def ended(self, link: _Link, state: str, not_before: float = 0.0) -> None:
        """The link's thread has ended."""
        if self._link is link:
            self._link, self._state, self._not_before = None, state, not_before

    def lock(self) -> threading.Lock:
        """Held while links begin and end."""
        return self._lock

    def _begin_process(self) -> None:
        # The parent's socket and lock belong to the parent. They are kept, as what is collected is closed.
        self._inherited += [self._link, self._lock]
        self._lock, self._link, self._process, self._state = threading.Lock(), None, os.getpid(), UNUSED
        self.heard = HeardLines()


@define(eq=False)
class _Link:
    """The socket and its thread."""

    hub: Hub
    registry: Registry = field(init=False)
    token: Token = field(factory=Token)
    stopped: threading.Event = field(factory=threading.Event)
    _lock: threading.Lock = field(factory=threading.Lock)
    """Held while the registry is read or changed."""
    _socket: Socket | None = None
    _thread: threading.Thread | None = None

    def __attrs_post_init__(self) -> None:
        self.registry = Registry(self.hub.heard)

    def start(self) -> None:
        """Start the thread. It does not keep the process from ending."""
        self._thread = threading.Thread(target=self._run, name="fluxbase-jobs realtime", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and wait for the thread."""
        self.stopped.set()
        if (socket := self._socket) is not None:
            socket.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2 * TICK_SECONDS)

    def subscribe(self, groups: Sequence[Sequence[str]], *, logs: bool) -> list[Subscription]:
        """Add a watcher, and ask the server at once where the socket is open."""
        ready = threading.Event()
        subscriptions = [Subscription(job_ids, ready, self._sees, logs=logs) for job_ids in groups]
        with self._lock:
            self.registry.add(subscriptions)
            questions, socket = self.registry.questions(), self._socket
        if socket is not None:
            try:
                for question in questions:
                    socket.send(question)
            except Exception:  # noqa: BLE001, S110  # the thread notices it too
                pass
        return subscriptions

    def _sees(self, job: Job) -> bool:
        return self.token.sees(job)

    def _run(self) -> None:
        retries = Retries()
        while True:
            try:
                self._serve(retries)
                fault, delay = None, 0.0
            except Exception as lost:  # noqa: BLE001  # the watchers poll, whatever it is
                fault = unavailable(lost)
                delay = retries.delay(fault)
            with self.hub.lock():
                with self._lock:
                    self.registry.disconnect()
                    self.registry.questions()
                    wanted = bool(self.registry)
                if self.stopped.is_set() or not wanted or (fault is not None and fault.lasting):
                    not_before = monotonic() + delay if fault is not None and not self.stopped.is_set() else 0.0
                    self.hub.ended(self, UNUSED if fault is None or self.stopped.is_set() else polling(fault.reason), not_before)
                    return
                if fault is not None:
                    self.hub.moved_to(polling(fault.reason))
            if self.stopped.wait(delay):
                with self.hub.lock():
                    self.hub.ended(self, UNUSED)
                return

    def _serve(self, retries: Retries) -> None:
        """Serve one socket until nobody needs it. Raises SocketUnavailable where it could not be opened, or is lost."""
        socket = self.hub.open_socket(self.token)
        retries.silent = True
        try:
            with self._lock:
                self.registry.connect()
                questions, self._socket = self.registry.questions(), socket
            self._send(socket, questions)
            self._read(socket, retries)
        finally:
            self._socket = None
            socket.close()

    def _read(self, socket: Socket, retries: Retries) -> None:
        now = monotonic()
        idle_since, beat_at, look_at = now, now + HEARTBEAT_SECONDS, now
        while not self.stopped.is_set():
            message = socket.receive(TICK_SECONDS)
            now = monotonic()
            if message is not None:
                self._receive(message)
                retries.received()
                self.hub.moved_to(CONNECTED)
            if now < look_at:
                continue
            look_at = now + TICK_SECONDS
            with self._lock:
                questions = self.registry.questions()
                idle_since = now if self.registry else idle_since
            self._send(socket, questions)
            if now - idle_since > self.hub.idle_seconds:
                return
            if now >= beat_at:
                socket.send(protocol.heartbeat())
                beat_at = now + HEARTBEAT_SECONDS
            if self.token.renew_at is not None and now >= self.token.renew_at:
                self.hub.renew(self.token, socket)

    def _receive(self, message: str | bytes) -> None:
        for frame in protocol.read(message):
            with self._lock:
                refusal = self.registry.receive(frame)
            if refusal is not None:
                raise SocketUnavailable(refusal)

    def _send(self, socket: Socket, frames: list[str]) -> None:
        for frame in frames:
            socket.send(frame)
