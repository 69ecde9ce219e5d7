"""An emulator in which there is something of everything, and the names under which generated requests ask for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from fluxbase_jobs.emulator import Context, function

from tests.support.emulator_in_process import Client, Running, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEPT: Final = "kept"
"""The namespace of the functions below, which nothing deletes."""
MADE: Final = "made"
"""The namespace of the functions that are made to be deleted."""
ADDRESS: Final = "known@example.com"
PASSWORD: Final = "correct-horse-9"


@function("passing", namespace=KEPT)
def passing(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Run well, with all that a job can show."""
    context.log("a line")
    context.progress(50, "half", {"b": 1, "aa": [None]})
    return {"payload": payload}


@function("failing", namespace=KEPT, max_retries=1_000_000)
def failing(_payload: dict[str, Any], _context: Context) -> None:
    """Fail, but may be retried."""
    raise RuntimeError("as always")


@function("hopeless", namespace=KEPT)
def hopeless(_payload: dict[str, Any], _context: Context) -> None:
    """Fail for good."""
    raise RuntimeError("for good")


@function("endless", namespace=KEPT)
async def endless(_payload: dict[str, Any], context: Context) -> None:
    """Run until it is stopped."""
    context.progress(40, "on the way", {"b": 1})
    await asyncio.Event().wait()


@function("off", namespace=KEPT, enabled=False)
def off(_payload: dict[str, Any], _context: Context) -> None:
    """Cannot be submitted."""


@function("admins", namespace=KEPT, require_roles=["admin"])
def admins(_payload: dict[str, Any], _context: Context) -> None:
    """Run for admins only."""


HANDLERS: Final = (passing, failing, hopeless, endless, off, admins)


class Populated:
    """A running emulator, and what there is in it.

    Args:
        running: the emulator; it has `HANDLERS`.
        client: one that acts as a service role.

    """

    def __init__(self, running: Running, client: Client) -> None:
        self.running = running
        self._client = client
        self._endless: list[str] = []
        self._used_key = str(uuid4())
        client.submit("passing", headers={"idempotency-key": self._used_key}).raise_for_status()
        self._completed = client.run("passing", {"a": 1}, namespace=KEPT)["id"]
        self._hopeless = client.run("hopeless", namespace=KEPT)["id"]
        account = {"email": ADDRESS, "password": PASSWORD, "user_metadata": {"name": "Ada"}}
        self._user = client.post("/api/v1/auth/signup", json=account).raise_for_status().json()["user"]["id"]
        client.cookies.clear()

    def realised(self, value: Any) -> Any:
        """Replace each name of a thing, at any depth, by the thing's own id, address, key or token."""
        if isinstance(value, dict):
            return {key: self.realised(item) for key, item in cast("dict[str, Any]", value).items()}
        return THINGS[value](self) if isinstance(value, str) and value in THINGS else value

    def tidy(self) -> None:
        """Stop the jobs that would keep workers busy."""
        while self._endless:
            self._client.cancel(self._endless.pop())

    def pending(self) -> str:
        """Queue a job that is due much later."""
        return self._client.queue("passing", {"a": 1}, namespace=KEPT, scheduled_at="2040-01-01T00:00:00Z")

    def runs(self) -> str:
        """Start a job that runs until it is stopped."""
        job_id = self._client.queue("endless", namespace=KEPT)
        self._endless.append(job_id)
        eventually(lambda: self._client.job(job_id), lambda job: "progress" in job)
        return job_id

    def cancelled(self) -> str:
        """Queue a job and cancel it."""
        job_id = self.pending()
        self._client.cancel(job_id).raise_for_status()
        return job_id

    def completed(self) -> str:
        """Return a job that ran well."""
        return str(self._completed)

    def hopeless(self) -> str:
        """Return a failed job that has no retry."""
        return str(self._hopeless)

    def failed(self) -> str:
        """Run a job that can be retried."""
        return str(self._client.run("failing", namespace=KEPT)["id"])

    def function(self) -> str:
        """Make a job function and return its name."""
        name = f"f-{uuid4()}"
        self._client.post("/api/v1/admin/jobs/sync", json={"namespace": MADE, "jobs": [{"name": name, "code": "export default 1"}]})
        return name

    def used_key(self) -> str:
        """Return an Idempotency-Key that another request had."""
        return self._used_key

    def user(self) -> str:
        """Return the id of the known account."""
        return str(self._user)

    def refresh_token(self) -> str:
        """Sign in and return the refresh token."""
        answer = self._client.post("/api/v1/auth/signin", json={"email": ADDRESS, "password": PASSWORD})
        self._client.cookies.clear()
        return str(answer.raise_for_status().json()["refresh_token"])


THINGS: Final[Mapping[str, Callable[[Populated], str]]] = {
    "a-pending-job": Populated.pending,
    "a-running-job": Populated.runs,
    "a-completed-job": Populated.completed,
    "a-failed-job": Populated.failed,
    "a-job-without-retries": Populated.hopeless,
    "a-cancelled-job": Populated.cancelled,
    "an-unknown-job": lambda _: str(uuid4()),
    "a-function": Populated.function,
    "an-unknown-function": lambda _: str(uuid4()),
    "a-new-key": lambda _: str(uuid4()),
    "a-used-key": Populated.used_key,
    "a-user": Populated.user,
    "a-new-address": lambda _: f"{uuid4()}@example.com",
    "a-refresh-token": Populated.refresh_token,
}
"""What generated requests can name. The names are fit for a path, where schemathesis has encoded them already."""


def things(kind: str) -> list[str]:
    """Return the names of one kind of things."""
    return [name for name in THINGS if kind in name.split("-")]
