"""ASGI middleware for every request, in the server's order."""

from __future__ import annotations

from .idempotency import IdempotencyMiddleware
from .limits import BodyLimitMiddleware, FullDiskMiddleware, RateLimitMiddleware
from .requests import AccessLogMiddleware, ClientDisconnectMiddleware, RawPathMiddleware, RequestIdMiddleware

__all__ = [
    "AccessLogMiddleware",
    "BodyLimitMiddleware",
    "ClientDisconnectMiddleware",
    "FullDiskMiddleware",
    "IdempotencyMiddleware",
    "RateLimitMiddleware",
    "RawPathMiddleware",
    "RequestIdMiddleware",
]
