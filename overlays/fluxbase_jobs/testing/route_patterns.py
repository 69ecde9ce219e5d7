"""Which requests a fault is for: `POST /api/v1/jobs/submit`, `/api/v1/jobs/{id}`, `*`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias, cast

from attrs import frozen
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.routing import BaseRoute
    from starlette.types import Scope

_Comparison: TypeAlias = "Callable[[str, str], bool]"

_NEAR = 3
_ALL_PATHS = "{path:path}"


@frozen
class RoutePattern:
    """A method, or None for all, and the segments of a path, or None for all; a segment in braces is any one."""

    method: str | None
    segments: tuple[str, ...] | None

    def matches(self, scope: Scope) -> bool:
        """Whether a request is meant."""
        # As the emulator's routes: on the path as sent, and a slash at its end does not count.
        path = cast("bytes", scope["raw_path"]).decode("latin-1").rstrip("/") or "/"
        return self._fits(scope["method"], path, are_one=_names)

    def is_about(self, route: Route) -> bool:
        """Whether a request could meet both this pattern and a route."""
        return any(self._fits(method, route.path, are_one=_overlap) for method in route.methods or ())

    def _fits(self, method: str, path: str, are_one: _Comparison) -> bool:
        if self.method not in {None, method}:
            return False
        if self.segments is None:
            return True
        segments = path.split("/")
        return len(segments) == len(self.segments) and all(map(are_one, self.segments, segments))


def read_pattern(text: str, routes: Iterable[BaseRoute]) -> RoutePattern:
    """Read a pattern.

    Args:
        text: a method, which may be left out, and a path, or `*` for everything.
        routes: what there is.

    Raises:
        TypeError: it is no text.
        ValueError: none of the routes could be meant.

    """
    if not isinstance(cast("object", text), str):
        raise TypeError(f'route must be a text like "POST /api/v1/jobs/submit", not {type(text).__name__}')
    method, _, path = text.strip().rpartition(" ")
    if path != "*" and "*" in path.split("/"):
        raise ValueError(f"route {text!r}: write {{id}} for any one segment; * alone means every request")
    pattern = RoutePattern(method.strip().upper() or None, None if path == "*" else tuple(path.split("/")))
    known = [route for route in routes if isinstance(route, Route) and _ALL_PATHS not in route.path]
    if any(map(pattern.is_about, known)):
        return pattern
    raise ValueError(f"route {text!r} is none of the server's: {_advice(text, known)}")


def _advice(text: str, known: list[Route]) -> str:
    names = [f"{method} {route.path}" for route in known for method in sorted((route.methods or set()) - {"HEAD"})]
    near = get_close_matches(text, names, _NEAR, 0.5) or sorted(names)
    return f"did you mean {' or '.join(near)}?" if len(near) <= _NEAR else f"there are {', '.join(near)}"


def _names(wanted: str, segment: str) -> bool:
    return wanted == segment or _is_any(wanted)


def _overlap(wanted: str, segment: str) -> bool:
    return _names(wanted, segment) or _is_any(segment)


def _is_any(segment: str) -> bool:
    return re.fullmatch(r"\{[^{}]*\}", segment) is not None
