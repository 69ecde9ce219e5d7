"""Rate limits: fixed windows of a minute, counted separately for each key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from attrs import define, field, frozen
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ..clock import Clock, seconds
from ..services import Services
from .endpoints import Call, Handler
from .responses import error

WINDOW_SECONDS: Final = 60


@frozen
class RateLimit:
    """How many requests fit into a window, and the message for those beyond it."""

    requests: int
    message: str
    retry_after: int = WINDOW_SECONDS
    """The `Retry-After` of the error. The server sends a configured number, not the rest of the window."""


@frozen
class WindowCount:
    """The position of a request in its window."""

    limit: RateLimit
    number: int
    """Counts from 1."""
    reset_seconds: int

    @property
    def exceeds_limit(self) -> bool:
        """Whether the window was full before this request."""
        return self.number > self.limit.requests

    @property
    def headers(self) -> Mapping[str, str]:
        """The rate limit headers of a response; the server adds them to every status but 429 (auth_tokens, rate_limited)."""
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
        clock: decides when a window ends.
    """

    _limit: RateLimit
    _clock: Clock
    _open: dict[str, _Window] = field(factory=dict[str, _Window], init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def count(self, key: str) -> WindowCount:
        """Count a request for a key, whether it will be refused or not."""
        with self._lock:
            now = seconds(self._clock)
            window = self._window(key, now)
            window.requests += 1
            return WindowCount(self._limit, window.requests, window.ends - now)

    def __len__(self) -> int:
        """The number of windows in memory. Windows that have ended are removed when the next one opens."""
        return len(self._open)

    def _window(self, key: str, now: int) -> _Window:
        window = self._open.get(key)
        if window is None or window.ends <= now:
            for ended in [other for other, its in self._open.items() if its.ends <= now]:
                del self._open[ended]
            window = self._open[key] = _Window(now + WINDOW_SECONDS)
        return window


def client_address(connection: HTTPConnection) -> str:
    """The IP address of the client; empty if there is no socket."""
    return connection.client.host if connection.client else ""


def too_many_requests(limit: RateLimit) -> Response:
    """The response to a request beyond its limit."""
    response = error(
        429,
        "Rate limit exceeded",
        code="RATE_LIMIT_EXCEEDED",
        message=limit.message,
        retry_after=limit.retry_after,
    )
    response.headers["retry-after"] = str(limit.retry_after)
    return response


def rate_limited(services: Services, handler: Handler, limit: RateLimit, key: Callable[[Call], str]) -> Handler:
    """Give a route its own rate limit. Its headers are always sent; requests are refused only if rate limits are on."""
    limiter = FixedWindowLimiter(limit, services.clock)
    refuses = services.settings.rate_limit is not None

    def handle(call: Call) -> Response:
        count = limiter.count(key(call))
        if refuses and count.exceeds_limit:
            return too_many_requests(limit)
        response = handler(call)
        response.headers.update(count.headers)
        return response

    return handle
