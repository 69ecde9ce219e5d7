"""Routes with a rate limit of their own: they announce it always, and refuse only where rate limits are on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluxbase_jobs.emulator.http.rate_limits import FixedWindowLimiter, RateLimit, too_many

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

    from .endpoints import Call, Handler


def limited(services: Services, handler: Handler, limit: RateLimit, key: Callable[[Call], str]) -> Handler:
    """Return the handler with a limit on the requests of one key."""
    windows = FixedWindowLimiter(limit, services.clock)
    refuses = services.settings.rate_limit is not None

    def counted(call: Call) -> Response:
        count = windows.count(key(call))
        if refuses and count.is_beyond:
            return too_many(limit)
        response = handler(call)
        response.headers.update(count.headers)
        return response

    return counted
