"""A line for each request, without query and headers: those may hold credentials."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOGGER = logging.getLogger("fluxbase_jobs.emulator.access")


class AccessLog:
    """Logs method, path as sent, status and milliseconds at level INFO, when the answer is out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
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
            status = "500"  # Starlette answers, outside of all middleware
            raise
        finally:
            milliseconds = (time.perf_counter() - began) * 1_000
            _LOGGER.info("%s %s %s %.0f ms", scope["method"], _path(scope), status, milliseconds)


def _path(scope: Scope) -> str:
    # Still percent-encoded: decoded, it may hold line breaks.
    raw: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    return raw.decode("ascii", "backslashreplace")
