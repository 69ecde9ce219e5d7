"""How often a client may call: fixed windows of a minute, counted apart for each key."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from ..clock import Clock, seconds
from .responses import error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection
    from starlette.responses import Response

WINDOW_SECONDS = 60


@frozen
class RateLimit:
    """How many requests a window takes, and what is said to those beyond it."""

    requests: int
    message: str
    retry_after: int = WINDOW_SECONDS
    """What a refusal's `Retry-After` says: not what is left of the window, but what the server was configured with."""


@frozen
class WindowCount:
    """Where a request stands in its window."""

    limit: RateLimit
    number: int
    """From 1."""
    reset_seconds: int

    @property
    def is_beyond(self) -> bool:
        """Whether the window was full before this request."""
        return self.number > self.limit.requests

    @property
    def headers(self) -> Mapping[str, str]:
        """What answers that were not refused announce, whatever their status (auth_tokens, rate_limited)."""
        return {
            "x-ratelimit-limit": str(self.limit.requests),
            "x-ratelimit-remaining": str(max(0, self.limit.requests - self.number)),
            "x-ratelimit-reset": str(self.reset_seconds),
        }


@define
class _Window:
    ends: int
    requests: int = 0


@frozen
class FixedWindowLimiter:
    """Counts requests against one limit.

    Args:
        limit: the limit.
        clock: says when a window ends.

    """

    _limit: RateLimit
    _clock: Clock
    _open: dict[str, _Window] = field(factory=dict[str, _Window], init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def count(self, key: str) -> WindowCount:
        """Count one request of a key, refused or not."""
        with self._lock:
            now = seconds(self._clock)
            window = self._window(key, now)
            window.requests += 1
            return WindowCount(self._limit, window.requests, window.ends - now)

    def __len__(self) -> int:
        """How many windows are kept: those that have ended go when the next one opens."""
        return len(self._open)

    def _window(self, key: str, now: int) -> _Window:
        window = self._open.get(key)
        if window is None or window.ends <= now:
            for ended in [other for other, its in self._open.items() if its.ends <= now]:
                del self._open[ended]
            window = self._open[key] = _Window(now + WINDOW_SECONDS)
        return window


def client_address(connection: HTTPConnection) -> str:
    """Return where a request came from; empty if it came without a socket."""
    return connection.client.host if connection.client else ""


def too_many(limit: RateLimit) -> Response:
    """Answer a request beyond its limit."""
    refusal = error(
        429,
        "Rate limit exceeded",
        code="RATE_LIMIT_EXCEEDED",
        message=limit.message,
        retry_after=limit.retry_after,
    )
    refusal.headers["retry-after"] = str(limit.retry_after)
    return refusal
