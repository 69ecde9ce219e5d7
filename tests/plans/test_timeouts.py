"""What every waiting verb says of a job that has not ended in time: hanging, not taken by a worker, or just not there yet."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs import FluxbaseError, Result, WaitTimeout
from fluxbase_jobs._plans.exchange.call import stream
from fluxbase_jobs._plans.exchange.steps import Stream
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.tail import tail
from fluxbase_jobs._plans.tail_many import tail_many
from fluxbase_jobs._plans.wait_many import wait_many, watch_many
from fluxbase_jobs._plans.watch import watch
from fluxbase_jobs._transports.messages import RawResponse
from fluxbase_jobs.policies.poll import PollPolicy

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, Server, at, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import PENDING, RUNNING, FakeJobs, Life, one_job, progress

VERBS = ("watch", "tail", "wait_many", "watch_many", "tail_many")
"""`wait` and `run` read jobs as `watch` does."""
QUEUED = {**PENDING, "created_at": at(0)}
HANGS = "nothing changed for 5 minutes"
NOT_TAKEN = "no worker took it for 5 minutes"
NOT_YET = "no worker has taken it yet"
RUNS = "still running on the server"


def waiting(verb: str, timeout: float) -> Stream[Any]:
    """The stream of a verb that waits for the job of `one_job`."""
    options = WaitOptions(timeout=timeout, poll=PollPolicy())
    match verb:
        case "watch":
            return stream(watch, settings(), {}, JOB_ID, options)
        case "tail":
            return stream(tail, settings(), {}, JOB_ID, 0, options, None)
        case _:
            many = {"wait_many": wait_many, "watch_many": watch_many, "tail_many": tail_many}[verb]
            return many(settings(), {}, [JOB_ID], options)


def hint_of(verb: str, server: Server, timeout: float) -> str:
    """The hint with which a wait ends."""
    *_, (_, last) = FakeDriver(server).stream(waiting(verb, timeout))
    result: Result[Any] = last[1] if verb.endswith("_many") else last
    assert isinstance(result.error, WaitTimeout)
    return str(result.error.hint)


def has(hint: str) -> set[str]:
    """Which of the things that can be said are said."""
    return {text for text in (HANGS, NOT_TAKEN, NOT_YET, RUNS) if text in hint}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("timeout", "said", "life"),
    [
        (100, {RUNS}, [(0.0, {**RUNNING, "created_at": at(0), "started_at": at(0)})]),
        (500, {RUNS, HANGS}, [(0.0, {**RUNNING, "created_at": at(0), "started_at": at(0)})]),
        (60, {RUNS, HANGS}, [(0.0, {**RUNNING, "created_at": at(-900), "started_at": at(-900)})]),
        (500, {RUNS}, [(0.0, {**RUNNING, **progress(4), "created_at": at(0), "started_at": at(0), "last_progress_at": at(400)})]),
        (100, {NOT_YET}, [(0.0, QUEUED)]),
        (500, {NOT_TAKEN}, [(0.0, QUEUED)]),
        (60, {NOT_TAKEN}, [(0.0, {**QUEUED, "created_at": at(-900)})]),
        (60, {NOT_YET}, [(0.0, {**QUEUED, "created_at": at(-900), "scheduled_at": at(-10)})]),
        (60, {NOT_YET}, [(0.0, {**QUEUED, "created_at": at(-900), "retry_count": 1})]),
    ],
    ids=["runs", "hangs", "hung before", "reports progress", "queued", "not taken", "not taken before", "due just now", "retried"],
)
def test_what_is_said(verb: str, timeout: float, said: set[str], life: Life) -> None:
    """By every verb, however short its own wait was: the job's own moments count."""
    assert has(hint_of(verb, one_job(life), timeout)) == said


@pytest.mark.parametrize("verb", VERBS)
def test_a_scheduled_job_is_said_to_be_due_later(verb: str) -> None:
    """It does not run, and no worker is to blame."""
    hint = hint_of(verb, one_job([(0.0, {**QUEUED, "created_at": at(-900), "scheduled_at": at(7200)})]), 60)

    assert "due at 2030-01-01 02:00:00+00:00" in hint
    assert has(hint) == set()


@pytest.mark.parametrize("verb", VERBS)
def test_the_time_is_the_servers(verb: str) -> None:
    """Where its responses tell it: this machine's clock may be wrong."""
    jobs = one_job([(0.0, {**RUNNING, "created_at": at(-3600), "started_at": at(-3600)})])

    assert has(hint_of(verb, _Behind(jobs), 60)) == {RUNS}


class _Behind:
    """A server whose clock is an hour behind."""

    def __init__(self, jobs: FakeJobs) -> None:
        self.jobs = jobs

    def __call__(self, request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        """Respond with a date."""
        answered = self.jobs(request, clock)
        if isinstance(answered, RawResponse):
            return RawResponse(answered.status, {"date": "Mon, 31 Dec 2029 23:00:00 GMT"}, answered.content)
        return answered
