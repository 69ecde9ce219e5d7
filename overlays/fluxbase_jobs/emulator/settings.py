"""What can be set on an emulator, with the defaults."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from attrs import field, frozen

from .profiles import NEWEST, Profile

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST_SECRET = 32
"""Bytes of `jwt_secret`: what HS256 needs, and what the real server asks for."""


def _random_secret() -> str:
    return secrets.token_urlsafe(SHORTEST_SECRET)


@frozen
class Settings:
    """How one emulator behaves. Times are seconds."""

    profile: Profile = NEWEST
    jwt_secret: str = field(factory=_random_secret, repr=False)
    database: Path | None = None
    """The SQLite file; None keeps everything in memory."""
    poll_interval: float = 0.05
    """How often each worker looks for a job; the real server's pace is 1.0."""
    worker_timeout: float = 30.0
    """How long after a start the jobs that an earlier server left running go back to pending."""
    workers: int = 4
    jobs_per_worker: int = 5
