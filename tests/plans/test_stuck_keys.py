"""The search for the job of a submit whose key stays in progress, on a fake server: how far it goes, what it takes, and what is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import pytest
from attrs import define, field
from fluxbase_jobs import Conflict, Job, Result, Submission
from fluxbase_jobs._plans.exchange.stuck_keys import MAX_PAGES, MAX_READS, PAGE_SIZE
from fluxbase_jobs._plans.submit_many import Batch, submissions
from fluxbase_jobs._transports.messages import RawResponse
from fluxbase_jobs.errors import FluxbaseError

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, at, reply, settings
from tests.support.sample_responses import JOB_ID, job

IN_PROGRESS: Final = reply(409, {"error": "Request In Progress", "code": "IDEMPOTENCY_REQUEST_IN_PROGRESS"})
DOWN: Final = reply(503, {"error": "down"})
USER: Final = "11111111-2222-4333-8444-555555555555"
HOUR: Final = 3600.0
STUCK: Final = "the first request with this idempotency key is still running, or the server was stopped during it"
ANOTHER_KEY: Final = "To submit it under another key may make a second job"


def id_of(number: int) -> str:
    """The id of a job."""
    return str(UUID(int=number))


def queued(number: int, created: float = -10.0, payload: Mapping[str, Any] | None = None, priority: int = 0) -> dict[str, Any]:
    """A job as it was queued, with what the item below submits unless the test says otherwise."""
    text = json.dumps({"n": 1} if payload is None else payload)
    return job(id=id_of(number), job_name="resize", created_at=at(created), payload=text, priority=priority)


@define
class Stopped:
    """A server that was stopped while it handled the submits under some keys, and repeats its answer to all others."""

    jobs: Sequence[dict[str, Any]]
    stuck: tuple[str, ...] = ("night#0",)
    repeated: Mapping[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    """The jobs of the other keys."""
    unreadable: tuple[str, ...] = ()
    list_fails_at: int | None = None
    """The offset of the page that cannot be read."""
    submit_takes: float = 0.0

    def __call__(self, request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        """Answer a submit, a page of the list, or a read."""
        if request.method == "POST":
            clock.pass_(self.submit_takes)
            key = request.headers["idempotency-key"]
            return IN_PROGRESS if key in self.stuck else reply(201, self.repeated[key], idempotency_replayed="true")
        if request.what == "GET /jobs":
            return self._page(int(request.query["offset"]), int(request.query["limit"]))
        (found,) = (each for each in self.jobs if request.path.endswith(each["id"]))
        return DOWN if found["id"] in self.unreadable else reply(200, found)

    def _page(self, start: int, size: int) -> RawResponse:
        if start == self.list_fails_at:
            return DOWN
        shown = [{key: value for key, value in each.items() if key != "payload"} for each in self.jobs[start : start + size]]
        return reply(200, {"jobs": shown or None})


ITEM: Final = Submission("resize", {"n": 1})


def submitted(server: Stopped, *items: Submission) -> tuple[list[Result[Job]], FakeDriver]:
    """The results of a batch whose items are submitted one after the other, a single attempt for each request."""
    driver = FakeDriver(server)
    batch = Batch(key="night", retry_failed=False)
    plans = submissions(settings(retry=None), {}, items or [ITEM], batch)
    return [driver.run(plan) for _, plan in plans], driver


def conflict(result: Result[Job]) -> Conflict:
    """The error of a stuck item: no other attempt will help, and its attempts are those of the whole search."""
    assert isinstance(result.error, Conflict)
    assert (result.error.message, result.error.retryable) == (STUCK, False)
    assert result.error.attempts == result.meta.attempts
    return result.error


def test_a_job_that_is_found_says_how_and_what_it_took() -> None:
    """The submit, a page and a read of the one job: three requests, and the note is that of the result."""
    ((result,), driver) = submitted(Stopped([queued(1)]))

    assert result.unwrap().id == id_of(1)
    assert result.unwrap().payload == {"n": 1}
    assert (result.meta.attempts, len(driver.requests)) == (3, 3)
    (note,) = result.meta.notes
    assert note == (
        "the server was stopped while it handled this submit, and answers no more to its idempotency key: the job was found by its name, "
        "priority, schedule, payload and time, as the only one among 1 jobs like it since 2029-12-30T23:00:00+00:00"
    )


def test_only_the_jobs_of_the_same_name_are_listed() -> None:
    """Of two hundred a page."""
    _, driver = submitted(Stopped([queued(1)]))

    assert driver.requests[1].query == {"job_name": "resize", "limit": "200", "offset": "0"}


def test_several_jobs_that_are_like_it_are_named() -> None:
    """Two are enough to see that one cannot be told from the other."""
    ((result,), driver) = submitted(Stopped([queued(number) for number in (1, 2, 3)]))

    error = conflict(result)
    assert error.hint == (
        f"it is not known whether the job was queued: several jobs are like it, {id_of(1)} and {id_of(2)} among them. {ANOTHER_KEY}"
    )
    assert (error.attempts, len(driver.requests)) == (4, 4)


def test_a_job_that_is_not_there_is_said_to_be_absent() -> None:
    """Though others have its name: with another payload each."""
    ((result,), _) = submitted(Stopped([queued(number, payload={"n": number}) for number in (2, 3)]))

    error = conflict(result)
    assert (error.code, error.attempts) == ("IDEMPOTENCY_REQUEST_IN_PROGRESS", 4)
    assert error.hint == (
        "the job was not queued as far as the list shows: none of 2 jobs like it since 2029-12-30T23:00:00+00:00 is it. The key answers "
        "this for 24 hours; to submit the item again, make sure that no request with the key is still running, and use another key"
    )


@pytest.mark.parametrize(("offset", "requests"), [(0, 2), (PAGE_SIZE, 3)])
def test_a_list_that_cannot_be_read_says_nothing_of_the_job(offset: int, requests: int) -> None:
    """Its first page or a later one: the submit's own answer is the result, with what was sent in all."""
    ((result,), driver) = submitted(Stopped([queued(number) for number in range(300)], list_fails_at=offset))

    error = conflict(result)
    assert error.hint == f"it is not known whether the job was queued: the list could not be read: down. {ANOTHER_KEY}"
    assert (error.status, result.meta.status) == (409, 409)
    assert (error.attempts, len(driver.requests)) == (requests, requests)


def test_jobs_that_could_not_be_read_may_be_it() -> None:
    """None of those that were read is it: two of three could not be."""
    others = [queued(number, payload={"n": number}) for number in (2, 3, 4)]
    ((result,), driver) = submitted(Stopped(others, unreadable=(id_of(2), id_of(4))))

    assert conflict(result).hint == (
        f"it is not known whether the job was queued: none of 1 jobs that were read is it, but there are more. {ANOTHER_KEY}"
    )
    assert result.meta.attempts == len(driver.requests) == 5


def test_so_many_jobs_are_read_for_one_item() -> None:
    """The server allows 100 requests a minute: what is behind them may be it."""
    others = [queued(number, payload={"n": number}) for number in range(2, MAX_READS + 4)]
    ((result,), driver) = submitted(Stopped(others))

    assert f"none of {MAX_READS} jobs that were read is it, but there are more" in str(conflict(result).hint)
    assert len(driver.requests) == MAX_READS + 2


def test_as_many_jobs_as_may_be_read_leave_no_doubt() -> None:
    """None is left out, so the job is absent."""
    others = [queued(number, payload={"n": number}) for number in range(2, MAX_READS + 2)]
    ((result,), _) = submitted(Stopped(others))

    assert f"none of {MAX_READS} jobs like it" in str(conflict(result).hint)


@pytest.mark.parametrize(
    ("count", "pages", "complete"), [(199, 1, True), (200, 2, True), (201, 2, True), (1000, 5, False), (1300, 5, False)]
)
def test_the_list_is_read_so_far(count: int, pages: int, *, complete: bool) -> None:
    """Page after page, five at most; only a list that was read to its end shows that a job is absent."""
    assert (PAGE_SIZE, MAX_PAGES) == (200, 5)
    ((result,), driver) = submitted(Stopped([queued(number, priority=3) for number in range(count)]))

    assert [int(request.query["offset"]) for request in driver.requests[1:]] == [200 * number for number in range(pages)]
    assert ("not queued as far as the list shows" in str(conflict(result).hint)) is complete
    assert ("there are more" in str(result.error and result.error.hint)) is not complete


def test_pages_of_earlier_days_are_not_read() -> None:
    """The list is the newest first, and the key is a day old at most: the first page that goes beyond that is the last one."""
    jobs = [queued(0, payload={"n": 2}), *(queued(number, -26 * HOUR) for number in range(1, 900))]
    ((result,), driver) = submitted(Stopped(jobs))

    assert len([request for request in driver.requests if request.what == "GET /jobs"]) == 1
    assert "none of 1 jobs like it" in str(conflict(result).hint)


def test_the_neighbours_job_says_where_to_look_first() -> None:
    """Jobs of one batch were queued one after the other: of more jobs than may be read, those next to the neighbour's are."""
    like = [queued(number, -number, payload={"n": 2}) for number in range(100, 200)]
    like[70] = queued(170, -170.0)
    neighbour = queued(9, -171.0, payload={"n": 9})
    server = Stopped(like, stuck=("night#1",), repeated={"night#0": neighbour})

    (_, result), driver = submitted(server, Submission("resize", {"n": 9}), ITEM)

    assert result.unwrap().id == id_of(170)
    assert driver.requests[3].path.endswith(id_of(171))
    assert driver.requests[4].path.endswith((id_of(170), id_of(172)))


def test_nothing_is_taken_that_is_older_than_the_batch() -> None:
    """Where an earlier run's job is known: its clock is the server's, so five minutes are enough."""
    neighbour = queued(9, -HOUR, payload={"n": 9})
    older = queued(1, -HOUR - 301)
    server = Stopped([older], stuck=("night#1",), repeated={"night#0": neighbour})

    (_, result), _ = submitted(server, Submission("resize", {"n": 9}), ITEM)

    assert "none of 0 jobs like it since 2029-12-31T22:55:00+00:00 is it" in str(conflict(result).hint)


def test_the_job_of_an_item_is_not_that_of_another() -> None:
    """It is in the list, and has the same payload: but it is the first item's."""
    server = Stopped([queued(1)], stuck=("night#1",), repeated={"night#0": queued(1)})

    (first, result), driver = submitted(server, ITEM, ITEM)

    assert first.unwrap().id == id_of(1)
    assert "none of 0 jobs like it" in str(conflict(result).hint)
    assert len(driver.requests) == 3


def test_a_job_that_was_taken_for_another_items_is_in_doubt() -> None:
    """The first item's key was stuck, so the job was given to it; then the server says that it is the second one's."""
    server = Stopped([queued(1)], repeated={"night#1": queued(1)})

    (first, second), _ = submitted(server, ITEM, ITEM)

    assert first.unwrap().id == id_of(1)
    assert isinstance(second.error, Conflict)
    assert second.error.message == (
        f"it is not known whether the job was queued: its job {id_of(1)} was taken for that of item 0, which is the same and whose key is "
        f"stuck. {ANOTHER_KEY}"
    )
    assert (second.error.job_id, second.error.attempts, second.meta.attempts, second.meta.status) == (id_of(1), 1, 1, 201)


DUE: Final = "2030-06-01T00:00:00Z"
FULL: Final = Submission("resize", {"n": 1}, namespace="media", priority=5, scheduled=DUE, on_behalf_of=USER)
ALIKE: Final[dict[str, Any]] = {"namespace": "media", "scheduled_at": DUE, "created_by": USER}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"scheduled_at": "2030-06-01T02:00:00+02:00"}, True),
        ({"job_name": "scale"}, False),
        ({"namespace": "default"}, False),
        ({"priority": 4}, False),
        ({"scheduled_at": None}, False),
        ({"scheduled_at": "2030-06-01T00:00:01Z"}, False),
        ({"created_by": JOB_ID}, False),
    ],
    ids=str,
)
def test_all_that_was_submitted_has_to_agree(changes: dict[str, Any], *, found: bool) -> None:
    """A job that differs in one thing is another one, and is not even read."""
    listed = {**queued(1), "priority": 5, **ALIKE, **changes}

    ((result,), driver) = submitted(Stopped([listed]), FULL)

    assert result.ok is found
    assert len(driver.requests) == (3 if found else 2)


def test_what_was_not_submitted_may_be_anything() -> None:
    """The server chooses the namespace and the user; a priority of none is 0."""
    listed = {**queued(1), "namespace": "media", "created_by": USER}

    assert submitted(Stopped([listed]))[0][0].ok
    assert not submitted(Stopped([{**listed, "priority": 1}]))[0][0].ok
    assert not submitted(Stopped([{**listed, "scheduled_at": DUE}]))[0][0].ok


def test_the_search_has_the_whole_time_of_a_call() -> None:
    """The server took nearly all of it for the submit."""
    ((result,), driver) = submitted(Stopped([queued(1)], submit_takes=89.9))

    assert result.ok
    assert [request.timeout for request in driver.requests] == [30.0, 30.0, 30.0]


def test_a_job_that_another_item_gets_meanwhile_is_not_given_twice() -> None:
    """While it is read for the first item, the server says that it is the second one's."""
    server = Stopped([queued(1)], repeated={"night#1": queued(1)})
    batch = Batch(key="night", retry_failed=False)
    (_, first), (_, second) = submissions(settings(retry=None), {}, [ITEM, ITEM], batch)
    results: list[Result[Job]] = []

    def meanwhile(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        if request.path.endswith(id_of(1)):
            results.append(FakeDriver(server).run(second))
        return server(request, clock)

    stuck = FakeDriver(meanwhile).run(first)

    assert results[0].unwrap().id == id_of(1)
    assert "none of 1 jobs like it" in str(conflict(stuck).hint)
