"""What can be set on an emulator, with the defaults."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from attrs import field, frozen
from attrs.validators import and_, ge, in_, instance_of, optional

from .profiles import NEWEST, Profile

if TYPE_CHECKING:
    from pathlib import Path

JobsSwitch: TypeAlias = Literal["on", "off", "flag-off"]

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
    rate_limit: int | None = field(default=None, validator=optional(and_(instance_of(int), ge(1))))
    """How many requests each client address may send a minute; the real server's limit, where it is on, is 100."""
    jobs: JobsSwitch = field(default="on", validator=in_(get_args(JobsSwitch)))
    """`off`: left out of the configuration, there are no jobs routes; `flag-off`: there are, and the feature is off."""
    workers: int = 4
    jobs_per_worker: int = 5
