"""An emulator with data of every kind, and the placeholders with which generated requests refer to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from uuid import uuid4

from fluxbase_jobs.emulator import Context, function

from tests.support.servers.emulator_in_process import Client, Running, eventually

PERMANENT: Final = "permanent"
"""The namespace of the functions below, which no test deletes."""
DISPOSABLE: Final = "disposable"
"""The namespace of functions that tests delete."""
EMAIL: Final = "known@example.com"
PASSWORD: Final = "correct-horse-9"


@function("passing", namespace=PERMANENT)
def passing(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Complete with a log line and progress."""
    context.log("a line")
    context.progress(50, "half", {"b": 1, "aa": [None]})
    return {"payload": payload}


@function("failing", namespace=PERMANENT, max_retries=1_000_000)
def failing(_payload: dict[str, Any], _context: Context) -> None:
    """Fail; can be retried."""
    raise RuntimeError("as always")


@function("hopeless", namespace=PERMANENT)
def hopeless(_payload: dict[str, Any], _context: Context) -> None:
    """Fail; cannot be retried."""
    raise RuntimeError("for good")


@function("endless", namespace=PERMANENT)
async def endless(_payload: dict[str, Any], context: Context) -> None:
    """Run until stopped."""
    context.progress(40, "on the way", {"b": 1})
    await asyncio.Event().wait()


@function("off", namespace=PERMANENT, enabled=False)
def off(_payload: dict[str, Any], _context: Context) -> None:
    """Never runs: the function is disabled."""


@function("admins", namespace=PERMANENT, require_roles=["admin"])
def admins(_payload: dict[str, Any], _context: Context) -> None:
    """Runs for admins only."""


HANDLERS: Final = (passing, failing, hopeless, endless, off, admins)


class SeededEmulator:
    """A running emulator and its data.

    Args:
        running: the emulator, with `HANDLERS`.
        client: a client with a service key.

    """

    def __init__(self, running: Running, client: Client) -> None:
        self.running = running
        self._client = client
        self._endless: list[str] = []
        self._used_key = str(uuid4())
        client.submit("passing", headers={"idempotency-key": self._used_key}).raise_for_status()
        self._completed = client.run("passing", {"a": 1}, namespace=PERMANENT)["id"]
        self._hopeless = client.run("hopeless", namespace=PERMANENT)["id"]
        account = {"email": EMAIL, "password": PASSWORD, "user_metadata": {"name": "Ada"}}
        self._user = client.post("/api/v1/auth/signup", json=account).raise_for_status().json()["user"]["id"]
        client.cookies.clear()

    def resolve(self, value: Any) -> Any:
        """Replace each placeholder, at any depth, by a real id, email address, key or token."""
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in cast("dict[str, Any]", value).items()}
        return PLACEHOLDERS[value](self) if isinstance(value, str) and value in PLACEHOLDERS else value

    def cancel_running_jobs(self) -> None:
        """Cancel the jobs that would keep workers busy."""
        while self._endless:
            self._client.cancel(self._endless.pop())

    def pending(self) -> str:
        """Submit a job that is scheduled for much later."""
        return self._client.queue("passing", {"a": 1}, namespace=PERMANENT, scheduled_at="2040-01-01T00:00:00Z")

    def running_job(self) -> str:
        """Submit a job and wait until it runs."""
        job_id = self._client.queue("endless", namespace=PERMANENT)
        self._endless.append(job_id)
        eventually(lambda: self._client.job(job_id), lambda job: "progress" in job)
        return job_id

    def cancelled(self) -> str:
        """Submit a job and cancel it."""
        job_id = self.pending()
        self._client.cancel(job_id).raise_for_status()
        return job_id

    def completed(self) -> str:
        """A completed job."""
        return str(self._completed)

    def hopeless(self) -> str:
        """A failed job that cannot be retried."""
        return str(self._hopeless)

    def failed(self) -> str:
        """Run a job that fails and can be retried."""
        return str(self._client.run("failing", namespace=PERMANENT)["id"])

    def function(self) -> str:
        """Create a job function and return its name."""
        name = f"f-{uuid4()}"
        self._client.post("/api/v1/admin/jobs/sync", json={"namespace": DISPOSABLE, "jobs": [{"name": name, "code": "export default 1"}]})
        return name

    def used_key(self) -> str:
        """An Idempotency-Key of an earlier request."""
        return self._used_key

    def user(self) -> str:
        """The id of the existing user."""
        return str(self._user)

    def refresh_token(self) -> str:
        """Sign in and return the refresh token."""
        response = self._client.post("/api/v1/auth/signin", json={"email": EMAIL, "password": PASSWORD})
        self._client.cookies.clear()
        return str(response.raise_for_status().json()["refresh_token"])


PLACEHOLDERS: Final[Mapping[str, Callable[[SeededEmulator], str]]] = {
    "a-pending-job": SeededEmulator.pending,
    "a-running-job": SeededEmulator.running_job,
    "a-completed-job": SeededEmulator.completed,
    "a-failed-job": SeededEmulator.failed,
    "a-job-without-retries": SeededEmulator.hopeless,
    "a-cancelled-job": SeededEmulator.cancelled,
    "an-unknown-job": lambda _: str(uuid4()),
    "a-function": SeededEmulator.function,
    "an-unknown-function": lambda _: str(uuid4()),
    "a-new-key": lambda _: str(uuid4()),
    "a-used-key": SeededEmulator.used_key,
    "a-user": SeededEmulator.user,
    "a-new-address": lambda _: f"{uuid4()}@example.com",
    "a-refresh-token": SeededEmulator.refresh_token,
}
"""What generated requests can refer to. The names need no encoding in a path, where schemathesis has already encoded them."""


def placeholders(kind: str) -> list[str]:
    """The placeholders of one kind."""
    return [name for name in PLACEHOLDERS if kind in name.split("-")]
