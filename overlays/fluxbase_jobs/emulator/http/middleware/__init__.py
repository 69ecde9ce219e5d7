"""What happens to every request before and after its route, in the server's order."""

from __future__ import annotations

from .access_log import AccessLog
from .body_limit import BodyLimit
from .client_disconnect import Disconnects
from .idempotency import Idempotency
from .rate_limit import RateLimitMiddleware
from .raw_path import VerbatimPath
from .request_id import RequestId

__all__ = ["AccessLog", "BodyLimit", "Disconnects", "Idempotency", "RateLimitMiddleware", "RequestId", "VerbatimPath"]
