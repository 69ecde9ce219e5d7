"""How often a waiting call polls: a pure decision based on what the last poll read."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import field, frozen

from ..models.jobs import Job
from .validators import as_number, at_least_one, fraction, in_seconds, positive

LONGEST_SLEEP: Final = 60.0
"""Seconds between two polls of a job that is scheduled for later: it may have been cancelled."""


@frozen(kw_only=True)
class PollPolicy:
    """How often a waiting call polls the server, which allows 100 requests a minute for an address.

    The interval is short after a change and grows without one. A running job is polled twice as often as a pending one, and a scheduled
    job once a minute until it is due. Without changes one wait sends 12 to 16 requests in its first minute and then 6 a minute while the
    job is pending, 12 while it runs; with a change at every poll about 60 a minute.

    Args:
        initial: seconds before the second poll; twice as many follow each change.
        factor: what the interval is multiplied by where nothing changed.
        maximum: seconds, the longest interval; half of it while the job runs.
        jitter: each interval varies by up to this fraction, so that many waiting programs do not poll at the same time.

    Raises:
        InvalidInput: a number is not as described.
    """

    initial: float = field(default=0.5, converter=in_seconds, validator=positive)
    factor: float = field(default=1.5, converter=as_number, validator=at_least_one)
    maximum: float = field(default=10.0, converter=in_seconds, validator=positive)
    jitter: float = field(default=0.1, converter=as_number, validator=fraction)

    def interval(self, previous: float | None, job: Job | None, utc: datetime, random: float, *, changed: bool) -> float:
        """The seconds until the next poll.

        Args:
            previous: the seconds before this poll, None for the first one.
            job: the job as this poll read it, None where it failed.
            utc: the time now.
            random: a random number from 0 to 1.
            changed: whether this poll read something new.
        """
        if previous is None:
            planned = self.initial
        elif changed or _just_due(job, utc, previous):
            planned = min(2 * self.initial, self.maximum)
        else:
            running = job is not None and job.status != "pending"
            planned = min(previous * self.factor, self.maximum / 2 if running else self.maximum)
        varied = planned * (1 + self.jitter * (2 * random - 1))
        return max(varied, min(_until_due(job, utc), LONGEST_SLEEP))


def _until_due(job: Job | None, utc: datetime) -> float:
    """Seconds until a pending job may start."""
    if job is None or job.status != "pending" or job.scheduled_at is None:
        return 0.0
    return (job.scheduled_at - utc).total_seconds()


def _just_due(job: Job | None, utc: datetime, previous: float) -> bool:
    """Whether this is the first poll since a pending job became due: the end of a long pause."""
    if job is None or job.status != "pending" or job.scheduled_at is None:
        return False
    return 0 <= (utc - job.scheduled_at).total_seconds() <= previous
