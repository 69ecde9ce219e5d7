"""Watching a job on a fake clock: each change once, the end once, an error last."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs import InvalidInput, Job, NotFound, Ok, PollPolicy, Result, WaitTimeout
from fluxbase_jobs._plans.exchange.call import stream
from fluxbase_jobs._plans.exchange.steps import Stream
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.watch import watch

from tests.support.fake_driver import FakeDriver, reply, settings
from tests.support.sample_responses import JOB_ID
from tests.support.simulated_jobs import FOREVER, RUNNING, FakeJobs, Life, down, life, one_job, progress


def watching(timeout: Any = 900.0, job_id: object = JOB_ID) -> Stream[Result[Job]]:
    """The stream of a watch."""
    return stream(watch, settings(), {}, job_id, WaitOptions(timeout=timeout, poll=PollPolicy()))


def shown(life: Life) -> list[tuple[str, int | None, int]]:
    """What is emitted of a life: status, percent, retries."""
    results = [result for _, result in FakeDriver(one_job(life)).stream(watching())]
    assert all(result.ok for result in results)
    return [(result.data.status, result.data.progress_percent, result.data.retry_count) for result in results]


def test_each_change_comes_once_and_the_end_exactly_once() -> None:
    """Polls without a change, or with only a new time estimate, emit nothing."""
    moving = [(second, {"estimated_seconds_left": 100 - second}) for second in range(4, 60)]
    changes: Life = [*life(3)[:2], *moving, (20, progress(50)), (60, {"status": "completed"})]

    assert shown(sorted(changes, key=lambda change: change[0])) == [
        ("pending", None, 0),
        ("running", None, 0),
        ("running", 50, 0),
        ("completed", 50, 0),
    ]


def test_a_job_that_has_ended_comes_once() -> None:
    """One poll, one result."""
    driver = FakeDriver(one_job(life(end="failed")))

    (only,) = driver.stream(watching())

    assert only[1].data.status == "failed"
    assert len(driver.requests) == 1


def test_another_try_with_the_same_fate_is_a_change() -> None:
    """A job put back by the server, or retried between two polls, is recognized by its retry count."""
    assert shown([*FOREVER, (20, {"retry_count": 1}), (60, {"status": "failed", "error_message": "exit status 1"})]) == [
        ("running", None, 0),
        ("running", None, 1),
        ("failed", None, 1),
    ]


def test_a_message_alone_is_a_change() -> None:
    """The percentage may stay the same while the message changes."""
    first, second = '{"percent":1,"message":"a"}', '{"percent":1,"message":"b"}'

    assert len(shown([(0, {**RUNNING, "progress": first}), (30, {"progress": second}), (60, {"status": "completed"})])) == 3


def test_data_alone_is_a_change() -> None:
    """A report may differ in data that has no separate field."""
    first, second = '{"percent":1,"data":{"step":1}}', '{"percent":1,"data":{"step":2}}'

    assert len(shown([(0, {**RUNNING, "progress": first}), (30, {"progress": second}), (60, {"status": "completed"})])) == 3


def test_a_transient_fault_between_two_polls_is_not_emitted() -> None:
    """It is retried; a state that was emitted is not emitted again after it."""
    server = down(one_job([*FOREVER, (300, {"status": "completed"})]), 10, 200, reply(503, {"error": "down"}))

    results = [result for _, result in FakeDriver(server).stream(watching())]

    assert [result.unwrap().status for result in results] == ["running", "completed"]


def test_the_deadline_is_the_last_item() -> None:
    """An Err with the job, after what came in time."""
    *seen, (time, last) = FakeDriver(one_job(FOREVER)).stream(watching(30.0))

    assert [result.ok for _, result in seen] == [True]
    assert isinstance(last.error, WaitTimeout)
    assert last.error.job is not None
    assert time == pytest.approx(30.0, abs=0.01)


def test_a_refusal_is_the_last_item() -> None:
    """And no request follows."""
    driver = FakeDriver(FakeJobs({}))

    (only,) = driver.stream(watching())

    assert isinstance(only[1].error, NotFound)
    assert len(driver.requests) == 1


@pytest.mark.parametrize(("options", "says"), [({"timeout": -1}, "timeout"), ({"job_id": "{x}"}, "job_id")])
def test_a_bad_argument_is_the_only_item(options: dict[str, Any], says: str) -> None:
    """As an Err, like everything that a verb has to say; nothing is sent."""
    driver = FakeDriver(one_job(FOREVER))

    (only,) = driver.stream(watching(**options))

    assert isinstance(only[1].error, InvalidInput)
    assert only[1].error.message.startswith(says)
    assert driver.requests == []


def test_closing_the_iterator_stops_polling() -> None:
    """After the caller closes the iterator, no request is sent."""
    driver = FakeDriver(one_job(FOREVER))
    watched = driver.stream(watching())

    assert isinstance(next(watched)[1], Ok)
    watched.close()

    assert next(watched, None) is None
    assert len(driver.requests) == 1
