"""The logger `fluxbase_jobs`: requests at DEBUG, retries and long pauses at INFO, what was given up at WARNING.

Lines hold methods, paths, statuses and seconds; never a key, a header, a query or a body.
"""

from __future__ import annotations

import logging
from typing import Final

from .._plans.exchange.steps import Instant, Pause, Send, Sent
from .._transports.messages import RawResponse, address
from ..errors import FluxbaseError
from ..result import Err
from . import observer

LOGGER: Final = logging.getLogger("fluxbase_jobs")
LONG_PAUSE: Final = 1.0
"""Seconds; a longer pause between two polls is logged."""


def sent(step: Send, outcome: RawResponse | FluxbaseError, at: Instant) -> Sent:
    """Log one request and what came of it, which is returned with its time; the observer hears of it, too."""
    if (observing := observer.current()) is not None:
        observing.sent(step, outcome)
    if LOGGER.isEnabledFor(logging.DEBUG):
        received = outcome.status if isinstance(outcome, RawResponse) else type(outcome).__name__
        LOGGER.debug("%s %s: %s", str(step.request["method"]).upper(), address(step.request)[1], received)
    return Sent(outcome, at)


def pausing(step: Pause) -> None:
    """Log a pause before it begins."""
    if step.retry:
        if (observing := observer.current()) is not None:
            observing.retrying(step)
        LOGGER.info("%s; next attempt in %.1f s", step.retry, step.seconds)
    elif step.seconds > LONG_PAUSE:
        LOGGER.info("next poll in %.1f s", step.seconds)


def gave_up(result: Err, call: str) -> None:
    """Log that a call ended with an error that its retries did not overcome."""
    error = result.error
    if error.retryable:
        kind = type(error).__name__ if error.status is None else f"{type(error).__name__}, status {error.status}"
        LOGGER.warning("%s gave up after %d requests and %.1f s: %s", call, error.attempts, result.meta.elapsed, kind)
