"""`jobs.submit_many`: many submits, each once, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final, TypeAlias

import anyio
import pytest
from attrs import define, field
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, InvalidInput, NotFound, RetryPolicy, ServerFailed, Submission

from tests.support.idempotent_server import KEY, KeepingServer, numbered
from tests.support.local_server import Answer, LocalServer, Request
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


class Detached(Mapping[str, object]):
    """A payload whose reading raises, as a database row's does once its session is closed."""

    def __getitem__(self, key: str) -> object:
        raise RuntimeError("secret-value: the row is detached")

    def __iter__(self) -> Iterator[str]:
        return iter(["id"])

    def __len__(self) -> int:
        return 1


class Hostile(Submission):
    """A submission whose attributes raise."""

    def __getattribute__(self, name: str) -> Any:
        if name == "priority":
            raise LookupError("secret-value: no priority")
        return super().__getattribute__(name)


class Nothing:
    """An item that cannot even be asked what it is."""

    def __getattribute__(self, name: str) -> Any:
        raise OSError("secret-value")


BAD_ITEMS: Final[dict[str, Callable[[], Any]]] = {
    "a payload": lambda: ("resize", Detached()),
    "a value in it": lambda: ("resize", {"row": Detached()}),
    "a submission": lambda: Hostile("resize"),
    "an item": Nothing,
}


@pytest.mark.parametrize("kind", BAD_ITEMS)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_an_item_that_raises_loses_nothing_beside_it(many: FluxbaseClient, keeper: KeepingServer, kind: str, concurrency: int) -> None:
    """It has an error in its own place, which does not quote what it raised."""
    good: Any = ("resize", {})

    results = [result for _, result in many.jobs.submit_many([good, BAD_ITEMS[kind](), good], concurrency=concurrency)]

    assert [result.ok for result in results] == [True, False, True]
    assert isinstance(results[1].error, InvalidInput)
    assert "secret-value" not in str(results[1].error)
    assert len(keeper.jobs) == 2


@pytest.mark.parametrize("count", [0, 3, 20])
def test_what_was_submitted_is_told_before_the_items_exception(many: FluxbaseClient, keeper: KeepingServer, count: int) -> None:
    """The iterator raises midway: first the results, then the exception with a note of how many went through."""

    def items() -> Iterator[Any]:
        yield from numbered(count)
        raise LookupError("the file ends here")

    told: list[Any] = []
    with pytest.raises(LookupError, match="ends here") as caught:
        for _, result in many.jobs.submit_many(items(), concurrency=4, batch_key="import-7"):
            told.append(result.unwrap())  # noqa: PERF401  # an exception would lose a comprehension's list

    assert len(told) == len(keeper.jobs) == count
    (note,) = caught.value.__notes__
    assert f"{count} jobs were submitted" in note
    assert "same batch_key" in note


def test_what_was_submitted_is_told_before_a_callbacks_exception(connect: Connect, keeper: KeepingServer) -> None:
    """A callable key that raises at its fifth call, and an `on_progress` that raises at its second."""
    calls = iter(range(5))

    def key() -> str:
        if next(calls, None) is None:
            raise LookupError("no key in the vault")
        return "eyJ.a-token"

    def on_progress(done: int, _: int | None) -> None:
        if done == 2:
            raise LookupError("the window is closed")

    for client, options in ((connect(keeper.url, key), {}), (connect(keeper.url), {"on_progress": on_progress})):
        keeper.jobs.clear()
        told: list[Any] = []
        with pytest.raises(LookupError):
            for _, result in client.jobs.submit_many(numbered(20), concurrency=3, **options):  # type: ignore[arg-type]  # options
                told.append(result.unwrap().id)  # noqa: PERF401  # as above
        assert sorted(told) == sorted(job["id"] for job in keeper.jobs)
        assert 2 <= len(told) < 20


def test_tells_how_far_it_is(many: FluxbaseClient) -> None:
    """The number of pairs so far, and of all items where they can be counted."""
    seen: list[tuple[int, int | None]] = []

    list(many.jobs.submit_many(numbered(3), on_progress=lambda done, total: seen.append((done, total))))
    list(many.jobs.submit_many(iter(numbered(1)), on_progress=lambda done, total: seen.append((done, total))))

    assert seen == [(1, 3), (2, 3), (3, 3), (1, None)]
    with pytest.raises(InvalidInput, match="on_progress"):
        many.jobs.submit_many(numbered(1), on_progress=5)  # type: ignore[arg-type]  # on purpose


@define
class Holding(KeepingServer):
    """Holds back the answer for item 1 until `until` requests have come, or it is released."""

    until: int = 3
    released: threading.Event = field(factory=threading.Event)

    def answer_to(self, request: Request, planned: Answer) -> Answer:
        """Wait where the test says so."""
        if len(self.requests) >= self.until:
            self.released.set()
        if request.json()["payload"]["n"] == 1 and not self.released.wait(timeout=20):
            return Answer(500)
        return super().answer_to(request, planned)


def test_the_window_moves(connect: Connect) -> None:
    """With two at once, the third item is sent while the second one is still without an answer."""
    with Holding() as server:
        pairs = list(connect(server.url).jobs.submit_many(numbered(4), concurrency=2))

    assert [result.ok for _, result in pairs] == [True] * 4


@define
class Silent(LocalServer):
    """Answers 503 once it is released."""

    released: threading.Event = field(factory=threading.Event)
    met: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))

    def answer_to(self, request: Request, planned: Answer) -> Answer:  # noqa: ARG002  # as the base class has it
        """Wait for the release."""
        self.met.release()
        self.released.wait(timeout=20)
        return Answer(503)


def test_an_interrupted_batch_sends_nothing_new(connect: Connect) -> None:
    """Ctrl-C while four requests are without an answer: no retry follows, and the note says how to go on."""
    with Silent() as server:

        def items() -> Iterator[Any]:
            yield from numbered(3)
            for _ in range(3 if connect.style == "sync" else 0):
                server.met.acquire(timeout=20)
            raise KeyboardInterrupt

        client = connect(server.url, retry=PERSISTENT)
        with pytest.raises(KeyboardInterrupt) as caught:
            list(client.jobs.submit_many(items(), concurrency=8))
        sent = len(server.requests)
        server.released.set()
        for thread in threading.enumerate():
            if thread.name == "fluxbase-jobs":
                thread.join(timeout=20)

    assert len(server.requests) == sent <= 3
    (note,) = caught.value.__notes__
    assert "0 jobs were submitted" in note
    assert "batch_key" in note


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_batch_stops(backend: str) -> None:
    """Under asyncio and trio: nothing new is sent, and the exception has its note."""

    async def main(server: Silent) -> list[str]:
        async with AsyncFluxbaseClient(server.url, retry=PERSISTENT) as client:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:

                    async def cancel_once_sent() -> None:
                        for _ in range(3):
                            await anyio.to_thread.run_sync(server.met.acquire)
                        scope.cancel()

                    tasks.start_soon(cancel_once_sent)
                    try:
                        async for _ in client.jobs.submit_many(numbered(9), concurrency=3, batch_key="import-7"):
                            pass
                    except anyio.get_cancelled_exc_class() as error:
                        notes = list(error.__notes__)
                        raise
        return notes

    with Silent() as server:
        (note,) = anyio.run(main, server, backend=backend)
        sent = len(server.requests)
        server.released.set()

    assert sent == len(server.requests) == 3
    assert "3 requests had no response" in note


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_batch_works_under_each_event_loop(keeper: KeepingServer, backend: str) -> None:
    """Results in order, an `on_progress` that is awaited, and no task left over."""
    seen: list[int] = []

    async def on_progress(done: int, _: int | None) -> None:
        await anyio.sleep(0)
        seen.append(done)

    async def main() -> list[Any]:
        async with AsyncFluxbaseClient(keeper.url) as client:
            return [item async for item, _ in client.jobs.submit_many(numbered(20), concurrency=3, on_progress=on_progress)]

    assert anyio.run(main, backend=backend) == numbered(20)
    assert seen == list(range(1, 21))
