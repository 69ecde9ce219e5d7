"""The settings of an emulator and their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from attrs import field, frozen
from attrs.validators import and_, ge, in_, instance_of, optional

from .profiles import NEWEST, Profile

JobsSwitch: TypeAlias = Literal["on", "off", "flag-off"]
RealtimeSwitch: TypeAlias = Literal["on", "off", "all"]

SHORTEST_SECRET: Final = 32
"""Minimal length of `jwt_secret` in bytes: required by HS256 and by the real server."""
DEFAULT_PORT: Final = 8080
"""Where the program listens if no port is given: the real server's."""


@frozen
class Settings:
    """The settings of one emulator. Times are in seconds."""

    profile: Profile = NEWEST
    jwt_secret: str | None = field(default=None, repr=False)
    """What tokens are signed with. None: a random secret, which is kept in the database, so that tokens outlive the emulator."""
    database: Path | None = None
    """The SQLite file; None stores everything in memory."""
    poll_interval: float = 0.05
    """How often each worker polls the queue; the real server's interval is 1.0."""
    worker_timeout: float = 30.0
    """How long after a start the jobs that an earlier server left running go back to pending."""
    rate_limit: int | None = field(default=None, validator=optional(and_(instance_of(int), ge(1))))
    """Requests a minute for each client address, None for no limit. The real server's limit, where enabled, is 100."""
    jobs: JobsSwitch = field(default="on", validator=in_(get_args(JobsSwitch)))
    """`off`: jobs are not configured, there are no jobs routes; `flag-off`: the routes answer that the feature is off."""
    realtime: RealtimeSwitch = field(default="on", validator=in_(get_args(RealtimeSwitch)))
    """`off`: the WebSocket is not enabled; `all`: it sends changes of jobs where the real server does so only once set up for it."""
    workers: int = 4
    jobs_per_worker: int = 5
