"""Routing on the path as sent: `..%2F..%2Fhealth` is one segment, and no job id (ids)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class VerbatimPath:
    """Makes the undecoded path the one that routes and handlers see; a slash at its end does not count."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        raw = scope.get("raw_path")
        if scope["type"] == "http" and raw:
            path = raw.decode("latin-1")
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)
