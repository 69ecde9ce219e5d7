"""Events and polls together, on a fake clock: nothing lost, nothing twice, nothing old."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from fluxbase_jobs import Job, PollPolicy, Result
from fluxbase_jobs._context.call_context import ClientSettings
from fluxbase_jobs._plans.exchange.call import stream
from fluxbase_jobs._plans.listening import SAFETY_POLL, applied
from fluxbase_jobs._plans.log_lines import LineOrder
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.tail import tail
from fluxbase_jobs._plans.tail_many import tail_many
from fluxbase_jobs._plans.wait_many import wait_many, watch_many
from fluxbase_jobs._plans.watch import watch
from fluxbase_jobs._realtime.protocol import JobChanged, LineLogged
from fluxbase_jobs._realtime.subscriptions import Event, Linked
from fluxbase_jobs.models.jobs import LogLine
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert

from tests.support.fake_driver import FakeDriver, at, settings
from tests.support.sample_responses import JOB_ID, job
from tests.support.scheduled_events import ScheduledEvents, ScheduledHub
from tests.support.simulated_jobs import RUNNING, FakeJobs, Life, Line, life, one_job

LIVE = (0.01, Linked(changes=True, logs=True))
OPTIONS = WaitOptions(timeout=900, poll=PollPolicy())


def using(hub: ScheduledHub) -> ClientSettings:
    """A client with these events."""
    client = settings()
    client.memory.hub = hub
    return client


def changed(seconds: float, **changes: Any) -> tuple[float, JobChanged]:
    """The event of a change at this time; without payload and result."""
    row = {**job(), "payload": None, "result": None, "started_at": at(0), "created_at": at(0), "completed_at": None, **RUNNING, **changes}
    return seconds, JobChanged(convert({key: value for key, value in row.items() if value is not None}, Job))


def reported(seconds: float, percent: int, reported_at: float | None = None) -> tuple[float, JobChanged]:
    """The event of a progress report."""
    return changed(seconds, progress=f'{{"percent":{percent}}}', last_progress_at=at(seconds if reported_at is None else reported_at))


def working(ends: float) -> Life:
    """A job that runs from the start."""
    return life(0, ends, result='{"done": true}')


def watched(driver: FakeDriver, hub: ScheduledHub) -> list[tuple[float, Result[Job]]]:
    """What `watch` emits, and when."""
    return list(driver.stream(stream(watch, using(hub), {}, JOB_ID, OPTIONS)))


def line(number: int, message: str = "") -> LogLine:
    """A log line."""
    return convert(Line(number, message or f"line {number}", number).body(), LogLine)


def logged(seconds: float, number: int, message: str = "") -> tuple[float, LineLogged]:
    """The event of a line."""
    return seconds, LineLogged(JOB_ID, line(number, message))


def test_a_minute_takes_three_requests() -> None:
    """The first read, one for safety, and the last one, which has the result."""
    ended = changed(60.2, status="completed", completed_at=at(60))
    driver = FakeDriver(one_job(working(60)))

    emitted = watched(driver, ScheduledHub(LIVE, ended))

    assert [result.unwrap().status for _, result in emitted] == ["running", "completed"]
    assert emitted[-1][1].unwrap().result == {"done": True}
    assert len(driver.requests) == 3


def test_changes_are_emitted_when_they_come() -> None:
    """Each comes twice, and is emitted once."""
    events = [event for percent in range(10) for event in [reported(5 + percent, percent)] * 2]
    driver = FakeDriver(one_job(working(20)))

    emitted = watched(driver, ScheduledHub(LIVE, *events, changed(20.1, status="completed", completed_at=at(20))))

    assert [(round(when), result.unwrap().progress_percent) for when, result in emitted[1:-1]] == [(5 + n, n) for n in range(10)]
    assert len(driver.requests) == 2


def test_what_is_older_than_a_poll_is_passed_over() -> None:
    """A poll may be ahead of the events that wait."""
    known = convert(job(status="running", started_at=at(0), created_at=at(0), last_progress_at=at(9), completed_at=None), Job)

    assert applied(known, reported(10, 20, reported_at=5)[1].job) is None
    newer = applied(known, reported(10, 90, reported_at=9.5)[1].job)
    assert newer is not None
    assert newer.progress_percent == 90
    assert newer.payload == known.payload


def test_events_that_are_behind_change_nothing() -> None:
    """They are not emitted, and cause no request: neither one that came late, nor one that says what is known."""
    late = [(when, reported(5, 10)[1]) for when in (7.0, 8.0, 9.0)]
    events = [reported(5, 10), reported(6, 20), *late, reported(9.5, 20), changed(30.1, status="completed", completed_at=at(30))]
    driver = FakeDriver(one_job(working(30)))

    emitted = watched(driver, ScheduledHub(LIVE, *events))

    told = [(round(when, 1), result.unwrap().progress_percent) for when, result in emitted[1:-1]]
    assert told == [(5.0, 10), (6.0, 20)]
    assert [round(when, 1) for when in driver.times()] == [0.0, 30.1]


def test_a_dropped_end_is_found_by_the_next_poll() -> None:
    """The server drops frames in floods, without a sign."""
    driver = FakeDriver(one_job(working(30)))

    emitted = watched(driver, ScheduledHub(LIVE))

    assert emitted[-1][1].unwrap().status == "completed"
    assert emitted[-1][0] <= SAFETY_POLL + 1


@pytest.mark.parametrize(
    "hub", [ScheduledHub(), ScheduledHub((0.01, Linked())), ScheduledHub(LIVE, sees=False), ScheduledHub((0.01, Linked(logs=True)))]
)
def test_without_changes_it_polls_as_ever(hub: ScheduledHub) -> None:
    """No socket, a table that is not enabled, or somebody else's job."""
    driver, alone = FakeDriver(one_job(working(30))), FakeDriver(one_job(working(30)))

    emitted = watched(driver, hub)
    list(alone.stream(stream(watch, settings(), {}, JOB_ID, OPTIONS)))

    assert emitted[-1][1].unwrap().status == "completed"
    assert abs(len(driver.requests) - len(alone.requests)) <= 1


def test_a_lost_socket_is_polled_from_what_is_known() -> None:
    """At once, and then as ever, until events come again."""
    hub = ScheduledHub(LIVE, (10, Linked()), (40, Linked(changes=True)), changed(60.1, status="completed", completed_at=at(60)))
    driver = FakeDriver(one_job(working(60)))

    emitted = watched(driver, hub)

    times = driver.times()
    assert [result.unwrap().status for _, result in emitted] == ["running", "completed"]
    assert [when for when in times if 0.1 < when < 9.9] == []
    assert max(later - earlier for earlier, later in pairwise(when for when in times if 10 <= when < 40)) < 7
    assert [when for when in times if 40.1 < when < 60] == []


def test_a_subscription_ends_with_the_call() -> None:
    """Also where the caller stops early."""
    hub = ScheduledHub(LIVE)
    emitted = FakeDriver(one_job(working(60))).stream(stream(watch, using(hub), {}, JOB_ID, OPTIONS))
    next(emitted)
    hub_subscription = hub.subscriptions[0]
    assert not hub_subscription.closed

    finished = ScheduledHub(LIVE, changed(5, status="completed", completed_at=at(5)))
    watched(FakeDriver(one_job(working(5))), finished)

    assert finished.subscriptions[0].closed


def tailed(driver: FakeDriver, hub: ScheduledHub) -> list[tuple[float, Result[LogLine]]]:
    """What `tail` emits, and when."""
    options = WaitOptions(timeout=100, poll=PollPolicy())
    return list(driver.stream(stream(tail, using(hub), {}, JOB_ID, 0, options, None)))


def test_lines_come_in_order_whatever_the_order_of_events() -> None:
    """And at once, not when they are stored; a tail whose last line came needs no more time."""
    numbers = [2, 1, 3, 5, 4, 6]
    events = [logged(5 + index / 10, number) for index, number in enumerate(numbers)]
    end: list[tuple[float, Event]] = [logged(9, 7, '__RESULT__::{"success":true}'), changed(9.01, status="completed", completed_at=at(9))]
    driver = FakeDriver(one_job(working(9), *(Line(number, f"line {number}", 5) for number in range(1, 7))))

    emitted = tailed(driver, ScheduledHub(LIVE, *events, *end))

    assert [result.unwrap().message for _, result in emitted] == [f"line {number}" for number in range(1, 7)]
    assert [when for when, _ in emitted][-1] < 7
    assert driver.clock.seconds < 9.5


def test_lines_that_wait_to_be_taken_are_not_left() -> None:
    """A poll may see the job's end before the watcher has taken the events that came until then."""
    result = logged(2.5, 3, '__RESULT__::{"success":true}')
    hub = ScheduledHub((0.01, Linked(logs=True)), logged(2.5, 1), logged(2.5, 2), result)
    for _, event in hub.schedule[1:]:
        assert isinstance(event, LineLogged)
        hub.heard.add(JOB_ID, event.line)

    emitted = tailed(FakeDriver(one_job(working(1))), hub)

    assert [result.unwrap().line_number for _, result in emitted] == [1, 2]


def test_a_hidden_gap_is_told() -> None:
    """Where HTTP does not show what is missing: with a result of its own in its place."""
    events = [logged(5, 1), logged(5.1, 4), logged(9, 5, '__RESULT__::{"success":true}')]
    driver = FakeDriver(one_job(working(9)))

    emitted = tailed(driver, ScheduledHub(LIVE, *events, changed(9.01, status="completed", completed_at=at(9))))

    assert [result.unwrap().line_number for _, result in emitted] == [1, None, 4]
    assert ["lines 2 to 3" in str(result.meta.notes) for _, result in emitted] == [False, True, False]
    assert (emitted[1][1].unwrap().message,) == emitted[1][1].meta.notes


def test_hidden_logs_of_many_jobs_do_not_wait_for_their_polls() -> None:
    """Each job is polled seldom, as there are many: but one is enough to learn that the server hides its logs."""
    job_ids = [str(UUID(int=number)) for number in range(40)]
    events: list[tuple[float, Event]] = [LIVE]
    for job_id in job_ids:
        events += [(5.0, LineLogged(job_id, line(number))) for number in (2, 3)]
        events.append(changed(6.0, id=job_id, status="completed", completed_at=at(6)))
    driver = FakeDriver(FakeJobs(dict.fromkeys(job_ids, working(6))))

    emitted = list(driver.stream(tail_many(using(ScheduledHub(*events)), {}, job_ids, OPTIONS)))

    lines = {job_id: [result.unwrap().message for _, (of, result) in emitted if of == job_id] for job_id in job_ids}
    assert all(messages[1:] == ["line 2", "line 3"] and "line 1" in messages[0] for messages in lines.values())
    assert emitted[-1][0] < 15


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("late", [1.0, 11.5])
@pytest.mark.parametrize("after", [0, 2])
def test_the_lines_of_a_retried_job_go_on_without_a_gap(heard: bool, late: float, after: int) -> None:  # noqa: FBT001  # a parameter of the test
    """Also where the first poll comes before the next attempt: the earlier lines belong to the earlier one, and are not missing."""
    retried: Life = [
        (0, {"status": "pending", "retry_count": 1, "started_at": None, "completed_at": None}),
        (3, {**RUNNING, "started_at": at(3)}),
        (5, {"status": "completed", "completed_at": at(5)}),
    ]
    first, second = [Line(number, f"line {number}", -9) for number in (1, 2)], [Line(number, f"line {number}", 4) for number in (5, 6)]
    lines = [*first, *(Line(number, f"line {number}", -8, lag=late) for number in (3, 4)), *second]
    events = [(4.0, LineLogged(JOB_ID, convert(each.body(), LogLine))) for each in lines[4:] if heard]
    client, driver = using(ScheduledHub(LIVE, *events)), FakeDriver(one_job(retried, *lines))

    emitted = list(driver.stream(stream(tail, client, {}, JOB_ID, after, WaitOptions(timeout=100, poll=PollPolicy()), None)))

    assert [result.unwrap().message for _, result in emitted] == [f"line {number}" for number in range(after + 1, 7)]


class Crossing(ScheduledEvents):
    """A subscription of two: while its line is taken, a line of the other one's job comes, as from the thread that reads the socket."""

    other: ScheduledEvents | None = None

    def take(self) -> list[Event]:
        """The events, after one has come for the other."""
        if self.other is not None and any(isinstance(event, LineLogged) for event in self._events):
            (job_id,) = self.other.job_ids
            self.other.put(LineLogged(job_id, line(1)))
            self.other = None
        return super().take()


class CrossingHub(ScheduledHub):
    """A hub for two jobs, the second one's subscription a crossing one."""

    def subscribe(self, groups: Sequence[Any], *, logs: bool) -> list[ScheduledEvents]:
        """The events of both."""
        first, second = ScheduledEvents(self, groups[0], logs=logs), Crossing(self, groups[1], logs=logs)
        second.other, second.ready = first, first.ready
        first.siblings = second.siblings = [first, second]
        return [first, second]


def test_a_line_that_comes_while_those_of_another_job_are_taken_wakes_the_tail() -> None:
    """All subscriptions of one call wake the same wait."""
    job_ids = [str(UUID(int=number)) for number in range(2)]
    driver = FakeDriver(FakeJobs(dict.fromkeys(job_ids, working(60))))
    hub = CrossingHub(LIVE, (5.0, LineLogged(job_ids[1], line(1))))

    emitted = list(driver.stream(tail_many(using(hub), {}, job_ids, OPTIONS)))

    assert [(job_id, round(when)) for when, (job_id, _) in emitted] == [(job_ids[1], 5), (job_ids[0], 5)]


def test_dropped_lines_of_many_jobs_are_read_over_http() -> None:
    """However seldom each job is polled: a line is only said to be missing after a poll that could have shown it."""
    job_ids = [str(UUID(int=number)) for number in range(40)]
    events: list[tuple[float, Event]] = [LIVE]
    for job_id in job_ids:
        events += [(at, LineLogged(job_id, line(number))) for at, number in ((1.0, 1), (60.0, 3), (90.0, 4), (150.0, 6), (180.0, 7))]
        events.append(changed(300.0, id=job_id, status="completed", completed_at=at(300)))
    written = [Line(number, f"line {number}", 30 * (number - 1)) for number in range(1, 8)]
    driver = FakeDriver(FakeJobs(dict.fromkeys(job_ids, working(300)), written))

    emitted = list(driver.stream(tail_many(using(ScheduledHub(*events)), {}, job_ids, OPTIONS)))

    lines = {job_id: [result.unwrap().message for _, (of, result) in emitted if of == job_id] for job_id in job_ids}
    assert [*lines.values()] == [[f"line {number}" for number in range(1, 8)]] * 40


def test_a_long_log_is_followed_in_bounded_memory() -> None:
    """What was given long ago is not remembered line by line, and still not given twice when the log is read over."""

    def long_line(number: int) -> LogLine:
        return line(number, f"{number} {'x' * 1000}")

    order, count = LineOrder(0), 50_000
    tracemalloc.start()
    for first in range(1, count, 1000):
        order.add(map(long_line, range(first, first + 1000)), 0.0)
        assert len(order.take(0.0, 3.0)) == 1000
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    order.add(map(long_line, range(1, count + 1)), 1.0)

    assert order.take(100.0, 3.0) == []
    assert kept < 10_000_000

    later = [convert(Line(number, f"again {number}", count + 1 + number).body(), LogLine) for number in range(3)]
    order.restart(later[0].timestamp)
    order.add([line(5, f"5 {'x' * 1000}"), *later[1:]], 101.0)
    assert order.take(101.0, 3.0) == [(later[1], None), (later[2], None)]


@given(st.permutations(range(1, 30)), st.sets(st.integers(1, 29)), st.sets(st.integers(1, 29)), st.integers(0, 10))
def test_every_line_is_given_once_in_order(numbers: list[int], dropped: set[int], shown: set[int], after: int) -> None:
    """Whatever comes over which way: a line that comes in time is given in its place, and all gaps are told."""
    order, given_lines = LineOrder(after), list[tuple[LogLine, str | None]]()
    for number in numbers:
        if number not in dropped:
            order.add([line(number)] * 2, 0.0)
        given_lines += order.take(0.0, 3.0)
    order.add([line(number) for number in sorted(shown)], 1.0)
    given_lines += order.take(10.0, 3.0)
    given_lines += order.take(20.0, 0.0)

    came = sorted(number for number in range(after + 1, 30) if number not in dropped or number in shown)
    inside = [each.line_number or 0 for each, _ in given_lines if (each.line_number or 0) > after]
    told = sum(note is not None for _, note in given_lines)
    assert inside == came
    assert told == sum(later > earlier + 1 for earlier, later in pairwise([after, *came]))


def test_events_of_a_lost_socket_do_not_put_off_a_poll() -> None:
    """They come from before it was lost; who cannot rely on events polls as ever, however many there still are."""
    events = [reported(second / 5, second % 100) for second in range(1, 400)]
    driver, alone = FakeDriver(one_job(working(30))), FakeDriver(one_job(working(30)))

    emitted = watched(driver, ScheduledHub((0.01, Linked()), *events))
    list(alone.stream(stream(watch, settings(), {}, JOB_ID, OPTIONS)))

    assert emitted[-1][1].unwrap().status == "completed"
    assert emitted[-1][0] == pytest.approx(alone.clock.seconds, abs=3)
    assert len(driver.requests) >= len(alone.requests)


def test_what_comes_before_the_subscription_is_confirmed_is_not_lost() -> None:
    """A line, and a change: the first read does not wait for more, and they are taken after it."""
    line_first = ScheduledHub(
        (0.1, logged(0.1, 1)[1]), (0.2, Linked(changes=True, logs=True)), logged(9, 2, '__RESULT__::{"success":true}')
    )
    change_first = ScheduledHub((0.1, reported(0.1, 7)[1]), LIVE, changed(9, status="completed", completed_at=at(9)))

    lines = tailed(FakeDriver(one_job(working(9))), line_first)
    changes = watched(FakeDriver(one_job(working(9))), change_first)

    assert [(round(when, 1), result.unwrap().line_number) for when, result in lines] == [(0.1, 1)]
    assert [result.unwrap().progress_percent for _, result in changes] == [None, 7, None]


@pytest.mark.parametrize("verb", ["watch", "tail", "tail_many", "wait_many", "watch_many"])
def test_a_caller_who_stops_early_gives_the_subscriptions_back(verb: str) -> None:
    """As at the end."""
    hub, options = ScheduledHub(LIVE, logged(1, 1)), WaitOptions(timeout=900, poll=PollPolicy())
    client, driver = using(hub), FakeDriver(FakeJobs({JOB_ID: working(60), str(UUID(int=1)): working(0)}))
    plans: dict[str, Any] = {
        "watch": lambda: stream(watch, client, {}, JOB_ID, options),
        "tail": lambda: stream(tail, client, {}, JOB_ID, 0, options, None),
        "tail_many": lambda: tail_many(client, {}, [JOB_ID], options),
        "wait_many": lambda: wait_many(client, {}, [JOB_ID, str(UUID(int=1))], options),
        "watch_many": lambda: watch_many(client, {}, [JOB_ID], options),
    }
    plan = plans[verb]()
    next(driver.stream(plan))
    (subscription,) = hub.subscriptions
    assert not subscription.closed

    plan.close()

    assert subscription.closed
