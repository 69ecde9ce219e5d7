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

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, Server, at, replies, reply, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import PENDING, RUNNING, FakeJobs, Life, down, life, one_job, progress

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


def error_of(verb: str, server: Server, timeout: float) -> WaitTimeout:
    """The error with which a wait ends."""
    *_, (_, last) = FakeDriver(server).stream(waiting(verb, timeout))
    result: Result[Any] = last[1] if verb.endswith("_many") else last
    assert isinstance(result.error, WaitTimeout)
    return result.error


def hint_of(verb: str, server: Server, timeout: float) -> str:
    """The hint with which a wait ends."""
    return str(error_of(verb, server, timeout).hint)


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


KEEP_WAITING = f"call jobs.wait('{JOB_ID}') to keep waiting"
HANGING = (
    "nothing changed for 5 minutes: a job whose worker died, or whose result or error the server cannot store (a NUL in it, an error of "
    "more than 7,000 characters), stays `running`; cancel it if so"
)
ALL_BUSY = (
    "no worker took it for 5 minutes: all of the server's workers are busy with other jobs, or none runs; cancel it if it is not wanted "
    "any more"
)
STARTED = {**RUNNING, "created_at": at(0), "started_at": at(0)}
SAID: dict[str, tuple[Server, str, str]] = {
    "running": (
        one_job([(0.0, STARTED)]),
        f"job {JOB_ID} was running after 60 s",
        f"the job is still running on the server; {KEEP_WAITING}",
    ),
    "hanging": (
        one_job([(0.0, {**STARTED, "created_at": at(-300), "started_at": at(-300)})]),
        f"job {JOB_ID} was running after 60 s",
        f"{HANGING}; the job is still running on the server; {KEEP_WAITING}",
    ),
    "scheduled": (
        one_job([(0.0, {**QUEUED, "scheduled_at": at(61.25)})]),
        f"job {JOB_ID} was pending after 60 s",
        f"the job is scheduled, and due at 2030-01-01 00:01:01+00:00; {KEEP_WAITING}",
    ),
    "not taken": (
        one_job([(0.0, {**QUEUED, "created_at": at(-300)})]),
        f"job {JOB_ID} was pending after 60 s",
        f"{ALL_BUSY}; {KEEP_WAITING}",
    ),
    "not taken yet": (
        one_job([(0.0, {**QUEUED, "created_at": at(-298)})]),
        f"job {JOB_ID} was pending after 60 s",
        f"no worker has taken it yet; {KEEP_WAITING}",
    ),
    "unread": (
        replies(reply(503, {"message": "down"})),
        f"job {JOB_ID} could not be read within 60 s: down",
        f"the job may still run on the server; {KEEP_WAITING}",
    ),
    "refused": (
        replies(reply(429, {"error": "slow down"}, retry_after="61.5")),
        f"job {JOB_ID} could not be read: the server asks to wait 61.5 s, more than the 60 s left",
        f"the job may still run on the server; {KEEP_WAITING}",
    ),
    "refused later": (
        down(one_job([(0.0, STARTED)]), 20, 60, reply(429, {"error": "slow down"}, retry_after="61.5")),
        f"job {JOB_ID} was running when it was last read: the server asks to wait 61.5 s, more than the ",
        f"the job may still run on the server; {KEEP_WAITING}",
    ),
}
"""The server, and the message and hint after a minute."""


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("case", SAID)
def test_all_that_is_said(verb: str, case: str) -> None:
    """With the id, so that a program that waits for many jobs knows which one it is, and the job as it was last read."""
    server, message, hint = SAID[case]

    error = error_of(verb, server, 60)

    assert error.message.startswith(message)
    assert case == "refused later" or error.message == message
    assert error.hint == hint
    assert error.job_id == JOB_ID
    assert (error.job is None) is (case in {"unread", "refused"})


@pytest.mark.parametrize("verb", ["tail", "tail_many"])
def test_a_log_that_could_not_be_read_to_its_end_says_so(verb: str) -> None:
    """The job has ended, so there is nothing to wait for but its log."""
    jobs = one_job(life(0, 10))

    def server(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        return reply(503, {"message": "down"}) if request.path.endswith("/logs") else jobs(request, clock)

    error = error_of(verb, server, 60)

    assert error.message == f"job {JOB_ID} was completed after 60 s"
    assert error.hint == f"the job has ended; call jobs.logs('{JOB_ID}') to read the rest of its log"


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
