"""`jobs.submit_many` after a server was killed in the middle of submits: their keys stay in progress, and their jobs are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from attrs import frozen
from fluxbase_jobs import Conflict, FluxbaseClient, Job, Result, RetryPolicy, Submission
from fluxbase_jobs._plans.exchange.stuck_keys import same_json
from fluxbase_jobs.emulator import function
from hypothesis import given
from hypothesis import strategies as st

from tests.support.servers.emulator_in_process import Running, serving
from tests.support.styles import Connect

KEY: Final = "night-4711"
TWICE: Final = RetryPolicy(attempts=2, first_delay=0.001, max_delay=0.001)


@function("resize")
def resize(payload: dict[str, Any], _: object) -> dict[str, Any]:
    """Do nothing."""
    return payload


@frozen
class Killed:
    """A server whose database looks as if it had been killed in the middle of some submits."""

    running: Running

    def change(self, statement: str, *values: object) -> int:
        """Change the database; how many rows."""
        assert self.running.emulator is not None
        return int(vars(self.running.emulator)["_database"].change(statement, values))

    def stick(self, *positions: int, key: str = KEY) -> None:
        """Forget the responses to these items."""
        for position in positions:
            statement = "UPDATE idempotency_keys SET state = 'processing', status = NULL, headers = NULL, body = NULL WHERE key = ?"
            assert self.change(statement, f"{key}#{position}") == 1

    def lose(self, job: Job) -> None:
        """Forget a job, as if the server had been killed before it was queued."""
        assert self.change("DELETE FROM jobs WHERE id = ?", job.id) == 1


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    """An emulator whose database the test may change."""
    with serving(resize) as running:
        yield running


@pytest.fixture
def server(emulator: Running) -> Killed:
    """An emulator without jobs and keys."""
    killed = Killed(emulator)
    killed.change("DELETE FROM jobs")
    killed.change("DELETE FROM idempotency_keys")
    return killed


@pytest.fixture
def client(connect: Connect, server: Killed) -> FluxbaseClient:
    """A client that tries twice."""
    return connect(server.running.url, server.running.user_key, retry=TWICE)


ITEMS: Final[list[Any]] = [("resize", {"n": number, "f": 1.0, "text": "größe"}) for number in range(6)]


def submitted(client: FluxbaseClient, items: list[Any] | None = None, **options: Any) -> list[Result[Job]]:
    """The results of the batch."""
    return [result for _, result in client.jobs.submit_many(items or ITEMS, batch_key=KEY, concurrency=2, **options)]


def listed(client: FluxbaseClient) -> set[str]:
    """The ids of all jobs of the server."""
    return {job.unwrap().id for job in client.jobs.iterate()}


@pytest.mark.parametrize("retry_failed", [False, True])
@pytest.mark.parametrize("stuck", [(0,), (3,), (5,), (0, 1, 2, 3, 4, 5)], ids=str)
def test_a_job_that_was_queued_is_found(client: FluxbaseClient, server: Killed, stuck: tuple[int, ...], retry_failed: bool) -> None:  # noqa: FBT001  # a parameter
    """By its name, payload and time: no second one is queued, and a note says how it was found."""
    before = [result.unwrap().id for result in submitted(client)]
    server.stick(*stuck)

    again = submitted(client, retry_failed=retry_failed)

    assert [result.unwrap().id for result in again] == before
    assert [bool(result.meta.notes) for result in again] == [position in stuck for position in range(6)]
    assert "only one" in again[stuck[0]].meta.notes[0]
    assert listed(client) == set(before)


@pytest.mark.parametrize("retry_failed", [False, True])
def test_a_job_that_was_not_queued_is_not_known(client: FluxbaseClient, server: Killed, retry_failed: bool) -> None:  # noqa: FBT001  # a parameter
    """Nothing is submitted in its place: the first request may still be running. The error says what is known."""
    before = [result.unwrap() for result in submitted(client)]
    server.stick(2)
    server.lose(before[2])

    again = submitted(client, retry_failed=retry_failed)

    error = again[2].error
    assert isinstance(error, Conflict)
    assert (error.code, error.retryable) == ("IDEMPOTENCY_REQUEST_IN_PROGRESS", False)
    assert "not queued as far as the list shows" in (error.hint or "")
    assert [result.ok for result in again] == [True, True, False, True, True, True]
    assert len(listed(client)) == 5


def test_items_that_are_the_same_have_a_job_each(client: FluxbaseClient, server: Killed) -> None:
    """A job that one of them has is not given to another; which of several is the right one is not guessed."""
    items: list[Any] = [("resize", {"n": 1}), ("resize", {"n": 2}), ("resize", {"n": 1}), ("resize", {"n": 1})]
    before = [result.unwrap() for result in submitted(client, items)]
    server.stick(3)

    last = submitted(client, items)

    assert [result.unwrap().id for result in last] == [job.id for job in before]

    server.stick(0)
    first = submitted(client, items)

    assert [result.ok for result in first] == [False, True, True, False]
    for stuck in (first[0], first[3]):
        assert stuck.error is not None
        assert sum(job.id in str(stuck.error.hint) for job in before) == 2
        assert "not known whether the job was queued" in str(stuck.error)
    assert len(listed(client)) == 4


def test_a_lost_jobs_item_takes_at_most_its_like(client: FluxbaseClient, server: Killed) -> None:
    """Two items are the same, and one of their jobs is lost: there is one job, so one of them has it."""
    items: list[Any] = [("resize", {"n": 1}), ("resize", {"n": 2}), ("resize", {"n": 1})]
    before = [result.unwrap() for result in submitted(client, items)]
    server.stick(0)
    server.lose(before[0])

    again = [result for _, result in client.jobs.submit_many(items, batch_key=KEY, concurrency=1)]

    assert [result.ok for result in again] == [True, True, False]
    assert again[0].unwrap().id == before[2].id
    assert f"job {before[2].id} was taken for that of item 0" in str(again[2].error)
    assert len(listed(client)) == 2


MOMENT: Final = datetime.now(UTC) + timedelta(days=3)


def test_priority_schedule_and_user_tell_jobs_apart(client: FluxbaseClient, server: Killed) -> None:
    """As much as the payload."""
    items = [
        Submission("resize", {"n": 1}),
        Submission("resize", {"n": 1}, priority=5),
        Submission("resize", {"n": 1}, scheduled=MOMENT),
        Submission("resize"),
        Submission("resize", {"n": 1}, namespace="default", priority=7),
    ]
    before = [result.unwrap().id for result in submitted(client, items)]
    server.stick(*range(5))

    assert [result.unwrap().id for result in submitted(client, items)] == before


def test_jobs_of_earlier_days_are_not_taken(client: FluxbaseClient, server: Killed) -> None:
    """A nightly batch has the same payloads: the key, and so the job, is at most a day old."""
    before = [result.unwrap() for result in submitted(client)]
    server.stick(2)
    server.change("UPDATE jobs SET created_at = created_at - 100000000000")

    again = submitted(client)

    assert [result.ok for result in again] == [True, True, False, True, True, True]
    assert len(listed(client)) == len(before)


def test_own_keys_are_looked_up_without_a_batch_key(client: FluxbaseClient, server: Killed) -> None:
    """They may be in progress for as long."""
    item = Submission("resize", {"n": 1}, idempotency_key="mine#0")
    job = next(iter(client.jobs.submit_many([item])))[1].unwrap()
    server.stick(0, key="mine")

    assert next(iter(client.jobs.submit_many([item])))[1].unwrap().id == job.id


def test_typed_batches_find_their_jobs(client: FluxbaseClient, server: Killed) -> None:
    """With the declared types."""
    resizing = client.jobs.define("resize", dict[str, int], dict[str, int])
    before = [result.unwrap().id for _, result in resizing.submit_many([{"n": 1}, {"n": 2}], batch_key=KEY)]
    server.stick(1)

    assert [result.unwrap().id for _, result in resizing.submit_many([{"n": 1}, {"n": 2}], batch_key=KEY)] == before


json_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(first=json_values, second=json_values)
def test_json_values_are_compared_as_the_server_keeps_them(first: Any, second: Any) -> None:
    """Python's equality, except that true is not 1."""
    assert same_json(first, first)
    if same_json(first, second):
        assert first == second


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1, 1.0, True),
        (-0.0, 0, True),
        (1e21, 10**21, True),
        (1, True, False),
        (0, False, False),
        ({}, None, False),
        ({"a": 1}, {"a": 2}, False),
    ],
)
def test_numbers_are_compared_by_value(first: Any, second: Any, same: bool) -> None:  # noqa: FBT001  # a parameter
    """PostgreSQL writes 1e21 as an integer."""
    assert same_json(first, second) is same
    assert same_json({"a": [first]}, {"a": [second]}) is same


def test_values_that_are_nested_too_deep_are_not_the_same() -> None:
    """Python cannot compare them, so nothing is taken for a match."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert same_json(deep, deep) is False
