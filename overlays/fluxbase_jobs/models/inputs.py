"""What callers hand to the verbs, kept together on the way to the wire; not checked yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from attrs import field, frozen

from .jobs import Job

JobId: TypeAlias = str | UUID | Job
"""Which job a verb is about: its id, as text or UUID, or the job itself."""


@frozen
class OnBehalfOf:
    """The user for whom a service role submits a job.

    Attributes:
        user_id: the user's UUID.
        user_email: the email to note with the job.
        user_role: the role to note with the job; the server takes "authenticated" where it is not given.
    """

    user_id: str | UUID
    user_email: str | None = None
    user_role: str | None = None


@frozen
class Submission:
    """A job to submit: the arguments of `jobs.submit`, documented there."""

    job_name: str
    payload: object = field(default=None, repr=False)
    namespace: str | None = field(default=None, kw_only=True)
    priority: int | None = field(default=None, kw_only=True)
    scheduled: datetime | timedelta | str | None = field(default=None, kw_only=True)
    on_behalf_of: str | UUID | OnBehalfOf | None = field(default=None, kw_only=True)
    idempotency_key: str | None = field(default=None, kw_only=True, repr=False)
