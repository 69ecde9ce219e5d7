"""Events of many jobs and their polls together, on a fake clock: which requests they save, and which they cause."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from fluxbase_jobs import Job, PollPolicy, Result
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.wait_many import wait_many, watch_many
from fluxbase_jobs._realtime.protocol import JobChanged
from fluxbase_jobs._realtime.subscriptions import Event, Linked
from msgspec import convert

from tests.support.fake_driver import FakeDriver, at, settings
from tests.support.sample_responses import job
from tests.support.scheduled_events import ScheduledHub
from tests.support.simulated_jobs import RUNNING, FakeJobs, life

LIVE = (0.01, Linked(changes=True, logs=True))
OPTIONS = WaitOptions(timeout=900, poll=PollPolicy())


def id_of(number: int) -> str:
    """The id of a job."""
    return str(UUID(int=number))


def changed(seconds: float, number: int, **changes: Any) -> tuple[float, Event]:
    """The event of a change of a job at this time; without payload and result."""
    row = {**job(), **RUNNING, "payload": None, "created_at": at(0), "started_at": at(0), "id": id_of(number), **changes}
    return seconds, JobChanged(convert({key: value for key, value in row.items() if value is not None}, Job))


def reported(seconds: float, number: int, percent: int) -> tuple[float, Event]:
    """The event of a progress report."""
    return changed(seconds, number, progress=f'{{"percent":{percent}}}', last_progress_at=at(seconds))


def ended(seconds: float, number: int) -> tuple[float, Event]:
    """The event of a job's end."""
    return changed(seconds, number, status="completed", completed_at=at(seconds))


def running(*ends: float) -> FakeJobs:
    """A server with jobs that run from the start and end at these times."""
    return FakeJobs({id_of(number): life(0, end, result='{"done": true}') for number, end in enumerate(ends)})


def followed(
    server: FakeJobs, *schedule: tuple[float, Event], watches: bool = False
) -> tuple[list[tuple[float, str, Result[Job]]], FakeDriver]:
    """What `wait_many` or `watch_many` emits of all jobs, and when."""
    client, driver = settings(), FakeDriver(server)
    client.memory.hub = ScheduledHub(*schedule)
    stream = (watch_many if watches else wait_many)(client, {}, [*server.lives], OPTIONS)
    return [(when, job_id, result) for when, (job_id, result) in driver.stream(stream)], driver


@pytest.mark.parametrize(("count", "requests"), [(1, 2), (3, 6), (4, 2)])
def test_jobs_whose_events_come_are_read_twice(count: int, requests: int) -> None:
    """At first, and when they have ended, as events have no result: a few one by one, more of them by a page."""
    server = running(*[30.0] * count)

    emitted, driver = followed(server, LIVE, *(ended(30.0, number) for number in range(count)))

    assert [result.unwrap().result for _, _, result in emitted] == [{"done": True}] * count
    assert len(driver.requests) == requests
    assert emitted[-1][0] < 31.2


def test_each_end_is_read_by_itself_where_few_end() -> None:
    """And soon; the others are not read again for it."""
    server = running(*(10.0 * number for number in range(1, 7)))

    emitted, driver = followed(server, LIVE, *(ended(10.0 * number + 10, number) for number in range(6)))

    assert [job_id for _, job_id, _ in emitted] == [id_of(number) for number in range(6)]
    assert [round(when) for when, _, _ in emitted] == [10, 20, 30, 40, 50, 60]
    assert [request.what for request in driver.requests] == ["GET /jobs", *(f"GET /jobs/{id_of(number)}" for number in range(6))]


def test_ends_that_come_together_are_gathered() -> None:
    """The first one is read at once, and those of the next second together: one page shows the results of all."""
    server = running(*[10.0] * 9)

    emitted, driver = followed(server, LIVE, *(ended(10.0 + number / 10, number) for number in range(9)))

    assert [round(when, 1) for when, _, _ in emitted] == [10.0, *[11.0] * 8]
    assert [(round(request.at, 1), request.what) for request in driver.requests[1:]] == [
        (10.0, f"GET /jobs/{id_of(0)}"),
        (11.0, "GET /jobs"),
    ]


def test_changes_are_told_without_a_request() -> None:
    """Each once, though each comes twice, and none that is older than another."""
    server = running(30.0, 30.0)
    events = [reported(5, 0, 10), reported(5, 0, 10), reported(6, 1, 20), reported(7, 0, 30), reported(5, 0, 15)]
    events[-1] = (8.0, events[-1][1])

    emitted, driver = followed(server, LIVE, *events, ended(30, 0), ended(30, 1), watches=True)

    told = [(round(when), job_id, result.unwrap().progress_percent) for when, job_id, result in emitted]
    assert told[2:5] == [(5, id_of(0), 10), (6, id_of(1), 20), (7, id_of(0), 30)]
    assert [result.unwrap().status for _, _, result in emitted] == [*["running"] * 5, "completed", "completed"]
    assert len(driver.requests) == 4


def test_events_of_jobs_that_have_ended_cause_no_request() -> None:
    """Nobody waits for them any more."""
    server = running(10.0, 40.0)
    late = [(when, ended(10, 0)[1]) for when in (12.0, 13.0, 14.0, 15.0)]

    emitted, driver = followed(server, LIVE, ended(10, 0), *late, ended(40, 1))

    assert [result.unwrap().status for _, _, result in emitted] == ["completed", "completed"]
    assert [round(when) for when in driver.times()] == [0, 0, 10, 40]


def test_jobs_are_read_again_now_and_then() -> None:
    """Every 45 seconds: the server drops events in floods, without a sign."""
    emitted, driver = followed(running(100.0, 100.0), LIVE)

    assert [result.unwrap().status for _, _, result in emitted] == ["completed", "completed"]
    assert [round(when) for when in driver.times()] == [0, 0, 45, 45, 90, 90, 135, 135]


def test_a_lost_socket_is_polled_until_there_is_another() -> None:
    """At once where events begin to come again; then no more."""
    emitted, driver = followed(running(60.0, 60.0), LIVE, (10, Linked()), (30, Linked(changes=True)), ended(60, 0), ended(60, 1))

    times = driver.times()
    assert len(emitted) == 2
    assert [when for when in times if 0.1 < when < 9.9] == []
    assert len([when for when in times if 10 <= when < 29.9]) >= 6
    assert len([when for when in times if 29.9 <= when < 31]) == 2
    assert [round(when) for when in times if when >= 31] == [60, 60]


def test_a_wait_takes_one_subscription_and_gives_it_back() -> None:
    """For the changes of all its jobs, and not for their logs."""
    client, server = settings(), running(5.0, 60.0)
    client.memory.hub = ScheduledHub(LIVE, ended(5, 0))
    stream = FakeDriver(server).stream(wait_many(client, {}, [*server.lives], OPTIONS))

    next(stream)
    (subscription,) = client.memory.hub.subscriptions
    assert (subscription.job_ids, subscription.logs, subscription.closed) == ({id_of(0), id_of(1)}, False, False)

    assert len([*stream]) == 1
    assert subscription.closed
