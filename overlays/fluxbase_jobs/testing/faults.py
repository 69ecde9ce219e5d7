"""Faults that a test injects: which requests fail, and how."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, Literal, TypeAlias, cast

from attrs import define, field, frozen
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..emulator.defects import Defect, Defects
from ..emulator.profiles import Profile
from ..emulator.realtime.routes import TORN
from .frame_faults import FRAME_TYPES, FrameFault, FrameFaults, FrameType
from .transports import EXTENSION
from .validation import in_seconds, string, whole_number

Drop: TypeAlias = Literal["before", "after"]
_Comparison: TypeAlias = Callable[[str, str], bool]

_LOWEST_STATUS: Final = 200
_HIGHEST_STATUS: Final = 599
_STATUSES_WITHOUT_BODY: Final = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_JSON: Final = "application/json; charset=utf-8"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING_HEADERS: Final = {"content-length", "transfer-encoding"}
_MAX_SUGGESTIONS: Final = 3
_CATCH_ALL: Final = "{path:path}"


@define(eq=False)
class Fault:
    """One failure, as `Faults.add` made it.

    `hits` is the number of requests that it has failed so far.
    """

    route: str
    hits: int = field(default=0, init=False)
    _pattern: RoutePattern = field(alias="pattern", repr=False)
    _times: int | None = field(alias="times")
    _skip: int = field(alias="skip", repr=False)
    delay_seconds: float = field(default=0.0, repr=False)
    drop: Drop | None = field(default=None, repr=False)
    half_body: bool = field(default=False, repr=False)
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def claim(self, scope: Scope) -> bool:
        """Whether this fault applies to the request; if so, the request is counted."""
        if not self._pattern.matches(scope) or self._times == self.hits:
            return False
        if self._skip:
            self._skip -= 1
            return False
        self.hits += 1
        return True


class Faults:
    """The faults of one server.

    Args:
        routes: the server's routes.
        defects: the defects of its emulator.
        profile: the server version.
    """

    def __init__(self, routes: Sequence[BaseRoute], defects: Defects, profile: Profile) -> None:
        self._routes = routes
        self._defects = defects
        self._profile = profile
        self.frames: Final = FrameFaults()
        self._lock = Lock()
        self._faults: list[Fault] = []

    def add(
        self,
        route: str,
        *,
        status: int | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        drop: Drop | None = None,
        delay: float | timedelta = 0.0,
        half_body: bool = False,
        times: int | None = 1,
        skip: int = 0,
    ) -> Fault:
        """Make requests fail. If several faults match a request, the one that was added first applies.

        Args:
            route: an optional method and a path, like `POST /api/v1/jobs/submit`; `{any}` matches one path segment, and `*`
                alone every request.
            status: respond with this status, without handling the request.
            body: the JSON value of that response, or raw bytes; `{"error": "<name of the status>"}` if not given.
            headers: additional headers of that response, like `{"Retry-After": "1"}`.
            drop: close the connection without a response, "before" or "after" handling the request. With "after", a submitted
                job exists, and a retry with the same idempotency key finds it.
            delay: seconds of real time (or a timedelta) before the response, or before the connection is closed.
            half_body: send the headers and half of the body, then close the connection.
            times: how many requests fail; None for all of them.
            skip: how many requests succeed before the first one fails.

        Returns:
            The fault, which counts its `hits`.

        Raises:
            TypeError: an argument of another type.
            ValueError: a route that the server does not have, a number out of its range, an argument that makes nothing fail,
                or two arguments that exclude each other.
        """
        _check_combination(status=status, has_response=body is not None or headers is not None, drop=drop, half_body=half_body)
        if status in _STATUSES_WITHOUT_BODY and (body is not None or half_body):
            raise ValueError(f"an answer with the status {status} has no body: give neither body nor half_body")
        fault = Fault(
            route,
            pattern=_read_pattern(route, self._routes),
            times=_times(times),
            skip=whole_number("skip", skip, 0),
            delay_seconds=in_seconds("delay", delay),
            drop=drop,
            half_body=half_body,
            status=None if status is None else whole_number("status", status, _LOWEST_STATUS, _HIGHEST_STATUS),
            headers=_headers(headers),
            body=_content(status, body),
        )
        if not (fault.status or fault.drop or fault.half_body or fault.delay_seconds):
            raise ValueError("nothing goes wrong: give status, drop, delay or half_body")
        with self._lock:
            self._faults.append(fault)
        return fault

    def add_frame_fault(
        self,
        frame: FrameType = "*",
        *,
        drop: bool = False,
        cut: bool = False,
        delay: float | timedelta = 0.0,
        contains: str = "",
        times: int | None = 1,
        skip: int = 0,
    ) -> FrameFault:
        """Make frames of the WebSocket fail on their way to the client. If several faults match a frame, the first applies.

        Args:
            frame: the type of the frames; `*` for all. A change is sent in two frames.
            drop: lose the frame; the socket stays open.
            cut: tear the connection down in place of the frame, without a close frame.
            delay: seconds of real time (or a timedelta) by which the frame is late; frames after it overtake it.
            contains: a text that the frame contains, like a job's id.
            times: how many frames fail; None for all of them.
            skip: how many frames pass before the first one fails.

        Returns:
            The fault, which counts its `hits`.

        Raises:
            TypeError: an argument of another type.
            ValueError: a type of frames that does not exist, a number out of its range, or not exactly one of drop, cut and delay.
        """
        if frame not in FRAME_TYPES:
            raise ValueError(f"frame must be one of {', '.join(FRAME_TYPES)}, not {frame!r}")
        seconds = in_seconds("delay", delay)
        if [bool(drop), bool(cut), bool(seconds)].count(True) != 1:
            raise ValueError("give exactly one of drop, cut and delay")
        fault = FrameFault(
            frame,
            contains=string("contains", contains),
            drop=drop,
            cut=cut,
            delay_seconds=seconds,
            times=_times(times),
            skip=whole_number("skip", skip, 0),
        )
        self.frames.add(fault)
        return fault

    def cut_sockets(self) -> int:
        """Tear all open WebSockets down, without a close frame, and count them."""
        return self.frames.cut_sockets()

    def deny_jobs(self, *, share: float = 1.0, times: int | None = None, skip: int = 0) -> Defect:
        """Make the server deny jobs that exist, as 2026-04 servers do once a user's request has spoiled a database connection.

        Reading, cancelling and retrying a job answer 404 `Job not found`, its log answers 500. Lists and submits are not affected.

        Args:
            share: which part of these requests meets the spoiled connection, above 0 and up to 1; they are spread evenly.
            times: how many requests; None for all until `clear`.
            skip: how many requests succeed before the first one.

        Returns:
            The defect, which counts its `hits`.

        Raises:
            TypeError: an argument of another type.
            ValueError: a number out of its range, or a server version that does not do this.
        """
        if not self._profile.spoils_connections:
            raise ValueError(f"servers of {self._profile.name} do not deny jobs that exist")
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and up to 1, not {share}")
        return self._add_defect(Defect("denied job", share=share, times=_times(times), skip=whole_number("skip", skip, 0)))

    def lose_output(self, *, lines: int = 0, times: int | None = 1, skip: int = 0) -> Defect:
        """Make the server lose the last lines of jobs' outputs, the result included: such a job is `completed` with the result `{}`.

        Args:
            lines: how many of the job's own last log lines are lost, too.
            times: how many runs; None for all until `clear`.
            skip: how many runs begin before the first one.

        Returns:
            The defect, which counts its `hits`.

        Raises:
            TypeError: an argument of another type.
            ValueError: a number out of its range.
        """
        defect = Defect("lost output", lines=whole_number("lines", lines, 0), times=_times(times), skip=whole_number("skip", skip, 0))
        return self._add_defect(defect)

    def hang_jobs(self, *, times: int | None = 1, skip: int = 0) -> Defect:
        """Make jobs stay `running` after their end: for ever on 2026-04, until the progress timeout on 2026-03. See `lose_output`."""
        return self._add_defect(Defect("hanging job", times=_times(times), skip=whole_number("skip", skip, 0)))

    def clear(self) -> None:
        """Remove all faults, those of frames and the servers' own defects, too."""
        self.frames.clear()
        self._defects.clear()
        with self._lock:
            self._faults.clear()

    def claim(self, scope: Scope) -> Fault | None:
        """The fault that applies to this request, if there is one."""
        with self._lock:
            return next((fault for fault in self._faults if fault.claim(scope)), None)

    def _add_defect(self, defect: Defect) -> Defect:
        self._defects.add(defect)
        return defect


class FaultInjection:
    """ASGI middleware that makes requests fail, and passes all others on.

    Args:
        app: the next application.
        faults: the faults to apply.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        fault = self._faults.claim(scope)
        if scope["type"] == "websocket":
            await self._serve_socket(fault, scope, receive, send)
            return
        if fault is None:
            await self._app(scope, receive, send)
            return
        messages = await self._respond(fault, scope, receive)
        # The delay comes after the request is handled, as for a client that timed out although the server did the work.
        await asyncio.sleep(fault.delay_seconds)
        if fault.drop:
            await _close_connection(scope, receive)
        elif fault.half_body:
            await _send_half(messages, send)
            await _close_connection(scope, receive)
        else:
            for message in messages:
                await send(message)

    async def _serve_socket(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault:
            await asyncio.sleep(fault.delay_seconds)
            if fault.status:
                for message in _fault_response(fault):
                    await send({**message, "type": f"websocket.{message['type']}"})
                return
            if fault.drop or fault.half_body:
                await send({"type": "websocket.close", "code": TORN})
                return
        socket = self._faults.frames.opened(send)
        try:
            await self._app(scope, receive, socket.send)
        finally:
            self._faults.frames.closed(socket)

    async def _respond(self, fault: Fault, scope: Scope, receive: Receive) -> list[Message]:
        if fault.status:
            await _read_request(receive)
            return _fault_response(fault)
        messages: list[Message] = []
        if fault.drop != "before":

            async def collect(message: Message) -> None:
                messages.append(message)

            await self._app(scope, receive, collect)
        return messages


@frozen
class RoutePattern:
    """The requests a fault applies to: a method and path segments, or None for any; a segment in braces matches any one."""

    method: str | None
    segments: tuple[str, ...] | None

    def matches(self, scope: Scope) -> bool:
        """Whether a request matches."""
        # As the emulator's routes do: by the path as it was sent, and without regard to a trailing slash.
        path = cast("bytes", scope["raw_path"]).decode("latin-1").rstrip("/") or "/"
        if scope["type"] == "websocket":
            # Only where a pattern names it: `*` means the requests that a program sends itself.
            return self.segments is not None and self._compare("GET", path, _segment_matches)
        return self._compare(scope["method"], path, _segment_matches)

    def overlaps(self, route: Route) -> bool:
        """Whether a request can match both this pattern and a route."""
        return any(self._compare(method, route.path, _segments_overlap) for method in route.methods or ())

    def _compare(self, method: str, path: str, compare_segments: _Comparison) -> bool:
        if self.method not in {None, method}:
            return False
        if self.segments is None:
            return True
        segments = path.split("/")
        return len(segments) == len(self.segments) and all(map(compare_segments, self.segments, segments))


def _read_pattern(text: str, routes: Iterable[BaseRoute]) -> RoutePattern:
    if not isinstance(cast("object", text), str):
        raise TypeError(f'route must be a text like "POST /api/v1/jobs/submit", not {type(text).__name__}')
    method, _, path = text.strip().rpartition(" ")
    if path != "*" and "*" in path.split("/"):
        raise ValueError(f"route {text!r}: write {{id}} for any one segment; * alone means every request")
    pattern = RoutePattern(method.strip().upper() or None, None if path == "*" else tuple(path.split("/")))
    known = [route for route in routes if isinstance(route, Route) and _CATCH_ALL not in route.path]
    if any(map(pattern.overlaps, known)):
        return pattern
    raise ValueError(f"route {text!r} is none of the server's: {_suggestion(text, known)}")


def _suggestion(text: str, known: list[Route]) -> str:
    names = [f"{method} {route.path}" for route in known for method in sorted((route.methods or set()) - {"HEAD"})]
    near = get_close_matches(text, names, _MAX_SUGGESTIONS, 0.5) or sorted(names)
    return f"did you mean {' or '.join(near)}?" if len(near) <= _MAX_SUGGESTIONS else f"there are {', '.join(near)}"


def _segment_matches(pattern: str, segment: str) -> bool:
    return pattern == segment or _is_placeholder(pattern)


def _segments_overlap(pattern: str, segment: str) -> bool:
    return _segment_matches(pattern, segment) or _is_placeholder(segment)


def _is_placeholder(segment: str) -> bool:
    return re.fullmatch(r"\{[^{}]*\}", segment) is not None


def _times(times: int | None) -> int | None:
    return None if times is None else whole_number("times", times, 1)


def _check_combination(*, status: int | None, has_response: bool, drop: Drop | None, half_body: bool) -> None:
    if drop not in {None, "before", "after"}:
        raise ValueError(f'drop must be "before" or "after", not {drop!r}')
    if drop and (status is not None or half_body):
        raise ValueError("drop closes the connection without an answer: it goes with neither status nor half_body")
    if has_response and status is None:
        raise ValueError("body and headers belong to an answer of the fault's own: give its status, too")


def _headers(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    given: Mapping[object, object] = {} if headers is None else cast("Mapping[object, object]", headers)
    if not isinstance(cast("object", given), Mapping) or not all(isinstance(part, str) for pair in given.items() for part in pair):
        raise TypeError("headers must be a dict of texts")
    texts = {str(name).lower(): str(value) for name, value in given.items()}
    if not all(part.isascii() and part.isprintable() for pair in texts.items() for part in pair):
        raise ValueError("headers must be texts of printable ASCII")
    for name in texts:
        _check_header_name(name)
    return tuple({"content-type": _JSON, **texts}.items())


def _check_header_name(name: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"headers: {name!r} is no header's name")
    if name in _FRAMING_HEADERS:
        raise ValueError(f"headers: {name} is set by the body; half_body breaks it off")


def _content(status: int | None, body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if status in _STATUSES_WITHOUT_BODY:
        return b""
    if body is None and status is not None:
        names: dict[int, str] = {known.value: known.phrase for known in HTTPStatus}
        body = {"error": names.get(status, f"Status {status}")}
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise type(error)(f"body must be a JSON value or bytes: {error}") from None


def _fault_response(fault: Fault) -> list[Message]:
    start: Message = {"type": "http.response.start", "status": fault.status, "headers": []}
    headers = MutableHeaders(scope=start)
    headers["content-length"] = str(len(fault.body))
    for name, value in fault.headers:
        headers[name] = value
    return [start, {"type": "http.response.body", "body": fault.body}]


async def _send_half(messages: list[Message], send: Send) -> None:
    start, *parts = messages
    await send(start)
    body = b"".join(part.get("body", b"") for part in parts)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _close_connection(scope: Scope, receive: Receive) -> None:
    close_connection: Callable[[], None] = scope["extensions"][EXTENSION]["close_connection"]
    close_connection()
    while (await receive())["type"] != "http.disconnect":
        """Discard what the client still sends."""


async def _read_request(receive: Receive) -> None:
    """Read the whole request: a client that is still sending would not see the response."""
    while (await receive()).get("more_body", False):
        """Discard each part."""
