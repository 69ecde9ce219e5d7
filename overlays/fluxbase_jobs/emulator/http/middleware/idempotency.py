"""`Idempotency-Key`: the first response to a key is stored for a day and sent again for every repetition.

This happens before authentication. So a key is not bound to a caller, and a 401 is stored like any other response below 500
(idempotency: `the 401 is replayed with a good token`).
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import Final, Self

from attrs import field, frozen
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...clock import Clock, micros
from ...store import FullDiskError, IdempotencyKeys, KeyRecord, StoredResponse
from ..responses import error

_METHODS: Final = {"POST", "PUT", "PATCH", "DELETE"}
_EXEMPT: Final = {"/api/v1/auth/refresh", "/api/v1/auth/logout"}
_MAX_KEY_LENGTH: Final = 256
_SERVER_ERROR: Final = 500
_MEMORY_BYTES: Final = 1024 * 1024
"""Longer bodies are kept in a temporary file: they are read before the credentials."""
_PART_BYTES: Final = 64 * 1024
_LATENCY_SECONDS: Final = 0.006
"""How long the real server takes for a submit, by the recordings. Without this pause, simultaneous requests would be handled one
after the other, and no client would see the 409. It is real time: the emulator's clock does not model latency."""


class IdempotencyMiddleware:
    """Runs a request with a key once.

    Args:
        app: the next application.
        keys: the stored keys.
        clock: decides which keys have expired.
        racing: how many simultaneous first requests run (see the profile).
    """

    def __init__(self, app: ASGIApp, keys: IdempotencyKeys, clock: Clock, racing: int) -> None:
        self._app = app
        self._keys = keys
        self._clock = clock
        self._racing = racing
        self._unstored: dict[str, StoredResponse | None] = {}
        """How requests ended while the disk was full: a response, or None for a failure."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        request = Request(scope, receive) if scope["type"] == "http" else None
        key = request.headers.get("idempotency-key", "") if request else ""
        if request is None or not key:
            await self._app(scope, receive, send)
        elif len(key) > _MAX_KEY_LENGTH:
            await _key_too_long()(scope, receive, send)
        elif request.method in _METHODS and _is_covered(scope["path"]):
            with SpooledTemporaryFile[bytes](_MEMORY_BYTES) as body:
                await self._handle_once(await _KeyedRequest.read(request, key, body), scope, send)
        else:
            await self._app(scope, receive, send)

    async def _handle_once(self, keyed: _KeyedRequest, scope: Scope, send: Send) -> None:
        if keyed.key in self._unstored:
            await run_in_threadpool(self._end, keyed.key, self._unstored[keyed.key])
        known = await run_in_threadpool(self._keys.find, keyed.key, micros(self._clock))
        if known is None:
            await self._handle_first(keyed, scope, send)
        elif (response := keyed.response_for(known)) is not None:
            await response(scope, keyed.receive, send)
        else:
            await self._app(scope, keyed.receive, send)

    async def _handle_first(self, keyed: _KeyedRequest, scope: Scope, send: Send) -> None:
        # Another request may have started since the key was read. The real server has the same race; how many requests can run
        # at once was recorded (idempotency: `parallel`).
        started = await run_in_threadpool(self._keys.begin, keyed.key, keyed.method, keyed.path, keyed.body_hash, micros(self._clock))
        if started > self._racing:
            await _in_progress()(scope, keyed.receive, send)
            return
        await asyncio.sleep(_LATENCY_SECONDS)
        response = _HeldResponse()
        try:
            await self._app(scope, keyed.receive, response.hold)
        except Exception:
            await run_in_threadpool(self._end, keyed.key, None)
            raise
        # Stored before it is sent: a client that repeats the request at once must get the replay, not a 409.
        await run_in_threadpool(self._end, keyed.key, response.stored(scope["state"]["request_id"]))
        await response.release(send)

    def _end(self, key: str, response: StoredResponse | None) -> None:
        """Store how the request of a key ended; if the disk is full, it is stored when the key is next used."""
        self._unstored[key] = response
        if response is None or response.status >= _SERVER_ERROR:
            self._keys.fail(key)
        else:
            self._keys.complete(key, response)
        self._unstored.pop(key, None)


@frozen
class _KeyedRequest:
    """A request with a key, and its body."""

    key: str
    method: str
    path: str
    body_hash: str
    _body: SpooledTemporaryFile[bytes] = field(repr=False)

    @classmethod
    async def read(cls, request: Request, key: str, body: SpooledTemporaryFile[bytes]) -> Self:
        """Read the body into a file."""
        digest = sha256()
        async for part in request.stream():
            digest.update(part)
            try:
                body.write(part)
            except OSError as error:
                raise FullDiskError(f"a request's body cannot be kept ({error})") from error
        body_hash = digest.hexdigest() if body.tell() else ""
        body.seek(0)
        return cls(key, request.method, request.url.path, body_hash, body)

    async def receive(self) -> Message:
        """The next part of the body."""
        part = self._body.read(_PART_BYTES)
        return {"type": "http.request", "body": part, "more_body": len(part) == _PART_BYTES}

    def response_for(self, known: KeyRecord) -> Response | None:
        """The response that follows from an earlier use of the key; None if the request must run."""
        if (known.method, known.path) != (self.method, self.path):
            return _other_request(known, self)
        if known.body_hash and self.body_hash and known.body_hash != self.body_hash:
            return _other_body()
        if known.state == "processing":
            return _in_progress()
        return _replay(known.response) if known.response else None


@frozen
class _HeldResponse:
    """A response that is held back until it has been stored."""

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
        message=f"Idempotency key exceeds maximum length of {_MAX_KEY_LENGTH} characters",
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


def _other_request(known: KeyRecord, keyed: _KeyedRequest) -> Response:
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
