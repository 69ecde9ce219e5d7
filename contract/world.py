"""One server, its users and the roles' tokens: what the scenarios act with."""

from __future__ import annotations

import time
from typing import Any, Final
from uuid import uuid4

from contract.recorder import Answer, Recorder, RecordingFailed

JOBS: Final = "/api/v1/jobs"
ENDED: Final = frozenset({"completed", "failed", "cancelled"})
POLL_SECONDS: Final = 0.35
JOB_SECONDS: Final = 120
"""How long a job may take before the recording is given up; the longest takes five seconds on an idle machine."""

PASSWORD: Final = "correct-horse-Battery-9"  # noqa: S105  # of throw-away users


class World:
    """One server, its users and the roles' tokens."""

    def __init__(self, recorder: Recorder, *, log_seconds: float = 2.5, watched_seconds: float = 9.0) -> None:
        """Take over a recorder. `log_seconds` is how late log lines may be, `watched_seconds` how long a running job's log is read."""
        self.recorder = recorder
        self.log_seconds, self.watched_seconds = log_seconds, watched_seconds
        self.run = uuid4().hex[:6]
        self.service = recorder.token(role="service_role", sub="service_role")
        self.anon = recorder.token(role="anon", sub="anon")
        self.expired = recorder.token(role="authenticated", user_id=str(uuid4()), sub="x", lifetime=-60)
        self.ada, self.ada_refresh, _ = self.sign_up("ada")
        self.bob, _, self.bob_id = self.sign_up("bob")

    def email(self, name: str) -> str:
        """A user's address, new in each run."""
        return f"{name}-{self.run}@example.com"

    def sign_up(self, name: str) -> tuple[str, str, str]:
        """Make a user; its access token, refresh token and id."""
        body = {"email": self.email(name), "password": PASSWORD, "user_metadata": {"name": f"{name}-{self.run}".title()}}
        answer = self.post("signup", "/api/v1/auth/signup", body, token=None)
        if answer.status != 201:
            raise RecordingFailed(f"sign-up is answered {answer.status}: the server must let users sign up without verifying their email")
        return answer.body["access_token"], answer.body["refresh_token"], answer.body["user"]["id"]

    def get(self, label: str, path: str, *, token: str | None = "", **options: Any) -> Answer:
        """Send a GET as ada, or with another token; None sends none."""
        return self.recorder.send(label, "GET", path, token=self.ada if token == "" else token, **options)

    def post(self, label: str, path: str, body: object = None, *, token: str | None = "", **options: Any) -> Answer:
        """Send a POST as ada, or with another token; None sends none."""
        return self.recorder.send(label, "POST", path, body, token=self.ada if token == "" else token, **options)

    def submit(self, label: str, body: object = None, **options: Any) -> str:
        """Submit a job; its id, or nothing where the server refuses."""
        answer = self.post(label, f"{JOBS}/submit", body, **options)
        return str(answer.body["id"]) if answer.status == 201 else ""

    def submit_raw(self, label: str, raw: bytes, **headers: str) -> None:
        """Submit bytes as they are; `content_type` says that they are something else than JSON."""
        self.post(label, f"{JOBS}/submit", raw=raw, headers={"Content-Type": headers.get("content_type", "application/json")})

    def until(self, job_id: str, label: str = "poll", states: frozenset[str] = ENDED) -> None:
        """Poll a job until it is in one of these states; keep the polls that show a new status, progress or retry count."""
        seen: tuple[object, ...] = ()
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            job = self.get(label, f"{JOBS}/{job_id}").fields
            step = (job.get("status"), job.get("progress"), job.get("retry_count"))
            if step == seen:
                self.recorder.exchanges.pop()
            else:
                self.recorder.exchanges[-1]["label"] = f"{label}: {step[0]}"
            if step[0] in states:
                return
            seen = step
            time.sleep(POLL_SECONDS)
        raise RecordingFailed(f"a job of {label!r} did not come to {' or '.join(sorted(states))} in {JOB_SECONDS} seconds")

    def logs(self, label: str, job_id: str, query: str = "", **options: Any) -> Answer:
        """Read a job's log; as ada, or with another token."""
        return self.get(label, f"{JOBS}/{job_id}/logs{query}", **options)

    def settled_log(self, label: str, job_id: str, query: str = "") -> None:
        """Read the log of a job that has ended when no more lines come: the server writes them late, a loaded one later."""
        time.sleep(self.log_seconds)
        before, after = None, self.logs(label, job_id, query).body
        while before != after:
            time.sleep(min(self.log_seconds, 1))
            self.recorder.exchanges.pop()
            before, after = after, self.logs(label, job_id, query).body
