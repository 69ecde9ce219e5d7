"""A model of the queue beside the client and the emulator: after any sequence of calls and restarts they agree."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final, Literal
from uuid import uuid4

import pytest
from attrs import define
from fluxbase_jobs import FluxbaseClient, Job, NotAllowedInState, NotFound, PollPolicy, Unprocessable
from fluxbase_jobs.emulator import function
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from tests.support.servers.emulator_in_process import serving
from tests.support.styles import Style, connect_in_style

pytestmark = pytest.mark.slow

SECRET: Final = "0123456789abcdef0123456789abcdef"
MAX_RETRIES: Final = 2
QUICK: Final = PollPolicy(initial=0.01, maximum=0.02)
Name = Literal["echo", "boom", "held"]


@function("echo")
def echo(payload: dict[str, Any], _: object) -> dict[str, Any]:
    """Complete."""
    return payload


@function("boom", max_retries=MAX_RETRIES)
def boom(_: dict[str, Any], __: object) -> None:
    """Fail."""
    raise ValueError("boom")


@define
class Expected:
    """A job as it should be."""

    name: Name
    payload: dict[str, int]
    status: str = "pending"
    retries: int = 0


class Queue(RuleBasedStateMachine):
    """The model: jobs by id, and the submits by idempotency key."""

    style: ClassVar[Style] = "sync"
    ids: Bundle[str] = Bundle("ids")
    keys: Bundle[str] = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory()))
        self.connect = self.resources.enter_context(connect_in_style(self.style))
        self.jobs: dict[str, Expected] = {}
        self.submitted: dict[str, tuple[str, Name, int]] = {}
        self.start()

    def start(self) -> None:
        """Start the server on the same database."""
        self.server = ExitStack()
        running = self.server.enter_context(serving(echo, boom, database=self.folder / "jobs.db", jwt_secret=SECRET))
        self.client: FluxbaseClient = self.connect(running.url, running.service_key, realtime=False)

    def teardown(self) -> None:
        """Stop everything."""
        self.server.close()
        self.resources.close()

    def added(self, name: Name, number: int, key: str | None) -> Job:
        """Submit a job; one that is held is scheduled for a later day."""
        options: dict[str, Any] = {"scheduled": "2999-01-01T00:00:00Z"} if name == "held" else {}
        job = self.client.jobs.submit("echo" if name == "held" else name, {"n": number}, idempotency_key=key, **options).unwrap()
        self.jobs.setdefault(job.id, Expected(name, {"n": number}))
        return job

    @rule(target=ids, name=st.sampled_from(["echo", "boom", "held"]), number=st.integers(-(2**53) + 1, 2**53 - 1))
    def submit(self, name: Name, number: int) -> str:
        """Another job each time."""
        before = len(self.jobs)
        job = self.added(name, number, None)
        assert len(self.jobs) == before + 1
        return self.ended(job.id)

    @rule(target=keys, name=st.sampled_from(["echo", "held"]), number=st.integers(0, 3))
    def submit_under_a_key(self, name: Name, number: int) -> str:
        """The first request with a key."""
        key = str(uuid4())
        self.submitted[key] = (self.ended(self.added(name, number, key).id), name, number)
        return key

    @rule(key=keys)
    def submit_again(self, key: str) -> None:
        """The same request gives the same job, and no other one."""
        known, name, number = self.submitted[key]
        assert self.added(name, number, key).id == known

    @rule(key=keys)
    def submit_something_else_under_the_same_key(self, key: str) -> None:
        """It is refused."""
        assert isinstance(self.client.jobs.submit("echo", {"n": -1}, idempotency_key=key).error, Unprocessable)

    def ended(self, job_id: str) -> str:
        """Wait for the end of a job that has one."""
        expected = self.jobs[job_id]
        if expected.name != "held" and expected.status == "pending":
            expected.status = "completed" if expected.name == "echo" else "failed"
            assert self.client.jobs.wait(job_id, timeout=30, poll=QUICK).unwrap().status == expected.status
        return job_id

    @rule(job_id=ids)
    def cancel(self, job_id: str) -> None:
        """Only what has not ended can be cancelled."""
        expected = self.jobs[job_id]
        result = self.client.jobs.cancel(job_id)
        if expected.status == "pending":
            assert result.ok
            expected.status = "cancelled"
        else:
            assert isinstance(result.error, NotAllowedInState)
            assert result.error.job_status == expected.status

    @rule(job_id=ids)
    def retry(self, job_id: str) -> None:
        """Only what has failed can be retried, and only so often."""
        expected = self.jobs[job_id]
        result = self.client.jobs.retry(job_id)
        if expected.status == "failed" and expected.retries < MAX_RETRIES:
            assert result.unwrap().id == job_id
            expected.status, expected.retries = "pending", expected.retries + 1
            self.ended(job_id)
        else:
            assert isinstance(result.error, NotAllowedInState)

    @rule(target=ids, job_id=ids)
    def resubmit(self, job_id: str) -> str:
        """A job that has ended is submitted again; one that has not is left alone."""
        expected = self.jobs[job_id]
        result = self.client.jobs.resubmit(job_id)
        if expected.status == "pending":
            assert isinstance(result.error, NotAllowedInState)
            return job_id
        copy = result.unwrap().id
        assert copy not in self.jobs
        self.jobs[copy] = Expected("echo" if expected.name == "held" else expected.name, expected.payload)
        return self.ended(copy)

    @rule(key=consumes(keys))
    def forget_a_key(self, key: str) -> None:
        """Nothing happens on the server."""
        del self.submitted[key]

    @rule()
    def restart(self) -> None:
        """Stop the server and start it on the same database."""
        self.server.close()
        self.start()

    @rule()
    def read_what_is_not_there(self) -> None:
        """An unknown job is not found."""
        assert isinstance(self.client.jobs.get(str(uuid4())).error, NotFound)

    @invariant()
    def they_agree(self) -> None:
        """On every job, its status, its retries and its payload."""
        listed = {job.unwrap().id: job.unwrap() for job in self.client.jobs.iterate(page_size=7)}
        assert {job_id: job.status for job_id, job in listed.items()} == {job_id: each.status for job_id, each in self.jobs.items()}
        assert {job_id: job.retry_count for job_id, job in listed.items()} == {job_id: each.retries for job_id, each in self.jobs.items()}
        for job_id in [*self.jobs][-1:]:
            assert self.client.jobs.get(job_id).unwrap().payload == self.jobs[job_id].payload


@pytest.mark.parametrize("style", ["sync", "async"])
def test_model_server_and_client_agree(style: Style) -> None:
    """After any sequence of calls and restarts."""
    machine = type("QueueOfStyle", (Queue,), {"style": style})
    limits = settings(
        max_examples=10,
        stateful_step_count=20,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(machine, settings=limits)
