"""Faults that a test orders: which requests go wrong, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, Literal, TypeAlias, cast

from attrs import define, field
from starlette.routing import BaseRoute
from starlette.types import Scope

from .route_patterns import RoutePattern, read_pattern
from .validation import in_seconds, whole_number

Drop: TypeAlias = Literal["before", "after"]

_LOWEST: Final = 200
_HIGHEST: Final = 599
_JSON: Final = "application/json; charset=utf-8"
_WITHOUT_BODY: Final = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING: Final = {"content-length", "transfer-encoding"}


@define(eq=False)
class Fault:
    """One order to go wrong, as `Faults.add` made it.

    `hits` is how many requests it has hit so far.
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

    def takes(self, scope: Scope) -> bool:
        """Whether it hits this request, which is then counted."""
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
        routes: what the server answers.

    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes
        self._lock = Lock()
        self._ordered: list[Fault] = []

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
        """Let requests go wrong; of several faults for one request, the one that was added first is taken.

        Args:
            route: a method, which may be left out, and a path in which `{any}` is any one segment; `*` for every request.
            status: answer this, without handling the request.
            body: the JSON value of that answer, or bytes as they are; `{"error": "..."}` with the status's name if not given.
            headers: more headers of that answer, like `{"Retry-After": "1"}`.
            drop: close the connection without an answer, "before" or "after" the request is handled. After: a submitted job is
                there, and a repetition with the same idempotency key finds it.
            delay: seconds of real time (or a timedelta) before the answer, or before the connection is closed.
            half_body: send the headers and half of the body, then close the connection.
            times: how many requests it hits; None for all from now on.
            skip: how many requests pass before the first one that it hits.

        Returns:
            The fault, which counts its `hits`.

        Raises:
            TypeError: an argument of another type.
            ValueError: a route that the server does not have, a number out of its range, nothing that goes wrong, or two things that exclude
                each other.

        """
        _check_kinds(status=status, has_answer=body is not None or headers is not None, drop=drop, half_body=half_body)
        if status in _WITHOUT_BODY and (body is not None or half_body):
            raise ValueError(f"an answer with the status {status} has no body: give neither body nor half_body")
        fault = Fault(
            route,
            pattern=read_pattern(route, self._routes),
            times=None if times is None else whole_number("times", times, 1),
            skip=whole_number("skip", skip, 0),
            delay_seconds=in_seconds("delay", delay),
            drop=drop,
            half_body=half_body,
            status=None if status is None else whole_number("status", status, _LOWEST, _HIGHEST),
            headers=_headers(headers),
            body=_content(status, body),
        )
        if not (fault.status or fault.drop or fault.half_body or fault.delay_seconds):
            raise ValueError("nothing goes wrong: give status, drop, delay or half_body")
        with self._lock:
            self._ordered.append(fault)
        return fault

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._ordered.clear()

    def take(self, scope: Scope) -> Fault | None:
        """Return the fault that hits this request, if there is one."""
        with self._lock:
            return next((fault for fault in self._ordered if fault.takes(scope)), None)


def _check_kinds(*, status: int | None, has_answer: bool, drop: Drop | None, half_body: bool) -> None:
    if drop not in {None, "before", "after"}:
        raise ValueError(f'drop must be "before" or "after", not {drop!r}')
    if drop and (status is not None or half_body):
        raise ValueError("drop closes the connection without an answer: it goes with neither status nor half_body")
    if has_answer and status is None:
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
    if name in _FRAMING:
        raise ValueError(f"headers: {name} is set by the body; half_body breaks it off")


def _content(status: int | None, body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if status in _WITHOUT_BODY:
        return b""
    if body is None and status is not None:
        names: dict[int, str] = {known.value: known.phrase for known in HTTPStatus}
        body = {"error": names.get(status, f"Status {status}")}
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise type(error)(f"body must be a JSON value or bytes: {error}") from None
