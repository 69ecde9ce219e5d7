"""The poll times of one wait, on a fake clock: the figures that `PollPolicy` documents."""

from __future__ import annotations

import pytest
from fluxbase_jobs import Ok

from tests.support.fake_driver import FakeDriver, at
from tests.support.simulated_jobs import FOREVER, PENDING, RUNNING, Life, one_job, progress, waiting

HOUR = 3600.0


def minute_of(shown: Life, start: float, random: float = 0.5) -> int:
    """How many requests a wait sends in the minute from `start`."""
    driver = FakeDriver(one_job(shown), random=random)
    driver.run(waiting(200.0))
    return len([time for time in driver.times() if start <= time < start + 60])


RESTLESS: Life = [*FOREVER, *((second / 4, progress(second)) for second in range(4 * 200))]


@pytest.mark.parametrize(
    ("shown", "first", "later"),
    [([(0, PENDING)], 12, 6), (FOREVER, 16, 12), (RESTLESS, 61, 59)],
    ids=["pending", "running", "changing at every poll"],
)
def test_a_wait_leaves_room_below_the_servers_100_requests_a_minute(shown: Life, first: int, later: int) -> None:
    """The figures that the policy's docstring promises, whatever the random say."""
    assert minute_of(shown, 0) == first
    assert minute_of(shown, 120) == later
    for random in (0.0, 1.0):
        assert minute_of(shown, 0, random) <= 70
        assert minute_of(shown, 120, random) <= 70


def test_a_scheduled_job_is_left_alone_until_it_is_due() -> None:
    """One poll a minute until it is due, as it may be cancelled; frequent polls after that."""
    due = 600.0
    driver = FakeDriver(one_job([(0, {**PENDING, "scheduled_at": at(due)}), (due + 1.5, RUNNING), (due + 3, {"status": "completed"})]))

    result = driver.run(waiting(HOUR))

    assert result.unwrap().status == "completed"
    assert len([time for time in driver.times() if time < due]) <= 11
    assert driver.clock.seconds <= due + 5
    assert isinstance(result, Ok)


def test_a_scheduled_job_may_be_cancelled_in_its_sleep() -> None:
    """The wait does not sleep through it."""
    shown: Life = [(0, {**PENDING, "scheduled_at": at(HOUR)}), (100, {"status": "cancelled"})]
    driver = FakeDriver(one_job(shown))

    assert driver.run(waiting(2 * HOUR)).unwrap().status == "cancelled"
    assert driver.clock.seconds <= 161


def test_jitter_keeps_waiting_programs_out_of_step() -> None:
    """Two random numbers give two intervals, each within a tenth of the plan."""
    rhythms = [FakeDriver(one_job(FOREVER), random=random) for random in (0.0, 0.5, 1.0)]
    for driver in rhythms:
        driver.run(waiting(60.0))

    early, planned, late = (driver.pauses[0] for driver in rhythms)
    assert [early, planned, late] == pytest.approx([0.45, 0.5, 0.55])
