"""The faults of one server: which requests fail, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias, cast

from attrs import define, field
from starlette.routing import BaseRoute
from starlette.types import Scope

from ..profiles import Profile
from .defects import Defect, Defects
from .fault_list import Counted, FaultList
from .frames import FRAME_TYPES, FrameFault, FrameFaults, FrameType
from .patterns import RoutePattern, read_pattern
from .validation import in_seconds, string, whole_number

Drop: TypeAlias = Literal["before", "after"]

_LOWEST_STATUS: Final = 200
_HIGHEST_STATUS: Final = 599
_STATUSES_WITHOUT_BODY: Final = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_JSON: Final = "application/json; charset=utf-8"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING_HEADERS: Final = {"content-length", "transfer-encoding"}


@define(eq=False)
class Fault(Counted):
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
        if not self._pattern.matches(scope) or not self._is_due():
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
        self._requests = FaultList[Fault]()

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
        status = None if status is None else whole_number("status", status, _LOWEST_STATUS, _HIGHEST_STATUS)
        _check_combination(status=status, has_response=body is not None or headers is not None, drop=drop, half_body=half_body)
        if status in _STATUSES_WITHOUT_BODY and (body is not None or half_body):
            raise ValueError(f"an answer with the status {status} has no body: give neither body nor half_body")
        fault = Fault(
            route,
            pattern=read_pattern(route, self._routes),
            times=_times(times),
            skip=whole_number("skip", skip, 0),
            delay_seconds=in_seconds("delay", delay),
            drop=drop,
            half_body=half_body,
            status=status,
            headers=_headers(headers),
            body=_content(status, body),
        )
        if not (fault.status or fault.drop or fault.half_body or fault.delay_seconds):
            raise ValueError("nothing goes wrong: give status, drop, delay or half_body")
        self._requests.add(fault)
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

    @property
    def active(self) -> tuple[Fault | FrameFault | Defect, ...]:
        """The faults that were added and not removed: of requests, of frames, and the servers' own defects."""
        return (*self._requests.active, *self.frames.active, *self._defects.active)

    def remove(self, fault: Fault | FrameFault | Defect) -> None:
        """Remove one fault. Nothing happens if it was removed before."""
        self.frames.remove(fault)
        self._defects.remove(fault)
        self._requests.remove(fault)

    def clear(self) -> None:
        """Remove all faults, those of frames and the servers' own defects, too."""
        self.frames.clear()
        self._defects.clear()
        self._requests.clear()

    def claim(self, scope: Scope) -> Fault | None:
        """The fault that applies to this request, if there is one."""
        return self._requests.first(lambda fault: fault.claim(scope))

    def _add_defect(self, defect: Defect) -> Defect:
        self._defects.add(defect)
        return defect


def _times(times: int | None) -> int | None:
    return None if times is None else whole_number("times", times, 1)


def _check_combination(*, status: int | None, has_response: bool, drop: Drop | None, half_body: bool) -> None:
    if drop not in (None, "before", "after"):  # no set: the value may be unhashable
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
