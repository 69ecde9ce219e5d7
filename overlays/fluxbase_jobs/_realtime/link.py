"""What the hubs of both clients decide alike: when to connect again, when to renew the token, whose jobs a token shows."""

from __future__ import annotations

import base64
import random
import time
from typing import Any, Final, cast

import msgspec
from attrs import define

from ..models.jobs import Job
from .websocket import SocketUnavailable

UNUSED: Final = "unused"
CONNECTED: Final = "connected"
IDLE_SECONDS: Final = 60.0
"""Seconds without a watcher after which a socket is closed."""
HEARTBEAT_SECONDS: Final = 25.0
TICK_SECONDS: Final = 1.0
"""Seconds between two looks at what is wanted, where nothing comes."""
FIRST_DELAY: Final = 0.05
MAX_DELAY: Final = 30.0
SILENT_FAILURES: Final = 6
"""A socket that is torn before its first frame counts as so many failures: the server does so over its limit of sockets for each user."""
MISSING_DELAY: Final = 600.0
"""Seconds before a server without a WebSocket is asked again."""
_RENEW_BEFORE: Final = 60.0
LAST_MOMENT: Final = 2**40
"""Seconds since 1970; a token that claims a later expiry has none that matters."""
_SEES_ALL: Final = frozenset({"service_role", "admin", "instance_admin", "dashboard_admin"})


def polling(reason: str) -> str:
    """The state of a client that polls."""
    return f"polling: {reason}"


@define
class Retries:
    """When to connect again."""

    failures: int = 0
    silent: bool = False
    """Whether the socket is open and has brought nothing yet."""

    def received(self) -> None:
        """The socket works."""
        self.failures, self.silent = 0, False

    def delay(self, fault: SocketUnavailable) -> float:
        """The seconds before the next attempt: more after each failure, with jitter, as all clients lose their sockets together."""
        if fault.lasting:
            return MISSING_DELAY
        self.failures = max(self.failures + 1, SILENT_FAILURES if self.silent else 0)
        self.silent = False
        longest: float = min(MAX_DELAY, FIRST_DELAY * 2 ** min(self.failures, 10))
        return longest * (0.5 + random.random() / 2)  # noqa: S311  # jitter, not a secret


@define
class Token:
    """The token of a socket: whose jobs it shows, and when to ask for the next one."""

    text: str | None = None
    renew_at: float | None = None
    role: str | None = None
    users: tuple[object, ...] = ()

    def use(self, text: str, now: float) -> None:
        """Take the token that the socket has now."""
        claims = _claims(text)
        role, left = claims.get("role"), _seconds_until(claims.get("exp"))
        same = text == self.text
        self.text, self.users = text, (claims.get("user_id"), claims.get("sub"))
        self.role = role if isinstance(role, str) else None  # other issuers' tokens have a list there
        wait = None if left is None else max(left - _RENEW_BEFORE, left / 2, TICK_SECONDS)
        self.renew_at = None if wait is None else now + (max(wait, HEARTBEAT_SECONDS) if same else wait)

    def sees(self, job: Job) -> bool:
        """Whether the server sends this job's changes to the token's owner."""
        return self.role in _SEES_ALL or (job.created_by is not None and job.created_by in self.users)


def _seconds_until(moment: object) -> float | None:
    """The seconds until a moment that a token claims; None for what is none."""
    if not isinstance(moment, int | float):
        return None
    return min(max(moment, 0), LAST_MOMENT) - time.time()


def is_token(key: object) -> bool:
    """Whether a key is a JWT: the WebSocket takes nothing else."""
    return isinstance(key, str) and key.count(".") == 2 and bool(_claims(key))  # header, claims, signature


def _claims(token: str) -> dict[str, Any]:
    try:
        claims = token.split(".")[1]
        decoded: Any = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else {}
