"""The open sockets of one emulator: who may open one, and which frames each of them gets."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Final

from ..auth.authenticator import Caller
from ..services import Services
from ..store import Job, LogLine
from .connection import Connection
from .protocol import change_frame, log_frame, record_of

_MAX_CONNECTIONS: Final = 1_000
_MAX_PER_USER: Final = 10
_MAX_PER_ADDRESS: Final = 20
_COPIES: Final = 2
"""Each change reaches a socket twice, a log line once (realtime)."""


class Hub:
    """The open sockets of one emulator.

    While there are any, the hub listens to the store. It gets each change in the thread that made it, in the order of the changes.

    Args:
        services: the emulator's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tenant_id = services.users.tenant_id() if services.settings.profile.names_tenant else None
        self._connections: list[Connection] = []
        self._lock = Lock()

    @property
    def connections(self) -> int:
        """The number of open sockets."""
        return len(self._connections)

    def open(self, caller: Caller, address: str) -> Connection | None:
        """Open a socket, or None if there are too many: a thousand in all, ten of a user, twenty of an address without credentials.

        All service role tokens without a `user_id` count as one user, whatever their `sub`.
        """
        connection = Connection(self._services, caller, address)
        with self._lock:
            if len(self._connections) >= _MAX_CONNECTIONS or self._is_over_limit(connection):
                return None
            self._connections.append(connection)
            if len(self._connections) == 1:
                self._services.jobs.listeners.add(self._job_changed)
                self._services.logs.listeners.add(self._line_added)
        return connection

    def close(self, connection: Connection) -> None:
        """Forget a socket, whose place is free at once."""
        with self._lock:
            self._connections = [other for other in self._connections if other is not connection]
            if not self._connections:
                self._services.jobs.listeners.remove(self._job_changed)
                self._services.logs.listeners.remove(self._line_added)

    def _is_over_limit(self, connection: Connection) -> bool:
        count = Counter(other.owner for other in self._connections)[connection.owner]
        return count >= (_MAX_PER_ADDRESS if connection.is_anonymous else _MAX_PER_USER)

    def _job_changed(self, old: Job | None, new: Job) -> None:
        event = "UPDATE" if old else "INSERT"
        record = record_of(new, self._tenant_id)
        receivers = [connection for connection in self._connections if connection.wants_change(event, new, record)]
        if receivers:
            frame = change_frame(event, record, record_of(old, self._tenant_id) if old else None)
            for connection in receivers:
                connection.send(*[frame] * _COPIES)

    def _line_added(self, line: LogLine) -> None:
        for connection in self._connections:
            if connection.wants_lines(line.job_id):
                connection.send(log_frame(line))
