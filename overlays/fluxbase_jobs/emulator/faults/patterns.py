"""Which requests a fault applies to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Final, TypeAlias, cast

from attrs import frozen
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

_Comparison: TypeAlias = Callable[[str, str], bool]

_MAX_SUGGESTIONS: Final = 3
_CATCH_ALL: Final = "{path:path}"


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


def read_pattern(text: str, routes: Iterable[BaseRoute]) -> RoutePattern:
    """Read a pattern like `POST /api/v1/jobs/submit`.

    Raises:
        TypeError: it is not a text.
        ValueError: no route of the server matches it.
    """
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
