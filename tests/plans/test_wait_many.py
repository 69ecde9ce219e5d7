"""Waiting for many jobs on a fake clock: one pair for each id, one poller for all."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast
from uuid import UUID

import pytest
from fluxbase_jobs import (
    Err,
    FluxbaseError,
    InvalidInput,
    InvalidResponse,
    Job,
    JobFailed,
    NotFound,
    PermissionDenied,
    PollPolicy,
    RequestTimeout,
    Result,
    WaitTimeout,
)
from fluxbase_jobs._plans.exchange.steps import Stream
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.wait_many import wait_many
from fluxbase_jobs._transports.messages import RawResponse

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, replies, reply, settings
from tests.support.sample_responses import JOB_ID, job
from tests.support.simulated_jobs import FOREVER, FakeJobs, Life, Line, down, life

DOWN = reply(503, {"error": "down"})


def id_of(number: int) -> str:
    """The id of a job."""
    return str(UUID(int=number))


def many(count: int, lifetime: float | None = None, older: int = 0) -> FakeJobs:
    """A server with so many jobs; they end one after the other until `lifetime`. Behind them, older ones of the same kind."""

    def lived(number: int) -> Life:
        return FOREVER if lifetime is None else life(1, lifetime * (number + 1) / (count + older) - 1)

    return FakeJobs({id_of(number): lived(number) for number in range(count + older)})


def waiting(ids: Any, timeout: Any = 900.0, poll: Any = None) -> Stream[tuple[str, Result[Job]]]:
    """The stream of a wait for many."""
    return wait_many(settings(), {}, ids, WaitOptions(timeout=timeout, poll=poll or PollPolicy()))


def pairs_of(driver: FakeDriver, ids: Any, timeout: float = 900.0) -> list[tuple[str, Result[Job]]]:
    """What a wait gives."""
    return [pair for _, pair in driver.stream(waiting(ids, timeout))]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 40, 450])
def test_each_job_comes_once_with_its_end(count: int) -> None:
    """As they end, whatever they come to."""
    ids = [id_of(number) for number in range(count)]

    pairs = pairs_of(FakeDriver(many(count, 60.0)), ids)

    assert sorted(job_id for job_id, _ in pairs) == sorted(ids)
    assert all(result.unwrap().id == job_id and result.unwrap().is_terminal for job_id, result in pairs)


def test_jobs_come_as_they_end() -> None:
    """The first one long before the last one."""
    times = [time for time, _ in FakeDriver(many(20, 400.0)).stream(waiting([id_of(number) for number in range(20)]))]

    assert times == sorted(times)
    assert times[0] < 60
    assert times[-1] > 390


def test_one_pair_for_each_id_that_was_given() -> None:
    """Invalid, unknown and repeated ones too, whatever their form; a bad one ends nothing."""
    given = ["{no}", JOB_ID, id_of(1), UUID(JOB_ID), id_of(9), JOB_ID.upper(), "{no}", 7]
    server = FakeJobs({JOB_ID: life(1, 5, "failed"), id_of(1): life(1, 90)})

    pairs = pairs_of(FakeDriver(server), given)

    assert Counter(job_id for job_id, _ in pairs) == {"{no}": 2, JOB_ID: 3, id_of(1): 1, id_of(9): 1, "7": 1}
    found = dict(pairs)
    assert isinstance(found["{no}"].error, InvalidInput)
    assert isinstance(found[id_of(9)].error, NotFound)
    assert found[JOB_ID].unwrap().status == "failed"
    assert found[id_of(1)].unwrap().status == "completed"


def test_the_rest_times_out() -> None:
    """At the deadline each open job comes as WaitTimeout, with the job as it was last seen."""
    server = FakeJobs({id_of(0): life(1, 5), **{id_of(number): FOREVER for number in range(1, 6)}})
    driver = FakeDriver(server)

    first, *late = pairs_of(driver, [id_of(number) for number in range(6)], 60.0)

    assert first[0] == id_of(0)
    assert [job_id for job_id, _ in late] == [id_of(number) for number in range(1, 6)]
    assert driver.clock.seconds == pytest.approx(60.0, abs=0.01)
    for job_id, result in late:
        assert isinstance(result.error, WaitTimeout)
        assert result.error.job is not None
        assert result.error.job.id == result.error.job_id == job_id


@pytest.mark.parametrize("cut_off", [True, False])
def test_the_deadline_bounds_each_request_of_a_round(cut_off: bool) -> None:  # noqa: FBT001  # a test's case
    """A round of many slow requests does not go beyond it, also where the last one is answered just in time."""
    server = many(2, older=60)

    def slow(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        if request.timeout < 6 and cut_off:
            clock.pass_(request.timeout)
            return RequestTimeout("no complete answer", retryable=True)
        clock.pass_(min(6.0, request.timeout))
        return server(request, clock) if request.what != "GET /jobs" else reply(200, {"jobs": None})

    driver = FakeDriver(slow)

    pairs = pairs_of(driver, [id_of(number) for number in range(40)], 20.0)

    assert len(pairs) == 40
    assert {type(result.error) for _, result in pairs} == {WaitTimeout}
    assert driver.clock.seconds <= 20.1
    assert max(driver.times()) < 20.0


def test_jobs_are_read_from_the_list() -> None:
    """Pages with results, newest first, until all are found; no request for each job."""
    driver = FakeDriver(many(450, 30.0))

    pairs_of(driver, [id_of(number) for number in range(450)])

    listing = [request for request in driver.requests if request.what == "GET /jobs"]
    assert len(driver.requests) - len(listing) <= 3
    assert driver.requests[0].query == {"include_result": "true", "limit": "200", "offset": "0"}
    assert [request.query["offset"] for request in driver.requests[:4]] == ["0", "200", "400", "0"]


def test_jobs_that_are_not_in_the_list_are_read_one_by_one() -> None:
    """Old ones, behind thousands of newer ones: each gets its turn."""
    server = many(2000, 100.0, older=60)
    old = [id_of(2000 + number) for number in range(60)]
    driver = FakeDriver(server)

    pairs = pairs_of(driver, [id_of(0), *old])

    assert sorted(job_id for job_id, _ in pairs) == [id_of(0), *old]
    assert all(result.ok for _, result in pairs)


@pytest.mark.parametrize(("count", "pages"), [(99, 1), (100, 2), (199, 2), (200, 3)])
def test_jobs_are_looked_for_in_so_many_pages(count: int, pages: int) -> None:
    """Among the newest, about twice as many as are waited for; the others are then read one by one."""
    driver = FakeDriver(many(3000, older=count))
    waited = driver.stream(waiting([id_of(3000 + number) for number in range(count)], 4.0))

    next(waited)

    listed = [request.query["offset"] for request in driver.requests if request.what == "GET /jobs" and request.at < 1.0]
    assert listed == [str(200 * number) for number in range(pages)]


@pytest.mark.parametrize(("initial", "pause"), [(0.1, 3.2), (0.5, 16.0), (2.0, 16.0)])
def test_a_round_of_many_requests_is_followed_by_a_long_pause(initial: float, pause: float) -> None:
    """A second for each request, as the server allows 100 a minute; shorter where the caller polls so quickly on purpose."""
    driver = FakeDriver(many(200, older=30))
    ids = [id_of(200 + number) for number in range(15)]

    list(driver.stream(waiting(ids, 60.0, PollPolicy(initial=initial, maximum=30.0))))

    assert driver.pauses[0] == pytest.approx(pause)


def test_running_jobs_do_not_starve_the_others() -> None:
    """If one round cannot read all, the next one continues with the rest."""
    going_on, ending = [id_of(number) for number in range(2000, 2040)], [id_of(number) for number in range(2040, 2060)]
    newer = {id_of(number): FOREVER for number in range(500)}
    server = FakeJobs({**newer, **dict.fromkeys(going_on, FOREVER), **dict.fromkeys(ending, life(1, 10))})

    pairs = pairs_of(FakeDriver(server), [*going_on, *ending], 300.0)

    assert [job_id for job_id, result in pairs if result.ok] == ending


def test_a_few_jobs_are_read_one_by_one() -> None:
    """Three or less are cheaper one by one than among other people's."""
    driver = FakeDriver(many(1000, 30.0))

    pairs_of(driver, [id_of(1), id_of(2), id_of(3)])

    assert all(request.what != "GET /jobs" for request in driver.requests)


@pytest.mark.parametrize("fault", [DOWN, reply(429, {"error": "Rate limit exceeded"}, retry_after="60")])
def test_transient_faults_are_retried(fault: RawResponse) -> None:
    """Of the list or of single requests."""
    for count in (2, 10):
        driver = FakeDriver(down(many(count, 30.0), 5, 100, fault))

        pairs = pairs_of(driver, [id_of(number) for number in range(count)])

        assert [result.ok for _, result in pairs] == [True] * count


def test_a_retry_after_is_kept_also_without_retries() -> None:
    """With `retry=None` the pause between two rounds is the server's Retry-After."""
    limited = reply(429, {"error": "Rate limit exceeded"}, retry_after="60")
    driver = FakeDriver(replies(limited, reply(200, job(id=id_of(1)))))

    list(driver.stream(wait_many(settings(retry=None), {}, [id_of(1)], WaitOptions(timeout=900.0, poll=PollPolicy()))))

    assert driver.times()[1] >= 60


@pytest.mark.parametrize("count", [1, 10])
def test_a_retry_after_beyond_the_deadline_ends_the_wait_at_once(count: int) -> None:
    """Of a page and of single requests: a pair for each, which says why."""
    driver = FakeDriver(replies(reply(429, {"error": "Rate limit exceeded"}, retry_after="60")))

    pairs = [
        *driver.stream(wait_many(settings(), {}, [id_of(number) for number in range(count)], WaitOptions(timeout=20.0, poll=PollPolicy())))
    ]

    assert len(pairs) == count
    for _, (job_id, result) in pairs:
        assert isinstance(result.error, WaitTimeout)
        assert job_id in result.error.message
        assert "more than the 20 s left" in result.error.message
    assert (len(driver.requests), driver.pauses) == (1, [])


def test_a_refused_list_is_the_answer_for_each() -> None:
    """No right to read at all: one error for each id, at once."""
    driver = FakeDriver(replies(reply(403, {"error": "no"})))

    pairs = pairs_of(driver, [id_of(number) for number in range(10)])

    assert [type(cast("Err", result).error) for _, result in pairs] == [PermissionDenied] * 10
    assert len(driver.requests) == 1


@pytest.mark.parametrize(("options", "says"), [({"timeout": 0}, "timeout"), ({"poll": 2.0}, "poll")])
def test_a_bad_argument_is_the_answer_for_each(options: dict[str, Any], says: str) -> None:
    """As an Err for each id; nothing is sent."""
    driver = FakeDriver(replies(DOWN))

    pairs = [pair for _, pair in driver.stream(waiting([id_of(1), id_of(2)], **options))]

    assert [job_id for job_id, _ in pairs] == [id_of(1), id_of(2)]
    for _, result in pairs:
        assert isinstance(result.error, InvalidInput)
        assert result.error.message.startswith(says)
    assert driver.requests == []


def per_minute(driver: FakeDriver, start: float) -> int:
    """How many requests were sent in the minute from then on."""
    return len([time for time in driver.times() if start <= time < start + 60])


@pytest.mark.parametrize(
    ("jobs", "older", "lifetime"),
    [(500, 0, None), (500, 0, 600.0), (5, 0, None), (5, 0, 600.0), (40, 2000, None), (3, 0, None)],
    ids=["500 running", "500, ending all the time", "5 running", "5, ending", "40 that are not in the list", "3"],
)
def test_it_leaves_room_below_the_servers_100_requests_a_minute(jobs: int, older: int, lifetime: float | None) -> None:
    """However many jobs there are and however fast they end."""
    driver = FakeDriver(many(older or jobs, lifetime, older=jobs if older else 0))

    pairs_of(driver, [id_of(older + number) for number in range(jobs)], 300.0)

    assert per_minute(driver, 0) <= 70
    assert per_minute(driver, 180) <= 70


def test_closing_the_iterator_stops_polling() -> None:
    """After the caller closes the iterator, no request is sent."""
    driver = FakeDriver(many(10, 100.0))
    waited = driver.stream(waiting([id_of(number) for number in range(10)]))

    next(waited)
    sent = len(driver.requests)
    waited.close()

    assert next(waited, None) is None
    assert len(driver.requests) == sent


IDS = [id_of(number) for number in range(6)]


def test_an_answer_with_another_awaited_job_ends_nothing() -> None:
    """A proxy mixes its answers up: they are not believed, and each id has its pair all the same."""

    def server(request: ReceivedRequest, _: Clock) -> RawResponse:
        return reply(200, job(id=IDS[1] if request.path.endswith(IDS[0]) else IDS[0]))

    for ids in (IDS[:2], IDS[:2] * 2, IDS[:3]):
        pairs = pairs_of(FakeDriver(server), ids, 60.0)

        assert Counter(job_id for job_id, _ in pairs) == Counter(ids)
        assert {type(result.error) for _, result in pairs} == {InvalidResponse}


def test_a_job_that_a_page_holds_twice_comes_once() -> None:
    """Shifted pages hold jobs twice, and jobs of others between them."""
    bodies = [job(id=job_id) for job_id in IDS]
    driver = FakeDriver(replies(reply(200, {"jobs": [*bodies, job(id=id_of(99)), *bodies]})))

    assert Counter(job_id for job_id, _ in pairs_of(driver, IDS)) == Counter(IDS)


@pytest.mark.parametrize("body", [{"jobs": [job(priority="x")]}, {"jobs": 5}, "a text", {"jobs": [None]}])
def test_a_page_that_cannot_be_read_spoils_no_job(body: Any) -> None:
    """Each is then read by itself."""
    jobs = many(6, 30.0)

    def server(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        return reply(200, body) if request.what == "GET /jobs" else jobs(request, clock)

    assert [result.ok for _, result in pairs_of(FakeDriver(server), IDS)] == [True] * 6


class Unreadable:
    """An id that raises whatever is done with it."""

    def __getattribute__(self, name: str) -> Any:
        raise LookupError(name)

    __repr__ = __str__ = None  # type: ignore[assignment]  # on purpose


def test_an_id_that_raises_has_its_pair() -> None:
    """Beside the good ones."""
    pairs = pairs_of(FakeDriver(many(1, 5.0)), [Unreadable(), id_of(0), Unreadable()])

    assert [isinstance(result.error, InvalidInput) for _, result in pairs] == [True, True, False]
    assert {str(result.error and result.error.message) for _, result in pairs[:2]} == {
        "job_ids must be a UUID, as text or uuid.UUID; got Unreadable"
    }
    assert all(job_id.startswith("<tests.plans.test_wait_many.Unreadable object at ") for job_id, _ in pairs[:2])
    assert pairs[-1][1].unwrap().id == id_of(0)


def test_jobs_are_taken_for_their_ids() -> None:
    """As `list` and `submit_many` give them."""
    (listed,) = [result.unwrap() for _, result in pairs_of(FakeDriver(many(1, 5.0)), [id_of(0)])]

    assert [job_id for job_id, _ in pairs_of(FakeDriver(many(1, 5.0)), [listed])] == [id_of(0)]


def failing(count: int, *lines: Line) -> FakeJobs:
    """A server whose jobs all fail after 3 seconds."""
    return FakeJobs({id_of(number): life(1, 2, "failed", error_message="exit status 1") for number in range(count)}, lines)


def with_causes(driver: FakeDriver, ids: Any, timeout: float = 900.0, **options: Any) -> list[tuple[str, Result[Job]]]:
    """The results of a wait with `causes`."""
    waiting = WaitOptions(timeout=timeout, poll=PollPolicy(), **options)
    return [pair for _, pair in driver.stream(wait_many(settings(), {}, ids, waiting, causes=True))]


@pytest.mark.parametrize("count", [1, 5, 40])
def test_failed_jobs_have_the_error_from_their_log(count: int) -> None:
    """In their logs, which lag behind; others are as they are."""
    server = failing(count, Line(1, "Job execution error: the reactor is on fire", 3))
    server.lives[id_of(100)], server.lives[id_of(101)] = life(1, 2), life(1, 2, "cancelled")

    pairs = dict(with_causes(FakeDriver(server), [*server.lives]))

    assert [pairs[id_of(100)].unwrap().status, pairs[id_of(101)].unwrap().status] == ["completed", "cancelled"]
    for number in range(count):
        error = pairs[id_of(number)].error
        assert isinstance(error, JobFailed)
        assert (error.message, error.job_id) == ("the reactor is on fire", id_of(number))
        assert error.job is not None
        assert [line.message for line in error.log_tail] == ["Job execution error: the reactor is on fire"]


def test_without_causes_failed_jobs_are_jobs() -> None:
    """No log is read."""
    driver = FakeDriver(failing(3))

    assert [result.unwrap().status for _, result in pairs_of(driver, IDS[:3])] == ["failed"] * 3
    assert not [request for request in driver.requests if request.what.endswith("/logs")]


def test_a_log_without_the_cause_says_where_it_is() -> None:
    """As `run` does: the server's message and a hint."""
    ((_, result),) = with_causes(FakeDriver(failing(1)), [id_of(0)])

    assert isinstance(result.error, JobFailed)
    assert result.error.message == "exit status 1"
    assert str(result.error.hint).startswith("the text that the job threw is in its log, which this server did not show: ")


def test_a_log_that_cannot_be_read_for_a_while_is_read_later() -> None:
    """A fault that passes ends nothing: the cause is told when the log can be read again."""
    server = failing(3, Line(1, "Job execution error: no disk", 3))
    driver = FakeDriver(lambda request, clock: DOWN if request.path.endswith("/logs") and clock.seconds < 60 else server(request, clock))

    pairs = with_causes(driver, [*server.lives])

    assert [result.error and result.error.message for _, result in pairs] == ["no disk"] * 3
    assert 60 < driver.clock.seconds < 75


def test_a_cause_that_was_not_read_in_time_is_said_to_be_in_the_log() -> None:
    """The job has failed just before the end of the wait, and its log lags behind."""
    ((_, result),) = with_causes(FakeDriver(failing(1, Line(1, "Job execution error: no disk", 3, lag=5))), [id_of(0)], timeout=4.5)

    assert isinstance(result.error, JobFailed)
    assert result.error.hint == "the text that the job threw is in its log, which could not be read in time; call jobs.logs to read it"
    assert (result.error.job_id, result.error.job and result.error.job.status, result.meta.status) == (id_of(0), "failed", 200)


def test_causes_of_many_stay_below_the_rate_limit() -> None:
    """Two thousand failures: as many logs as the time allows, and a pair for each job."""
    server = failing(2000, Line(1, "Job execution error: no disk", 3))
    driver = FakeDriver(server)

    pairs = with_causes(driver, [*server.lives])

    assert Counter(job_id for job_id, _ in pairs) == Counter([*server.lives])
    messages = Counter(result.error.message for _, result in pairs if isinstance(result.error, JobFailed))
    assert messages.total() == 2000
    assert messages["no disk"] > 500
    assert all(per_minute(driver, start) <= 70 for start in range(60, 840, 60))


def test_each_change_is_reported() -> None:
    """Of each job, its end included, before its pair."""
    seen: list[tuple[str, str]] = []
    server = FakeJobs({id_of(0): life(3, 20), id_of(1): life(3, 40, "failed")})

    def on_progress(changed: Job) -> None:
        seen.append((changed.id, changed.status))

    pairs = with_causes(FakeDriver(server), [id_of(0), id_of(1)], on_progress=on_progress)

    assert [status for job_id, status in seen if job_id == id_of(0)] == ["pending", "running", "completed"]
    assert [status for job_id, status in seen if job_id == id_of(1)] == ["pending", "running", "failed"]
    assert len(pairs) == 2


@pytest.mark.parametrize("options", [{"causes": "yes"}, {"on_progress": 5}])
def test_bad_options_are_the_answer_for_each(options: dict[str, Any]) -> None:
    """As for the other arguments."""
    driver = FakeDriver(many(1, 5.0))
    options = dict(options)
    causes = options.pop("causes", False)
    stream = wait_many(settings(), {}, [id_of(0)], WaitOptions(timeout=9.0, poll=PollPolicy(), **options), causes=causes)

    ((_, (_, result)),) = driver.stream(stream)

    assert isinstance(result.error, InvalidInput)
    assert driver.requests == []
