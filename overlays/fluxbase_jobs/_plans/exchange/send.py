"""Sending one request: its address, headers, credentials and time limit."""

from __future__ import annotations

from typing import Final

from ..._context.call_context import CallContext
from ..._transports.messages import Private, Request
from .steps import Instant, Plan, Send, Sent

MIN_TIMEOUT: Final = 0.001


def send(context: CallContext, request: Request, credentials: dict[str, str], now: Instant) -> Plan[Sent]:
    """Send a request of an operation with the call's timeout, or with what is left until its deadline."""
    own = Private((name.lower(), value) for name, value in request["headers"].items())
    addressed = Private(
        request, url=context.client.base_url + request["url"], headers=Private({**context.client.headers, **credentials, **own})
    )
    timeout = min(context.timeout, max(context.deadline - now.monotonic, MIN_TIMEOUT))
    sent: Sent = yield Send(addressed, timeout)
    return sent
