"""A line for each request, without query and headers: those may hold credentials."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOGGER = logging.getLogger("fluxbase_jobs.emulator.access")


class AccessLog:
    """Logs method, path and status at level INFO."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_and_log(message: Message) -> None:
            if message["type"] == "http.response.start":
                _LOGGER.info("%s %s %s", scope["method"], scope["path"], message["status"])
            await send(message)

        await self._app(scope, receive, send_and_log)
