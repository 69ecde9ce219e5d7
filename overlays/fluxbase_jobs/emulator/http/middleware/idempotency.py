"""`Idempotency-Key`: the first answer to a key is kept for a day and given to every repetition.

It stands before authentication, so a key belongs to nobody, and a 401 is kept like any other answer below 500
(idempotency: `the 401 is replayed with a good token`).
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import field, frozen
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from fluxbase_jobs.emulator.clock import Clock, micros
from fluxbase_jobs.emulator.http.responses import error
from fluxbase_jobs.emulator.store import IdempotencyKeys, KeyRecord, StoredResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_METHODS = {"POST", "PUT", "PATCH", "DELETE"}
_EXEMPT = {"/api/v1/auth/refresh", "/api/v1/auth/logout"}
_LONGEST_KEY = 256
_SERVER_ERROR = 500
_PACE_SECONDS = 0.006
"""What a submit takes on the real server, by the times in the recordings. Without it, requests sent at once would be
answered one after the other, and no client would meet the 409 here. Latency is no modelled time: not the clock's."""


class Idempotency:
    """Runs a request with a key once.

    Args:
        app: what comes next.
        keys: the memory.
        clock: decides which keys are forgotten.
        racing: how many simultaneous first requests get through (the profile says so).

    """

    def __init__(self, app: ASGIApp, keys: IdempotencyKeys, clock: Clock, racing: int) -> None:
        self._app = app
        self._keys = keys
        self._clock = clock
        self._racing = racing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive) if scope["type"] == "http" else None
        key = request.headers.get("idempotency-key", "") if request else ""
        if request is None or not key:
            await self._app(scope, receive, send)
        elif len(key) > _LONGEST_KEY:
            await _key_too_long()(scope, receive, send)
        elif request.method in _METHODS and _is_covered(scope["path"]):
            await self._once(await _Keyed.read(request, key), scope, send)
        else:
            await self._app(scope, receive, send)

    async def _once(self, keyed: _Keyed, scope: Scope, send: Send) -> None:
        known = await run_in_threadpool(self._keys.find, keyed.key, micros(self._clock))
        if known is None:
            await self._first(keyed, scope, send)
        elif (answer := keyed.judge(known)) is not None:
            await answer(scope, keyed.receive, send)
        else:
            await self._app(scope, keyed.receive, send)

    async def _first(self, keyed: _Keyed, scope: Scope, send: Send) -> None:
        # Another request may have begun since the look-up. The real server has the same gap between reading and
        # writing; how many fall through it is what was recorded (idempotency: `parallel`).
        begun = await run_in_threadpool(self._keys.begin, keyed.key, keyed.method, keyed.path, keyed.body_hash, micros(self._clock))
        if begun > self._racing:
            await _in_progress()(scope, keyed.receive, send)
            return
        await asyncio.sleep(_PACE_SECONDS)
        answer = _Answer()
        try:
            await self._app(scope, keyed.receive, answer.hold)
        except Exception:
            await run_in_threadpool(self._keys.fail, keyed.key)
            raise
        # Kept first, then sent: who has the answer and repeats the request at once must get a replay, not a 409.
        await run_in_threadpool(self._keep, keyed.key, answer.stored(scope["state"]["request_id"]))
        await answer.release(send)

    def _keep(self, key: str, response: StoredResponse) -> None:
        if response.status >= _SERVER_ERROR:
            self._keys.fail(key)
        else:
            self._keys.complete(key, response)


@frozen
class _Keyed:
    """A request with a key, its body read."""

    key: str
    method: str
    path: str
    body: bytes = field(repr=False)

    @classmethod
    async def read(cls, request: Request, key: str) -> _Keyed:
        return cls(key, request.method, request.url.path, await request.body())

    @property
    def body_hash(self) -> str:
        return sha256(self.body).hexdigest() if self.body else ""

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self.body, "more_body": False}

    def judge(self, known: KeyRecord) -> Response | None:
        """Return the answer that the earlier use of the key demands; None lets the request run."""
        if (known.method, known.path) != (self.method, self.path):
            return _other_request(known, self)
        if known.body_hash and self.body_hash and known.body_hash != self.body_hash:
            return _other_body()
        if known.state == "processing":
            return _in_progress()
        return _replay(known.response) if known.response else None


@frozen
class _Answer:
    """An answer that is held back until it has been kept."""

    _messages: list[Message] = field(factory=list[Message], repr=False)

    async def hold(self, message: Message) -> None:
        self._messages.append(message)

    async def release(self, send: Send) -> None:
        for message in self._messages:
            await send(message)

    def stored(self, request_id: str) -> StoredResponse:
        start, *parts = self._messages
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        body = b"".join(part.get("body", b"") for part in parts)
        return StoredResponse(start["status"], [*headers, ("x-request-id", request_id)], body)


def _is_covered(path: str) -> bool:
    return path.startswith("/api/") and path not in _EXEMPT


def _replay(stored: StoredResponse) -> Response:
    response = Response(stored.body, stored.status)
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in stored.headers]
    response.headers["idempotency-replayed"] = "true"
    return response


def _key_too_long() -> Response:
    return error(
        400,
        "Invalid Idempotency-Key",
        code="IDEMPOTENCY_KEY_TOO_LONG",
        message=f"Idempotency key exceeds maximum length of {_LONGEST_KEY} characters",
    )


def _in_progress() -> Response:
    return error(
        409,
        "Request In Progress",
        code="IDEMPOTENCY_REQUEST_IN_PROGRESS",
        hint="Please wait and retry in a few seconds",
        message="A request with this idempotency key is currently being processed",
    )


def _other_body() -> Response:
    return error(
        422,
        "Idempotency Key Mismatch",
        code="IDEMPOTENCY_REQUEST_BODY_MISMATCH",
        message="This idempotency key was used with a different request body",
    )


def _other_request(known: KeyRecord, keyed: _Keyed) -> Response:
    return error(
        422,
        "Idempotency Key Mismatch",
        code="IDEMPOTENCY_KEY_MISMATCH",
        details={
            "current_method": keyed.method,
            "current_path": keyed.path,
            "original_method": known.method,
            "original_path": known.path,
        },
        message="This idempotency key was used for a different request",
    )
