"""Submitting and waiting in one, on a fake clock: what counts as success, and where the cause of a failure comes from."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs import (
    InvalidInput,
    Job,
    JobCancelled,
    JobFailed,
    LogLine,
    NotFound,
    Ok,
    PollPolicy,
    RequestTimeout,
    Result,
    Submission,
    WaitTimeout,
)
from fluxbase_jobs._plans.exchange.call import call
from fluxbase_jobs._plans.exchange.steps import Plan
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.run import run
from fluxbase_jobs._transports.messages import RawResponse
from fluxbase_jobs.errors import FluxbaseError
from msgspec import convert

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, replies, reply, settings
from tests.support.sample_responses import JOB_ID, job
from tests.support.scheduled_events import ScheduledHub
from tests.support.simulated_jobs import FOREVER, PENDING, RUNNING, FakeJobs, Line, life, one_job

THROWN = "Job execution error: the reactor is on fire"
RESULT_LINE = '__RESULT__::{"success":false}'
NOT_FOUND = reply(404, {"error": "Job not found"})


def running(timeout: float = 900.0, *, submission: Any = None, poll: Any = None, cancels: Any = False) -> Plan[Result[Job]]:
    """The plan of a run."""
    options = WaitOptions(timeout=timeout, poll=poll or PollPolicy(), cancel_on_timeout=cancels)
    return call(run, settings(), {}, submission or Submission("resize", {"id": 7}), options)


def failed_run(*lines: Line, error_message: str = "exit status 1", retry_count: int = 0) -> tuple[JobFailed, FakeDriver]:
    """A run whose job fails at 14 s, and its log."""
    driver = FakeDriver(one_job(life(2, 12, "failed", error_message=error_message, retry_count=retry_count), *lines))
    result = driver.run(running())
    assert isinstance(result.error, JobFailed)
    assert result.meta.status == 200
    return result.error, driver


def test_a_completed_job_is_the_data() -> None:
    """One submit, then reads only; the log is not requested."""
    driver = FakeDriver(one_job(life(1, 5)))

    result = driver.run(running())

    assert isinstance(result, Ok)
    assert result.data.status == "completed"
    assert driver.requests[0].what == "POST /jobs/submit"
    assert {request.what for request in driver.requests[1:]} == {f"GET /jobs/{JOB_ID}"}


def test_a_failed_job_says_what_it_threw() -> None:
    """The message is from the log, which lags a second behind the job; the server says "exit status 1" only."""
    lines = [Line(1, "warming up", 3), Line(2, THROWN, 14, level="error"), Line(3, RESULT_LINE, 14)]

    error, _ = failed_run(*lines)

    assert error.message == "the reactor is on fire"
    assert error.hint is None
    assert (error.job_id, error.job and error.job.status) == (JOB_ID, "failed")
    assert [line.message for line in error.log_tail] == ["warming up", THROWN]


def test_the_log_is_polled_for_the_cause_for_two_seconds() -> None:
    """If it does not appear, the error has the server's message, and the hint says where the text is."""
    error, driver = failed_run(Line(1, "warming up", 3))

    reads = driver.times(f"GET /jobs/{JOB_ID}/logs")
    assert len(reads) >= 2
    assert 1.5 <= driver.clock.seconds - reads[0] <= 2.1
    assert error.message == "exit status 1"
    assert error.hint == (
        "the text that the job threw is not in its log: servers lose what a job prints in its last moment, more of it the busier they are"
    )
    assert [line.message for line in error.log_tail] == ["warming up"]


@pytest.mark.parametrize(("takes", "reads"), [(3.0, 1), (20.0, 1)])
def test_no_log_request_starts_after_these_two_seconds(takes: float, reads: int) -> None:
    """Reading a long log may take up to 10 s; after that the failure is returned without it."""

    def server(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        if not request.path.endswith("/logs"):
            return reply(201 if request.method == "POST" else 200, job(job_name="resize", status="failed", error_message="exit status 1"))
        clock.pass_(min(takes, request.timeout))
        return reply(200, {"logs": None}) if takes <= request.timeout else RequestTimeout("no complete answer", retryable=True)

    driver = FakeDriver(server)

    error = driver.run(running()).error

    assert isinstance(error, JobFailed)
    assert error.message == "exit status 1"
    assert len(driver.times(f"GET /jobs/{JOB_ID}/logs")) == reads
    assert driver.clock.seconds <= 10.1


@pytest.mark.parametrize("refusal", [NOT_FOUND, reply(403, {"error": "no"}), reply(500, {"error": "Failed"})])
def test_an_unreadable_log_does_not_hide_the_failure(refusal: RawResponse) -> None:
    """Another user's job has no log for this user; it is requested once."""
    failed = reply(200, job(job_name="resize", status="failed", error_message="exit status 1"))
    driver = FakeDriver(replies(reply(201, job(job_name="resize", **PENDING)), failed, refusal))

    error = driver.run(running()).error

    assert isinstance(error, JobFailed)
    assert (error.message, error.log_tail) == ("exit status 1", [])
    assert error.hint == (
        "the text that the job threw is in its log, which this server did not show: April 2026 servers show it after their next start, and "
        "any server only to the job's own user and to service roles; an emulator shows it in its terminal, and to clients with "
        "--profile 2026-03"
    )
    assert len(driver.requests) == 3


def test_lines_that_were_heard_are_kept_where_the_log_cannot_be_read() -> None:
    """They came over the WebSocket, and none of them has the cause."""
    client, jobs = settings(), one_job(life(2, 12, "failed", error_message="exit status 1"))
    client.memory.hub = ScheduledHub()
    client.memory.hub.heard.add(JOB_ID, convert(Line(1, "warming up", 3).body(), LogLine))
    driver = FakeDriver(lambda request, clock: reply(403, {"error": "no"}) if request.path.endswith("/logs") else jobs(request, clock))

    error = driver.run(call(run, client, {}, Submission("resize"), WaitOptions(timeout=900.0, poll=PollPolicy()))).error

    assert isinstance(error, JobFailed)
    assert [line.message for line in error.log_tail] == ["warming up"]


def test_an_empty_log_of_a_server_that_shows_its_logs_has_lost_the_text() -> None:
    """The client has seen another job's log there."""
    client = settings()
    client.memory.shows_logs = True
    driver = FakeDriver(one_job(life(2, 12, "failed", error_message="exit status 1")))

    error = driver.run(call(run, client, {}, Submission("resize"), WaitOptions(timeout=900.0, poll=PollPolicy()))).error

    assert isinstance(error, JobFailed)
    assert str(error.hint).startswith("the text that the job threw is not in its log: ")


def test_a_cause_of_an_earlier_try_is_not_this_ones() -> None:
    """A retried job's log holds the earlier tries too."""
    first, second = Line(1, "Job execution error: no disk", 1, lag=0), Line(2, "Job execution error: no memory", 14)

    assert failed_run(first, second, retry_count=1)[0].message == "no memory"
    assert failed_run(first, retry_count=1)[0].message == "exit status 1"
    assert failed_run(Line(1, THROWN, 2), retry_count=1)[0].message == "the reactor is on fire"  # in the moment of its start


def test_a_first_attempt_has_all_lines_of_its_log() -> None:
    """The clock of the worker that writes the log may be behind the database's, which says when the job started."""
    assert failed_run(Line(1, THROWN, 1))[0].message == "the reactor is on fire"


def test_the_last_cause_of_a_try_is_the_cause() -> None:
    """A job may log an error, continue, and throw another one."""
    lines = [Line(1, "Job execution error: a warning", 5), Line(2, THROWN, 14)]

    assert failed_run(*lines)[0].message == "the reactor is on fire"


def test_the_servers_own_reason_is_enough() -> None:
    """Where it says more than "exit status 1" nobody throws, and no hint is needed."""
    error, driver = failed_run(Line(1, "working", 3), error_message="execution timeout after 5m0s")

    assert (error.message, error.hint) == ("execution timeout after 5m0s", None)
    assert [line.message for line in error.log_tail] == ["working"]
    assert len(driver.times(f"GET /jobs/{JOB_ID}/logs")) == 1


@pytest.mark.parametrize("reason", ["execution timeout after 3s", "Failed to parse job result: unexpected end", "no space left"])
def test_the_servers_reason_beats_a_line_that_looks_like_a_thrown_error(reason: str) -> None:
    """A job may print such a line itself, and then end for another reason."""
    error, _ = failed_run(Line(1, "Job execution error: looks thrown", 5), error_message=reason)

    assert (error.message, error.hint) == (reason, None)
    assert [line.message for line in error.log_tail] == ["Job execution error: looks thrown"]


SPLIT = [
    Line(1, "Job execution error: first", 14),
    Line(2, "second", 14),
    Line(3, '__RESULT__::{"success":false,"error":"first\\nsecond"}', 14),
]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (SPLIT, "first\nsecond"),
        ([Line(1, "error: Uncaught (in promise) Error: in the background", 14)], "in the background"),
        (
            [
                Line(1, "\x1b[0m\x1b[1m\x1b[31merror\x1b[0m: Uncaught (in promise) TypeError: \x1b[1mno map\x1b[0m", 14),
                Line(2, "    at x.ts:1", 14),
            ],
            "TypeError: no map",
        ),
        (
            [Line(1, "error: The module's source code could not be parsed: Expression expected", 14)],
            "The module's source code could not be parsed: Expression expected",
        ),
        (
            [Line(1, "Job execution error:", 14), Line(2, '__RESULT__::{"success":false,"error":""}', 14)],
            "the job threw an error without a message",
        ),
        ([Line(1, "Job execution error: undefined", 14), Line(2, '__RESULT__::{"success":false}', 14)], "undefined"),
        ([Line(1, "Job execution error: no disk", 14), Line(2, "__RESULT__::[1]", 14)], "no disk"),
        ([Line(1, "Job execution error: no disk", 14), Line(2, "__RESULT__::{oops", 14)], "no disk"),
        ([Line(1, "Job execution error: no disk", 14), Line(2, '__RESULT__::{"success":true,"error":"none"}', 14)], "no disk"),
        ([Line(1, "Job execution error: no disk", 14), Line(2, '__RESULT__::{"success":false,"error":7}', 14)], "no disk"),
        ([Line(1, "error: Uncaught Error: ", 14)], "the job threw an error without a message"),
        ([Line(1, "error: first", 14), Line(2, "error: second", 14)], "second"),
    ],
)
def test_the_cause_is_what_the_log_shows(lines: list[Line], says: str) -> None:
    """A text of several lines is whole in the line with the result; an error that nobody caught is reported by the runtime."""
    error, driver = failed_run(*lines)

    assert (error.message, error.hint) == (says, None)
    logs = driver.times(f"GET /jobs/{JOB_ID}/logs")
    assert logs[-1] - logs[0] <= 1.3, "no longer than the log lags"


def test_a_failure_without_a_reason_has_a_message() -> None:
    """A soft failure without an error leaves an empty text."""
    error, driver = failed_run(Line(1, "working", 3), error_message="")

    assert (error.message, error.hint) == ("the job failed", None)
    assert len(driver.times(f"GET /jobs/{JOB_ID}/logs")) == 1


def test_the_servers_own_line_is_none_of_the_job() -> None:
    """It is written for each subscriber to the log."""
    error, _ = failed_run(Line(1, "Created execution log subscription", 3), Line(2, THROWN, 14))

    assert [line.message for line in error.log_tail] == [THROWN]


def test_the_tail_of_the_log_is_kept_short() -> None:
    """Twenty lines, the last ones."""
    lines = [Line(number, f"line {number}", 5) for number in range(1, 41)]

    error, _ = failed_run(*lines, Line(41, THROWN, 14))

    assert [line.line_number for line in error.log_tail] == list(range(22, 42))


@pytest.mark.parametrize("end", ["cancelled", "interrupted"])
def test_a_job_that_was_stopped_is_no_success(end: str) -> None:
    """It comes as JobCancelled, with the job."""
    result = FakeDriver(one_job(life(1, 5, end))).run(running())

    error = result.error
    assert isinstance(error, JobCancelled)
    assert result.meta.status == 200
    assert error.job is not None
    assert error.job.status == end
    assert error.job_id == JOB_ID


def test_a_timeout_carries_the_job() -> None:
    """Also where it was never seen but at the submit."""
    seen = FakeDriver(one_job(FOREVER)).run(running(20.0)).error
    unseen = FakeDriver(replies(reply(201, job(job_name="resize", **PENDING)), reply(503, {"error": "down"}))).run(running(20.0)).error

    for error, status in ((seen, "running"), (unseen, "pending")):
        assert isinstance(error, WaitTimeout)
        assert error.job is not None
        assert (error.job.status, error.job_id) == (status, JOB_ID)


def test_one_404_directly_after_the_submit_is_forgiven() -> None:
    """The server answers so when its database stumbles; a second one is believed where the list has no such job, and the error names it."""
    created, found, unlisted = reply(201, job(job_name="resize", **PENDING)), reply(200, job()), reply(200, {"jobs": None})

    once = FakeDriver(replies(created, NOT_FOUND, unlisted, found)).run(running())
    twice = FakeDriver(replies(created, NOT_FOUND, unlisted, NOT_FOUND, unlisted, found)).run(running())
    later = FakeDriver(replies(created, reply(200, job(**RUNNING)), NOT_FOUND, unlisted, found)).run(running())

    assert once.ok
    assert isinstance(twice.error, NotFound)
    assert twice.error.job_id == JOB_ID
    assert isinstance(later.error, NotFound)


def test_a_fault_does_not_use_up_the_forgiven_404() -> None:
    """A poll that failed for another reason says nothing about the job."""
    down = reply(503, {"error": "down"})
    answers = replies(
        reply(201, job(job_name="resize", **PENDING)), down, down, down, NOT_FOUND, reply(200, {"jobs": None}), reply(200, job())
    )

    assert FakeDriver(answers).run(running()).ok


def test_a_refused_submit_is_the_result() -> None:
    """Nothing is waited for."""
    driver = FakeDriver(replies(reply(404, {"error": "Job function not found"})))

    error = driver.run(running()).error

    assert isinstance(error, NotFound)
    assert error.job_id is None
    assert len(driver.requests) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timeout": 0}, "timeout"),
        ({"poll": 1.0}, "poll"),
        ({"cancels": "no"}, "cancel_on_timeout"),
        ({"submission": Submission("")}, "job_name"),
    ],
)
def test_bad_arguments_are_refused_before_the_submit(options: dict[str, Any], says: str) -> None:
    """A job must not be on its way when an argument of the wait turns out to be wrong."""
    driver = FakeDriver(FakeJobs({}))

    error = driver.run(running(**options)).error

    assert isinstance(error, InvalidInput)
    assert says in error.message
    assert driver.requests == []
