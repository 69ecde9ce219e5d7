"""The largest bodies that the server takes, by kind of route, judged by Content-Length alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from starlette.datastructures import Headers

from fluxbase_jobs.emulator.http.responses import error

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_MEGABYTE = 1024 * 1024


@frozen
class _Limit:
    path: str
    kind: str
    max_bytes: int
    in_words: str

    def covers(self, path: str) -> bool:
        """Tell whether it holds for a path: one that ends in a slash covers all below it."""
        return path.startswith(self.path) if self.path.endswith("/") else path == self.path


_LIMITS = (
    _Limit("/api/v1/admin/jobs/sync", "jobs sync", 500 * _MEGABYTE, "500.0 MB"),
    _Limit("/api/v1/admin/", "admin", 5 * _MEGABYTE, "5.0 MB"),
    _Limit("/api/v1/auth/", "auth", 64 * 1024, "64.0 KB"),
    _Limit("/api/", "API", _MEGABYTE, "1.0 MB"),
)


class BodyLimit:
    """Refuses requests that announce too large a body. A chunked body announces nothing and passes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        limit = _exceeded(scope) if scope["type"] == "http" else None
        if limit is None:
            await self._app(scope, receive, send)
            return
        await _drain(receive)
        await _too_large(limit)(scope, receive, send)


def _exceeded(scope: Scope) -> _Limit | None:
    announced = Headers(scope=scope).get("content-length", "0")
    limit = next((limit for limit in _LIMITS if limit.covers(scope["path"])), None)
    return limit if limit and announced.isdigit() and int(announced) > limit.max_bytes else None


async def _drain(receive: Receive) -> None:
    """Read what is being sent: a client that is still sending would see a broken connection, not the answer."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)


def _too_large(limit: _Limit) -> ASGIApp:
    return error(
        413,
        "Payload Too Large",
        code="PAYLOAD_TOO_LARGE",
        details={"endpoint_type": limit.kind, "max_bytes": limit.max_bytes},
        hint="Reduce size of your request body or use chunked upload for large files",
        message=f"Request body exceeds maximum size of {limit.in_words} for {limit.kind} endpoints",
    )
