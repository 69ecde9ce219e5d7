"""The page's own small application: it answers below `/_emulator` and passes all other requests on to the emulator."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files
from typing import Any, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..app import DEVELOPER, Emulator
from ..faults.faults import Faults
from ..formats.postgres import read_uuid
from ..store import FullDiskError, Job, JobFilter
from . import views
from .actions import Actions, RefusedError
from .faults import FaultSwitches, UnusableFaultError
from .live import LiveStreams
from .profile import described

PATH: Final = "/_emulator"
"""A path that the real server does not have."""
WRITE_HEADER: Final = "x-emulator-dashboard"
"""Requests that change something have this header, which other sites' pages cannot send."""

_MOST_BYTES: Final = 1024 * 1024
_MOST_JOBS: Final = 500
_MOST_LINES: Final = 2000
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_FILES: Final = {
    "dashboard.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Dashboard:
    """Serves the page of an emulator, and the emulator.

    The page needs no key. So it belongs on loopback, behind the checks of `Host` and `Origin`; see `server.serve`.

    Args:
        emulator: the emulator.
        faults: its faults, which the page switches.
        app: answers all requests that are not for the page.
    """

    def __init__(self, emulator: Emulator, faults: Faults, app: ASGIApp) -> None:
        self._app = app
        self._emulator = emulator
        self._services = emulator.services
        self._actions = Actions(emulator)
        self._switches = FaultSwitches(faults, emulator.settings.profile)
        self._streams = LiveStreams(self._services, self._switches.hits)
        self._router = Router(self._routes(), default=_not_found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not (scope["path"] == PATH or scope["path"].startswith(f"{PATH}/")):
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            await self._router(scope, receive, send_protected)
        except ClientDisconnect:
            """Nobody waits for the response."""

    def close(self) -> None:
        """End the streams of open pages."""
        self._streams.close()

    def _routes(self) -> list[Route]:
        page = _file("index.html", "text/html; charset=utf-8")
        return [
            Route(PATH, page),
            Route(f"{PATH}/", _without_slash),
            *(Route(f"{PATH}/{name}", _file(name, media_type)) for name, media_type in _FILES.items()),
            _read("/overview", self._overview),
            _read("/functions", lambda _: {"functions": views.functions(self._emulator)}),
            _read("/faults", lambda _: self._switches.shown()),
            _read("/jobs", self._jobs),
            _read("/jobs/{id}", lambda request: views.detail(self._services, self._job(request))),
            _read("/jobs/{id}/log", self._log),
            Route(f"{PATH}/api/events", self._events),
            _write("/jobs", "POST", self._submit),
            _write("/jobs/{id}/cancel", "POST", lambda request, _: self._actions.cancel(self._job(request))),
            _write("/jobs/{id}/retry", "POST", lambda request, _: self._actions.retry(self._job(request))),
            _write("/jobs/{id}/resubmit", "POST", lambda request, _: {"id": self._actions.resubmit(self._job(request)).id}),
            _write("/faults", "POST", self._switch_on),
            _write("/faults", "DELETE", lambda _, __: self._switches.switch_all_off()),
            _write("/faults/{number}", "DELETE", self._switch_off),
            _write("/sockets", "DELETE", lambda _, __: {"cut": self._switches.cut_sockets()}),
        ]

    def _overview(self, _: Request) -> dict[str, Any]:
        return {
            "profile": described(self._services.settings),
            "developer": DEVELOPER,
            "counts": self._services.statistics.by_status(),
            "functions": views.functions(self._emulator),
            "faults": self._switches.shown(),
        }

    def _jobs(self, request: Request) -> dict[str, Any]:
        query = request.query_params
        limit = min(_number(query.get("limit")) or 100, _MOST_JOBS)
        found = self._services.jobs.find(
            JobFilter(
                status=query.get("status") or None,
                namespace=query.get("namespace"),
                job_name=query.get("name") or None,
                contains=query.get("contains", ""),
                limit=limit + 1,
                offset=_number(query.get("offset")),
            )
        )
        now_ns = self._services.clock.now_ns()
        counts = self._services.statistics.by_status()
        return {"jobs": [views.row(job, now_ns) for job in found[:limit]], "more": len(found) > limit, "counts": counts}

    def _log(self, request: Request) -> dict[str, Any]:
        job = self._job(request)
        lines = self._services.logs.stored(job.id, _number(request.query_params.get("after")), _MOST_LINES)
        return {"lines": [views.line(line) for line in lines], "total": self._services.logs.count(job.id)}

    def _job(self, request: Request) -> Job:
        job_id = read_uuid(request.path_params["id"])
        job = self._services.jobs.get(job_id) if job_id else None
        if job is None:
            raise RefusedError(404, "there is no such job")
        return job

    def _submit(self, request: Request, body: bytes) -> dict[str, Any]:
        return {"id": self._actions.submit(body, as_service=request.query_params.get("as") == "service").id}

    def _switch_on(self, _: Request, body: bytes) -> dict[str, Any]:
        try:
            fields = json.loads(body)
            if not isinstance(fields, dict):
                raise RefusedError(400, "the body is no JSON object")
            self._switches.switch_on(cast("dict[str, Any]", fields))
        except (UnusableFaultError, ValueError, RecursionError) as error:
            raise RefusedError(400, str(error)) from error
        return self._switches.shown()

    def _switch_off(self, request: Request, _: bytes) -> None:
        number: str = request.path_params["number"]
        if not (number.isascii() and number.isdigit()):
            raise RefusedError(404, "there is no such fault")
        self._switches.switch_off(_number(number))

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._streams.events(), media_type="text/event-stream")


def _read(path: str, handler: Callable[[Request], dict[str, Any]]) -> Route:
    """A route that changes nothing."""

    async def endpoint(request: Request) -> Response:
        return await _answer(partial(handler, request))

    return Route(f"{PATH}/api{path}", endpoint, methods=["GET"])


def _write(path: str, method: str, handler: Callable[[Request, bytes], dict[str, Any] | None]) -> Route:
    """A route that changes something. Its requests have a header that makes browsers ask first when another site's page sends them."""

    async def endpoint(request: Request) -> Response:
        body = await _body(request)
        if WRITE_HEADER not in request.headers:
            return _json({"error": f"requests that change something need the header {WRITE_HEADER}"}, 403)
        if body is None:
            return _json({"error": f"the body is larger than {_MOST_BYTES} bytes"}, 413)
        return await _answer(lambda: handler(request, body) or {})

    return Route(f"{PATH}/api{path}", endpoint, methods=[method])


async def _answer(call: Callable[[], dict[str, Any]]) -> Response:
    try:
        return _json(await run_in_threadpool(call))
    except RefusedError as error:
        return _json({"error": str(error)}, error.status)
    except FullDiskError as error:
        return _json({"error": str(error)}, 503)


async def _body(request: Request) -> bytes | None:
    """The whole body, or None if it is too large; then it is read, but not kept."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= _MOST_BYTES:
            parts.append(part)
    return b"".join(parts) if size <= _MOST_BYTES else None


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")


def _file(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    content = files(__name__.rpartition(".")[0]).joinpath("static", name).read_bytes()

    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return endpoint


async def _without_slash(_: Request) -> Response:
    return RedirectResponse(f"..{PATH}")  # relative, for proxies that put a path before ours


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await _json({"error": "there is no such page"}, 404)(scope, receive, send)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
