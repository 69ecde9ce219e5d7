"""One open socket: its subscriptions, its responses, and the frames that wait to be sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from uuid import uuid4

from attrs import evolve, frozen

from ..auth.authenticator import Caller
from ..auth.tokens import InvalidTokenError
from ..clock import micros
from ..formats.json_text import JSONValue
from ..formats.postgres import read_uuid
from ..services import Services
from ..store import Job
from .protocol import (
    TABLE,
    Filter,
    Heartbeat,
    InvalidFilterError,
    RenewToken,
    Subscribe,
    SubscribeLogs,
    UnknownRequest,
    Unsubscribe,
    ack,
    error,
    read_filter,
    read_request,
)

_SEES_EVERYTHING: Final = frozenset({"service_role", "admin", "instance_admin", "dashboard_admin"})
_LOGS_LINE: Final = "Created execution log subscription"


@frozen
class _Changes:
    event: str
    filter: Filter | None

    def matches(self, event: str, record: Mapping[str, JSONValue]) -> bool:
        return self.event in {"*", event} and (self.filter is None or self.filter.matches(record))


class Connection:
    """One open socket. Any thread may send to it; the event loop that created it reads what waits.

    Args:
        services: the emulator's parts.
        caller: who opened it; without a role, nobody.
        address: the IP address of the client.
    """

    def __init__(self, services: Services, caller: Caller, address: str) -> None:
        self._services = services
        self._caller = caller
        self.is_anonymous: Final = caller.role in {None, "", "anon"}
        self.owner: Final = f"address {address}" if self.is_anonymous else f"user {caller.user_id or caller.role}"
        self._changes: dict[str, _Changes] = {}
        self._logs: dict[str, str] = {}
        self._waiting: deque[str] = deque()
        self._loop = asyncio.get_running_loop()
        self._has_output = asyncio.Event()

    def handle(self, message: str) -> None:
        """Carry out a client's frame; the response is sent as any other frame.

        Raises:
            MalformedFrameError: the message is no JSON object.
        """
        match request := read_request(message):
            case Subscribe():
                self.send(self._subscribe(request))
            case SubscribeLogs():
                self._subscribe_logs(request)
            case Unsubscribe(identifier):
                # An unknown id gets the same response.
                self._changes.pop(identifier, None)
                self._logs.pop(identifier, None)
                self.send(ack({"unsubscribed": True, "subscription_id": identifier}))
            case RenewToken(token):
                self.send(self._renew(token))
            case Heartbeat():
                """Not answered."""
            case UnknownRequest(kind):
                self.send(error(f"unknown message type: {kind}"))

    def wants_change(self, event: str, job: Job, record: Mapping[str, JSONValue]) -> bool:
        """Whether a change goes to this socket. It then goes there once, however many subscriptions match."""
        return self._may_see(job) and any(changes.matches(event, record) for changes in [*self._changes.values()])

    def wants_lines(self, job_id: str) -> bool:
        """Whether the log lines of a job go to this socket."""
        return job_id in self._logs.values()

    def send(self, *frames: str) -> None:
        """Let frames wait to be sent, in this order. From any thread."""
        self._waiting.extend(frames)
        with suppress(RuntimeError):  # the loop has closed: the server is stopping
            self._loop.call_soon_threadsafe(self._has_output.set)

    async def next_message(self) -> str:
        """Wait for frames; all that are there go into one message, each with a line break."""
        while not self._waiting:
            self._has_output.clear()
            await self._has_output.wait()
        frames = [self._waiting.popleft() for _ in range(len(self._waiting))]
        return "".join(f"{frame}\n" for frame in frames)

    def _subscribe(self, request: Subscribe) -> str:
        if self.is_anonymous:
            return error("authentication required for subscriptions")
        settings = self._services.settings
        if request.full_table != TABLE or not (settings.profile.jobs_send_changes or settings.realtime == "all"):
            return error(f"table {request.full_table} not enabled for realtime")
        try:
            changes = _Changes(request.event, read_filter(request.filter_text))
        except InvalidFilterError:
            return error(f"invalid filter: {request.filter_text}")
        identifier = str(uuid4())
        self._changes[identifier] = changes
        fields: dict[str, JSONValue] = {"event": request.event, "schema": request.schema, "table": request.table}
        if request.filter_text:
            fields["filter"] = request.filter_text
        return ack({**fields, "subscribed": True, "subscription_id": identifier})

    def _subscribe_logs(self, request: SubscribeLogs) -> None:
        refusal = self._logs_refusal(request.execution_id)
        if refusal:
            self.send(error(refusal))
            return
        job_id, identifier = read_uuid(request.execution_id) or request.execution_id, str(uuid4())
        self._logs[identifier] = job_id
        self.send(
            ack({"subscribed": True, "subscription_id": identifier, "execution_id": request.execution_id, "type": request.kind or "job"})
        )
        # The server logs this with the job's id, and so into the job's own log, where everybody can read it.
        self._services.logs.add(job_id, 0, "info", _LOGS_LINE, micros(self._services.clock))

    def _logs_refusal(self, execution_id: str) -> str | None:
        if self.is_anonymous:
            return "authentication required"
        if not execution_id:
            return "execution_id is required for subscribe_logs"
        if self._sees_everything:
            return None  # whatever the id is, even if there is no such job
        job = self._services.jobs.get(read_uuid(execution_id) or "")
        is_open = job is not None and job.created_by in {None, self._caller.user_id}
        return None if is_open else "execution not found"

    def _renew(self, token: str) -> str:
        try:
            claims = self._services.tokens.verify(token)
        except InvalidTokenError:
            return error("invalid token")
        self._caller = evolve(self._caller, claims=claims)
        return ack({"type": "access_token", "updated": True})

    @property
    def _sees_everything(self) -> bool:
        return self._caller.role in _SEES_EVERYTHING

    def _may_see(self, job: Job) -> bool:
        return self._sees_everything or (job.created_by is not None and job.created_by == self._caller.user_id)
