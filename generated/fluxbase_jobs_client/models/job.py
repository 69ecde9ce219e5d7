# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field

from ..models.job_progress_data import JobProgressData
from ..types import AwareDatetime


@define(frozen=True, kw_only=True, slots=False)
class Job:
    """A job, as submit, get and list answer it. The forms differ in what they leave out: submit lacks what only
    happens later and `user_name`, list lacks `payload`, the three `progress_` fields and, unless asked for,
    `result`."""

    id: str
    """UUID, in lower case with hyphens."""

    namespace: str
    """The function's namespace."""

    job_name: str
    """The function's name."""

    status: str
    """`pending`, `running`, `completed`, `failed` or `cancelled`. The server's source also knows `interrupted`.
    Others may come; take an unknown one as not final. Scheduled jobs are pending. A job whose server died may
    stay running for good."""

    priority: int
    """Higher ones run first."""

    max_retries: int
    """How often the job can be put back by retry. The server does not retry by itself."""

    retry_count: int
    """How often it was."""

    created_at: AwareDatetime
    """When the job was submitted."""

    job_function_id: str | None = None
    """UUID of the function; absent once that was deleted."""

    payload: str | None = field(default=None, repr=False)
    """JSON text, absent where none was sent. Submit echoes it compact with sorted keys, get as the database prints
    it."""

    result: str | None = field(default=None, repr=False)
    """JSON text of an object. `{}` where the function returned null; one that returns a list, text or number fails."""

    progress: str | None = field(default=None, repr=False)
    """JSON text of an object with `percent` (an integer, not always within 0 to 100) and at times `message`, `data`
    and `estimated_seconds_left` (seconds, as of the report)."""

    max_duration_seconds: int | None = None
    """Seconds after which a run is killed."""

    progress_timeout_seconds: int | None = None
    """Seconds without a progress report after which a run is given up."""

    error_message: str | None = None
    """Why the job failed. Of a thrown error only `exit status 1`; its text is in the logs. There is no key `error`."""

    worker_id: str | None = None
    """UUID of the worker that took the job."""

    created_by: str | None = None
    """UUID of the user; absent for keys, service roles, administrators and anon."""

    user_role: str | None = None
    """The role the job was submitted with."""

    user_email: str | None = None
    """The user's address; may be empty."""

    user_name: str | None = None
    """The user's name, from the metadata given at sign-up. Not in the answer of submit."""

    tenant_id: str | None = None
    """UUID of the tenant. Known to the server's source, never seen."""

    scheduled_at: AwareDatetime | None = None
    """When the job is due. Submit echoes the request's offset and digits, later reads have the server's zone and
    microseconds."""

    started_at: AwareDatetime | None = None
    """When the last run began."""

    last_progress_at: AwareDatetime | None = None
    """When the last progress was reported, or the run began."""

    completed_at: AwareDatetime | None = None
    """When the job ended, in whatever way."""

    estimated_completion_at: AwareDatetime | None = None
    """The expected end, while running with 0 < percent < 100. Nanoseconds."""

    estimated_seconds_left: int | None = None
    """Seconds to the expected end, under the same conditions."""

    progress_percent: int | None = None
    """Taken from `progress`. Not in lists."""

    progress_message: str | None = None
    """Taken from `progress`. Not in lists."""

    progress_data: JobProgressData | None = field(default=None, repr=False)
    """Taken from `progress`. Not in lists."""

    deduplication_key: str | None = None
    """Known to the server's source, never seen."""
