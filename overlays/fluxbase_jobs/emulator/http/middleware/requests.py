"""Middleware that logs, names and prepares requests."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID: Final = "x-request-id"
_LOGGER: Final = logging.getLogger("fluxbase_jobs.emulator.access")


class AccessLogMiddleware:
    """Logs a line for each request when its response has been sent: method, raw path, status, milliseconds, at level INFO.

    Query and headers are left out, because they may contain credentials.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or not _LOGGER.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        status = "no answer"
        began = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            status = "500"  # Starlette sends this response, outside of all middleware
            raise
        finally:
            milliseconds = (time.perf_counter() - began) * 1_000
            _LOGGER.info("%s %s %s %.0f ms", scope["method"], _logged_path(scope), status, milliseconds)


class ClientDisconnectMiddleware:
    """Ends a request whose client has disconnected, without a traceback in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        with suppress(ClientDisconnect):
            await self._app(scope, receive, send)


class RequestIdMiddleware:
    """Sets `request.state.request_id` to the client's `X-Request-ID` or a generated id, and adds it to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _printable(Headers(scope=scope).get(REQUEST_ID, "")) or secrets.token_urlsafe(32)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A replayed response keeps the id of the original (idempotency: `replay`).
                MutableHeaders(scope=message).setdefault(REQUEST_ID, request_id)
            await send(message)

        await self._app(scope, receive, send_with_id)


class RawPathMiddleware:
    """Routes by the undecoded path, in which `..%2F..%2Fhealth` is one segment and not a job id (ids). Drops a trailing slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        raw = scope.get("raw_path")
        if scope["type"] == "http" and raw:
            path = raw.decode("latin-1")
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


def _logged_path(scope: Scope) -> str:
    # Percent-encoded: a decoded path may contain line breaks.
    raw: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    return raw.decode("ascii", "backslashreplace")


def _printable(value: str) -> str:
    return value if all("!" <= character <= "~" for character in value) else ""
