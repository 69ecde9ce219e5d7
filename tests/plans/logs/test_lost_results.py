"""Results that the server lost, on a fake clock: `completed` with `{}`, where the log shows whether the job returned that."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from fluxbase_jobs import Ok, PollPolicy, ResultLost, Submission
from fluxbase_jobs._plans import typed
from fluxbase_jobs._plans.exchange.call import call, stream
from fluxbase_jobs._plans.polling import UNCHECKED, WaitOptions
from fluxbase_jobs._plans.wait_many import wait_many, watch_many
from fluxbase_jobs._plans.watch import watch

from tests.support.fake_driver import FakeDriver, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import FakeJobs, Line, dated, hearing, life, one_job, read_at, waiting

RESULT = '__RESULT__::{"success":true,"result":{}}'
RETURNED = '__RESULT__::{"success":true,"result":{"n":1}}'
EMPTY: dict[str, Any] = {"result": "{}"}
SUBSCRIBED = Line(1, "Created execution log subscription", 0)
OPTIONS = WaitOptions(timeout=60, poll=PollPolicy())


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ((Line(1, "working", 9), Line(2, RESULT, 10)), False),
        ((Line(1, "working", 9), Line(2, RESULT, 10, lag=2)), False),
        ((Line(1, "working", 9),), True),
        ((Line(1, "working", 9), Line(2, RETURNED, 10)), True),
        ((Line(1, RETURNED, 8), Line(2, RESULT, 9)), False),
        ((Line(1, RESULT + "...", 9),), False),
        ((), None),
    ],
)
def test_an_empty_result_may_be_lost(lines: tuple[Line, ...], lost: bool | None) -> None:  # noqa: FBT001  # a parameter of the test
    """The log shows it: a job that returned has written a line with its result, the last one counts. An empty log shows nothing."""
    driver = FakeDriver(one_job(life(0, 10, **EMPTY), *lines))

    result = driver.run(waiting(60))

    assert result.unwrap().result == {}
    assert result.meta.result_lost is lost
    assert ["is not known" in note for note in result.meta.notes] == ([True] if lost is None else [])


def test_what_was_heard_tells_of_a_lost_result() -> None:
    """Also where the server hides its log from HTTP."""
    heard, unheard = hearing(Line(1, "working", 9), Line(2, RESULT, 10)), hearing(Line(1, "working", 9))

    kept = FakeDriver(one_job(life(0, 10, **EMPTY))).run(waiting(60, of=heard))
    lost = FakeDriver(one_job(life(0, 10, **EMPTY))).run(waiting(60, of=unheard))

    assert (kept.meta.result_lost, lost.meta.result_lost) == (False, True)


def test_a_result_that_was_heard_and_not_stored_is_lost() -> None:
    """A busy server gives up reading, completes the job with `{}`, and then reads, logs and drops the rest."""
    heard = hearing(Line(1, "working", 9), Line(2, RETURNED, 10))

    result = FakeDriver(one_job(life(0, 10, **EMPTY))).run(waiting(60, of=heard))

    assert result.meta.result_lost is True


@pytest.mark.parametrize(
    ("heard", "interrupted", "lost"),
    [
        ((SUBSCRIBED,), False, True),
        ((SUBSCRIBED, Line(2, "working", 9)), False, True),
        ((SUBSCRIBED, Line(2, "working", 9)), True, None),
        ((SUBSCRIBED, Line(3, "working", 9)), False, None),
        ((evolve(SUBSCRIBED, number=4),), False, None),
        ((), False, None),
    ],
)
def test_only_what_was_heard_without_a_break_tells_of_a_loss(heard: tuple[Line, ...], interrupted: bool, lost: bool | None) -> None:  # noqa: FBT001  # parameters of the test
    """The missing line may be the one with the result, or the job may have ended before the subscription."""
    client = hearing(*heard)
    if interrupted:
        client.memory.hub.heard.interrupt([JOB_ID])

    result = FakeDriver(one_job(life(0, 10, **EMPTY))).run(waiting(60, of=client))

    assert result.meta.result_lost is lost


def test_a_log_with_nothing_but_the_servers_own_line_is_not_hidden() -> None:
    """A busy server loses all that a quick job prints."""
    ended = life(0, 10, **EMPTY)

    read, _ = read_at(11, ended, evolve(SUBSCRIBED, written=1))
    waited = FakeDriver(one_job(ended, evolve(SUBSCRIBED, written=1))).run(waiting(60))

    assert (read.unwrap(), read.meta.logs_hidden) == ([], False)
    assert waited.meta.result_lost is True


def test_a_server_that_shows_its_logs_hides_none() -> None:
    """It has shown one of a job that has just ended."""
    client = settings()
    read_at(11, life(0, 10), Line(1, "one", 9), client=client)

    empty, _ = read_at(11, life(0, 10), client=client)
    lost = FakeDriver(one_job(life(0, 10, **EMPTY))).run(waiting(60, of=client))

    assert (empty.unwrap(), empty.meta.logs_hidden) == ([], False)
    assert lost.meta.result_lost is True


@pytest.mark.parametrize("changes", [{"result": '{"a": 1}'}, {"result": None}])
def test_the_log_is_not_read_where_there_is_a_result(changes: dict[str, Any]) -> None:
    """One look is for `{}` alone."""
    driver = FakeDriver(one_job(life(0, 10, **changes), Line(1, "working", 9)))

    assert driver.run(waiting(60)).meta.result_lost is None
    assert driver.times(f"GET /jobs/{JOB_ID}/logs") == []


@pytest.mark.parametrize(("lines", "lost"), [((), None), ((Line(2, "again", 9),), True)])
def test_lines_from_before_a_kill_do_not_show_what_came_after_it(lines: tuple[Line, ...], lost: bool | None) -> None:  # noqa: FBT001  # a parameter of the test
    """A server that was killed runs the job again, which is no retry; 2026-04 shows what was logged before its start, and no more."""
    driver = FakeDriver(dated(one_job(life(5, 10, **EMPTY), Line(1, "working", 1), *lines)))

    assert driver.run(waiting(60)).meta.result_lost is lost


def test_a_log_that_a_quick_restart_shows_is_no_sign_that_the_next_one_is_shown() -> None:
    """2026-04 servers start in a few seconds, and then show the logs from before."""
    client = settings()
    read_at(6, life(0, 1), Line(1, "one", 1), client=client)

    after = FakeDriver(one_job(life(0, 10, **EMPTY))).run(waiting(60, of=client))

    assert after.meta.result_lost is None


def test_an_earlier_attempt_shows_no_result_of_this_one() -> None:
    """A retried job's log has the results of all attempts."""
    driver = FakeDriver(one_job(life(5, 10, retry_count=1, **EMPTY), Line(1, RESULT, 1), Line(2, "working", 9)))

    assert driver.run(waiting(60)).meta.result_lost is True


@pytest.mark.parametrize("waits", [True, False])
def test_a_typed_job_whose_result_is_lost_is_an_error(waits: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """With the job, and how to write a function that loses nothing."""
    driver = FakeDriver(one_job(life(0, 10, **EMPTY), Line(1, "working", 9)))
    definition = typed.Definition("resize", dict[str, int], dict[str, int], None)
    plan = (
        call(typed.wait, settings(), {}, definition, JOB_ID, OPTIONS)
        if waits
        else call(typed.run, settings(), {}, definition, Submission("resize", {"n": 1}), OPTIONS)
    )

    result = driver.run(plan)

    assert isinstance(result.error, ResultLost)
    assert result.error.job is not None
    assert result.error.job.succeeded
    assert (result.error.message, result.error.job_id) == ("the job completed, but the server lost its result", JOB_ID)
    assert result.error.hint == (
        "the server stops reading a job's output when its process ends: let the function wait for half a second before it returns, and "
        "log less at its end; a result over 1 MB is always lost"
    )
    assert result.meta.result_lost is True
    assert not isinstance(result, Ok)


def test_a_verb_that_reads_no_logs_says_so() -> None:
    """Of a job that completed with `{}`; an earlier change, and a job with a result, have no such note."""
    options, empty, kept = WaitOptions(timeout=60, poll=PollPolicy()), one_job(life(0, 10, **EMPTY)), one_job(life(0, 10))

    def notes_of(server: FakeJobs) -> list[list[tuple[str, ...]]]:
        watched = FakeDriver(server).stream(stream(watch, settings(), {}, JOB_ID, options))
        ended = FakeDriver(server).stream(wait_many(settings(), {}, [JOB_ID], options))
        both = FakeDriver(server).stream(watch_many(settings(), {}, [JOB_ID], options))
        return [[result.meta.notes for _, result in watched], *([result.meta.notes for _, (_, result) in pairs] for pairs in (ended, both))]

    assert notes_of(kept) == [[(), ()], [()], [(), ()]]
    assert notes_of(empty) == [[(), (UNCHECKED,)], [(UNCHECKED,)], [(), (UNCHECKED,)]]
