"""What the page does to jobs: submit, cancel, retry and resubmit, without a key, with the server's own checks."""

from __future__ import annotations

from typing import Final

from ..app import Emulator
from ..auth.authenticator import Caller
from ..clock import micros
from ..formats.body_fields import InvalidBodyError
from ..jobs.submission import Refusal, new_job, read_submission, resubmission
from ..store import Job

_CONFLICT: Final = 409


class RefusedError(Exception):
    """The emulator does not do what the page asks for.

    Args:
        status: the status of the response.
        message: why.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Actions:
    """Changes the jobs of an emulator.

    Args:
        emulator: the emulator.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._services = emulator.services

    def submit(self, body: bytes, *, as_service: bool) -> Job:
        """Submit a job, as the developer or as a service role.

        Raises:
            RefusedError: the server would refuse it too.
        """
        self._require_jobs()
        try:
            submission = read_submission("application/json", body)
        except InvalidBodyError as error:
            raise RefusedError(400, str(error)) from error
        job = new_job(self._services, submission, self._caller(as_service=as_service))
        if isinstance(job, Refusal):
            roles = job.extras.get("required_roles")
            raise RefusedError(job.status, f"{job.message}{f': it needs one of {roles}' if roles else ''}")
        if not job.is_storable:
            raise RefusedError(400, "the server would answer 500: its database stores no U+0000, and no priority or time out of its range")
        self._services.jobs.add(job.row)
        return job.row

    def cancel(self, job: Job) -> None:
        """Cancel a job and end its run.

        Raises:
            RefusedError: it has ended.
        """
        if not self._services.jobs.cancel(job.id, micros(self._services.clock)):
            raise RefusedError(_CONFLICT, f"a job that is {job.status} cannot be cancelled")
        self._services.workers.stop_run(job.id)

    def retry(self, job: Job) -> None:
        """Set a failed job back to pending.

        Raises:
            RefusedError: it has not failed, or has no retry left.
        """
        if job.status != "failed":
            raise RefusedError(_CONFLICT, f"a job that is {job.status} cannot be retried")
        if not self._services.jobs.retry(job.id):
            raise RefusedError(_CONFLICT, f"no retry is left: its function has max_retries={job.max_retries}; resubmit the job instead")

    def resubmit(self, job: Job) -> Job:
        """Submit a job again, as a new one for the same user."""
        self._require_jobs()
        new = resubmission(job, micros(self._services.clock))
        self._services.jobs.add(new)
        return new

    def _require_jobs(self) -> None:
        if self._services.settings.jobs != "on":
            raise RefusedError(_CONFLICT, f"jobs are switched off in this emulator (--jobs {self._services.settings.jobs})")

    def _caller(self, *, as_service: bool) -> Caller:
        if as_service:
            return Caller(role="service_role")
        user = self._emulator.user()
        return Caller(role=user.role, user_id=user.id, email=user.email)
