"""`jobs.submit_many`: many submits, each once, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, Final, TypeAlias

import pytest
from attrs import define, field
from fluxbase_jobs import FluxbaseClient, InvalidInput, NotFound, RetryPolicy, ServerFailed, Submission

from tests.support.idempotent_server import KEY, KeepingServer, numbered
from tests.support.local_server import Answer, Request
from tests.support.styles import Connect

Item: TypeAlias = tuple[str, object] | Submission

PERSISTENT: Final = RetryPolicy(attempts=12, first_delay=0.001, max_delay=0.01)


@pytest.fixture
def keeper() -> Iterator[KeepingServer]:
    """A server that keeps keys and never fails."""
    with KeepingServer() as keeper:
        yield keeper


@pytest.fixture
def many(connect: Connect, keeper: KeepingServer) -> FluxbaseClient:
    """A client of it."""
    return connect(keeper.url, "eyJ.a-token")


def test_gives_each_item_with_its_result_in_order(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """Pairs and Submissions, as they were handed in."""
    items: list[Item] = [*numbered(10), Submission("scale", {"n": 10}, priority=3)]

    pairs = list(many.jobs.submit_many(items, concurrency=3))

    assert [item for item, _ in pairs] == items
    by_id = {job["id"]: job["payload"] for job in keeper.jobs}
    assert [by_id[result.unwrap().id] for _, result in pairs] == [{"n": number} for number in range(11)]
    assert [job.get("priority") for job in keeper.jobs if job["job_name"] == "scale"] == [3]
    assert len(set(keeper.keys())) == 11


def test_no_items_no_requests(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """An empty list is done at once."""
    assert list(many.jobs.submit_many(numbered(0))) == []
    assert keeper.asked == []


BAD: Final[list[Any]] = [
    ("no-such-function", {}),
    ("resize", {"n": float("nan")}),
    ("resize", [1]),
    ("", {}),
    ("resize",),
    ("resize", {}, "more"),
    "resize",
    None,
    Submission("resize", priority=2**40),
    Submission("resize", scheduled="tomorrow"),
]


def test_never_fails_as_a_whole(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """Each bad item has an error of its own, and the good ones between them are submitted."""
    keeper.unknown.add("no-such-function")
    good: Any = ("resize", {})
    items = [item for bad in BAD for item in (bad, good)]

    pairs = list(many.jobs.submit_many(items))

    assert [item for item, _ in pairs] == items
    assert [result.ok for _, result in pairs] == [False, True] * len(BAD)
    assert isinstance(pairs[0][1].error, NotFound)
    assert all(isinstance(result.error, InvalidInput) for _, result in pairs[2::2])


def test_a_server_that_fails_fails_each_item(connect: Connect) -> None:
    """Nobody is there: as many errors as items."""
    client = connect("http://127.0.0.1:9", retry=None)

    assert [result.ok for _, result in client.jobs.submit_many(numbered(5), concurrency=2)] == [False] * 5


def counted(items: Iterable[Any], read: list[Any]) -> Iterator[Any]:
    """The items; those that were read are noted."""
    for item in items:
        read.append(item)
        yield item


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_reads_at_most_so_many_items_ahead(many: FluxbaseClient, concurrency: int) -> None:
    """So a generator of any length fits."""
    read: list[Any] = []
    given = 0

    for _ in many.jobs.submit_many(counted(numbered(30), read), concurrency=concurrency):
        assert len(read) - given <= concurrency
        given += 1

    assert (given, len(read)) == (30, 30)


def test_nothing_is_read_or_sent_before_it_is_asked_for(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """And nothing more once the caller stops."""
    read: list[Any] = []
    pairs = many.jobs.submit_many(counted(numbered(30), read), concurrency=4)
    assert (read, keeper.asked) == ([], [])

    next(pairs)
    pairs.close()

    assert len(read) == len(keeper.asked) == 4


@define
class Crowded(KeepingServer):
    """Answers when so many requests are there at once, and notes how many there were at most."""

    crowd: int = 4
    inside: int = 0
    most: int = 0
    _door: threading.Condition = field(factory=threading.Condition)

    def answer_to(self, request: Request, planned: Answer) -> Answer:
        """Wait for the others."""
        with self._door:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self._door.notify_all()
            together = self._door.wait_for(lambda: self.most >= self.crowd, timeout=5)
            self.inside -= 1
        return super().answer_to(request, planned) if together else Answer(500)


def test_sends_so_many_at_once_and_no_more(connect: Connect) -> None:
    """Four requests meet in the server; a fifth never does."""
    with Crowded() as server:
        pairs = list(connect(server.url).jobs.submit_many(numbered(16), concurrency=4))

        assert all(result.ok for _, result in pairs)
        assert server.most == 4


def test_the_same_batch_again_submits_only_what_is_missing(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """A script that was cut off is run again."""
    cut_off = many.jobs.submit_many(numbered(20), concurrency=4, batch_key="import-7")
    assert [result.ok for _, result in islice(cut_off, 10)] == [True] * 10
    cut_off.close()
    before = len(keeper.jobs)

    pairs = list(many.jobs.submit_many(numbered(20), concurrency=4, batch_key="import-7"))

    assert 10 <= before < 20
    assert sorted(payload["n"] for payload in keeper.payloads()) == list(range(20))
    assert [result.meta.idempotency_replayed for _, result in pairs] == [True] * before + [False] * (20 - before)
    assert len({result.unwrap().id for _, result in pairs}) == 20


def test_another_batch_key_is_another_batch(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """And so is no key at all."""
    for batch_key in ("monday", "tuesday", None, None):
        list(many.jobs.submit_many(numbered(2), batch_key=batch_key))

    assert len(keeper.jobs) == 8


def test_an_items_own_key_counts_for_more_than_its_place(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """Then the order may change from run to run."""
    items = [Submission("resize", {"n": n}, idempotency_key=f"picture-{n}") for n in range(5)]

    list(many.jobs.submit_many(items, batch_key="import-7"))
    list(many.jobs.submit_many(reversed(items), batch_key="import-7"))

    assert len(keeper.jobs) == 5


def test_an_own_key_is_never_taken_for_a_place(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """Or one of the two jobs would be missing."""
    items: list[Item] = [Submission("resize", {}, idempotency_key="1"), ("resize", {})]

    list(many.jobs.submit_many(items, batch_key="import-7"))

    assert len(keeper.jobs) == 2


def test_long_keys_stay_different(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """A batch's and an item's may have 256 characters each; together they are more than a header takes."""
    items = [Submission("resize", {}, idempotency_key=f"{n:0256}") for n in range(3)]

    results = [result for _, result in many.jobs.submit_many(items, batch_key="k" * 256)]

    assert all(result.ok for result in results)
    assert len(keeper.jobs) == len(set(keeper.keys())) == 3


def test_without_a_batch_key_own_keys_are_sent_as_they_are(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """As by submit."""
    list(many.jobs.submit_many([Submission("resize", idempotency_key="order-7")]))

    assert keeper.keys() == ["order-7"]


@pytest.mark.parametrize("key", ["", "two words", "k" * 257])
def test_an_items_bad_key_is_the_items_error(many: FluxbaseClient, keeper: KeepingServer, key: str) -> None:
    """Also behind a batch key, where nothing at all would be a key for many."""
    items = [Submission("resize", idempotency_key=key)]

    for batch_key in (None, "import-7"):
        [(_, result)] = many.jobs.submit_many(items, batch_key=batch_key)
        assert isinstance(result.error, InvalidInput)
    assert keeper.asked == []


def test_a_delay_goes_badly_with_a_batch_key(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """It means another moment in each run, so other bytes under the same key."""
    items = [Submission("resize", scheduled=timedelta(hours=1))]

    [(_, refused)] = many.jobs.submit_many(items, batch_key="import-7")
    [(_, taken)] = many.jobs.submit_many(items)

    assert isinstance(refused.error, InvalidInput)
    assert "scheduled" in refused.error.message
    assert taken.ok
    assert len(keeper.jobs) == 1


def test_an_old_failure_comes_back_unless_it_is_to_be_retried(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """The function was not there yesterday; today it is, and the server replays its 404 for a day."""
    keeper.unknown.add("resize")
    list(many.jobs.submit_many(numbered(3), batch_key="import-7"))
    keeper.unknown.clear()

    again = [result for _, result in many.jobs.submit_many(numbered(3), batch_key="import-7")]
    anew = [result for _, result in many.jobs.submit_many(numbered(3), batch_key="import-7", retry_failed=True)]
    twice = [result for _, result in many.jobs.submit_many(numbered(3), batch_key="import-7", retry_failed=True)]

    assert all(isinstance(result.error, NotFound) and result.meta.idempotency_replayed for result in again)
    assert [result.ok for result in anew] == [True] * 3
    assert [result.unwrap().id for result in twice] == [result.unwrap().id for result in anew]
    assert len(keeper.jobs) == 3


def test_failures_are_sent_anew_as_often_as_it_takes(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """Each run that fails leaves one more key behind."""
    keeper.unknown.add("resize")
    for _ in range(4):
        [(_, failed)] = many.jobs.submit_many(numbered(1), batch_key="import-7", retry_failed=True)
        assert not failed.ok
    keeper.unknown.clear()

    [(_, result)] = many.jobs.submit_many(numbered(1), batch_key="import-7", retry_failed=True)

    assert result.ok
    assert len(keeper.jobs) == 1


def test_without_a_batch_key_no_item_gets_anothers_key(connect: Connect) -> None:
    """A fresh failure may come as a replay too, after a dropped connection; there is no old one then."""
    with KeepingServer(unknown={"resize"}) as server:
        server.fault_rate, server.seed = 0.4, 3
        client = connect(server.url, retry=PERSISTENT)
        list(client.jobs.submit_many(numbered(40), retry_failed=True))

        assert len({request.body for request in server.requests}) == len(set(server.keys())) == 40


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": 0},
        {"concurrency": 1001},
        {"concurrency": True},
        {"batch_key": ""},
        {"batch_key": "two words"},
        {"batch_key": "k" * 257},
        {"batch_key": 7},
        {"retry_failed": "yes"},
    ],
)
def test_refuses_options_that_make_no_sense(many: FluxbaseClient, options: dict[str, Any]) -> None:
    """At once and by name: there is no result to put it in."""
    with pytest.raises(InvalidInput, match=next(iter(options))):
        many.jobs.submit_many(numbered(1), **options)


def test_a_users_exception_is_the_users(connect: Connect, keeper: KeepingServer) -> None:
    """As it is, in both styles: from the items, and from a callable key."""

    def items() -> Iterator[Any]:
        yield from numbered(2)
        raise LookupError("the file ends here")

    def key() -> str:
        raise LookupError("no key in the vault")

    with pytest.raises(LookupError, match="ends here"):
        list(connect(keeper.url).jobs.submit_many(items(), concurrency=2))
    with pytest.raises(LookupError, match="vault"):
        list(connect(keeper.url, key).jobs.submit_many(numbered(3)))


@pytest.mark.parametrize("seed", [1, 2])
def test_two_hundred_jobs_over_a_bad_line(connect: Connect, seed: int) -> None:
    """Each fifth request is dropped, cut or refused: none is lost and none comes twice."""
    with KeepingServer(fault_rate=0.2, seed=seed) as server:
        pairs = list(connect(server.url, retry=PERSISTENT).jobs.submit_many(numbered(200), batch_key="import-7"))

        assert all(result.ok for _, result in pairs)
        assert sorted(payload["n"] for payload in server.payloads()) == list(range(200))
        assert server.faults > 20
        assert len({(request.headers[KEY], request.body) for request in server.requests}) == 200


def test_what_failed_on_a_bad_line_is_found_on_the_next_run(connect: Connect) -> None:
    """One attempt each; the batch is run until it is complete."""
    with KeepingServer(fault_rate=0.3) as server:
        client = connect(server.url, retry=None)
        runs = [[result.ok for _, result in client.jobs.submit_many(numbered(50), batch_key="import-7")] for _ in range(12)]

        assert not all(runs[0])
        assert all(map(any, zip(*runs, strict=True)))
        assert sorted(payload["n"] for payload in server.payloads()) == list(range(50))


def test_a_failure_of_the_server_is_sent_anew_by_itself(many: FluxbaseClient, keeper: KeepingServer) -> None:
    """It keeps no 5xx, so the next run needs no `retry_failed`."""
    keeper.fault_rate = 1.0
    [(_, failed)] = many.jobs.submit_many(numbered(1), batch_key="import-7", retry=None)
    keeper.fault_rate = 0.0

    [(_, result)] = many.jobs.submit_many(numbered(1), batch_key="import-7")

    assert not failed.ok
    assert not isinstance(failed.error, ServerFailed) or failed.error.status == 503
    assert result.ok
