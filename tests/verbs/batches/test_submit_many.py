"""`jobs.submit_many`: many submits, each exactly once, whatever fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final, TypeAlias

import anyio
import anyio.lowlevel
import pytest
from attrs import define, field
from fluxbase_jobs import AsyncFluxbaseClient, Err, FluxbaseClient, InvalidInput, NotFound, Ok, RetryPolicy, ServerFailed, Submission
from fluxbase_jobs._plans.submit_many import BatchReport

from tests.support.servers.idempotent_server import KEY, IdempotentServer, numbered_items
from tests.support.servers.local_server import Answer, LocalServer, Request
from tests.support.styles import Connect

Item: TypeAlias = tuple[str, object] | Submission

PERSISTENT: Final = RetryPolicy(attempts=12, first_delay=0.001, max_delay=0.01)


@pytest.fixture
def idempotent_server() -> Iterator[IdempotentServer]:
    """A server that handles idempotency keys and never fails."""
    with IdempotentServer() as idempotent_server:
        yield idempotent_server


@pytest.fixture
def client(connect: Connect, idempotent_server: IdempotentServer) -> FluxbaseClient:
    """A client of this server."""
    return connect(idempotent_server.url, "eyJ.a-token")


def test_yields_each_item_with_its_result_in_order(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """Items may be pairs or Submissions, and are yielded unchanged."""
    items: list[Item] = [*numbered_items(10), Submission("scale", {"n": 10}, priority=3)]

    pairs = list(client.jobs.submit_many(items, concurrency=3))

    assert [item for item, _ in pairs] == items
    by_id = {job["id"]: job["payload"] for job in idempotent_server.jobs}
    assert [by_id[result.unwrap().id] for _, result in pairs] == [{"n": number} for number in range(11)]
    assert [job.get("priority") for job in idempotent_server.jobs if job["job_name"] == "scale"] == [3]
    assert len(set(idempotent_server.keys())) == 11


def test_no_items_send_no_requests(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """The iteration ends at once."""
    assert list(client.jobs.submit_many(numbered_items(0))) == []
    assert idempotent_server.request_lines == []


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


def test_invalid_items_have_their_own_errors(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """The valid items are submitted."""
    idempotent_server.unknown.add("no-such-function")
    good: Any = ("resize", {})
    items = [item for bad in BAD for item in (bad, good)]

    pairs = list(client.jobs.submit_many(items))

    assert [item for item, _ in pairs] == items
    assert [result.ok for _, result in pairs] == [False, True] * len(BAD)
    assert isinstance(pairs[0][1].error, NotFound)
    assert all(isinstance(result.error, InvalidInput) for _, result in pairs[2::2])


def test_unreachable_server_fails_each_item(connect: Connect) -> None:
    """Each item has its own error."""
    client = connect("http://127.0.0.1:9", retry=None)

    assert [result.ok for _, result in client.jobs.submit_many(numbered_items(5), concurrency=2)] == [False] * 5


def recording(items: Iterable[Any], read: list[Any]) -> Iterator[Any]:
    """Yield the items, and record those that were read."""
    for item in items:
        read.append(item)
        yield item


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_reads_few_items_ahead(client: FluxbaseClient, concurrency: int) -> None:
    """So a generator may be of any length."""
    read: list[Any] = []
    given = 0

    for _ in client.jobs.submit_many(recording(numbered_items(30), read), concurrency=concurrency):
        assert len(read) - given <= concurrency
        given += 1

    assert (given, len(read)) == (30, 30)


def test_items_are_read_and_sent_on_demand(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """Nothing before the first item is requested, and nothing after the caller stops."""
    read: list[Any] = []
    pairs = client.jobs.submit_many(recording(numbered_items(30), read), concurrency=4)
    assert (read, idempotent_server.request_lines) == ([], [])

    next(pairs)
    pairs.close()

    sent = len(idempotent_server.request_lines)
    assert 1 <= sent <= len(read) == 4  # a thread may not have begun when the caller stops


@define
class Crowded(IdempotentServer):
    """A server that responds when a number of requests has arrived, and records how many were open at most."""

    crowd: int = 4
    inside: int = 0
    most: int = 0
    _door: threading.Condition = field(factory=threading.Condition)

    def answer_to(self, request: Request, planned: Answer) -> Answer:
        """Wait for the other requests."""
        with self._door:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self._door.notify_all()
            together = self._door.wait_for(lambda: self.most >= self.crowd, timeout=5)
            self.inside -= 1
        return super().answer_to(request, planned) if together else Answer(500)


def test_concurrency_limits_open_requests(connect: Connect) -> None:
    """Four requests are open at the same time, and never a fifth."""
    with Crowded() as server:
        pairs = list(connect(server.url).jobs.submit_many(numbered_items(16), concurrency=4))

        assert all(result.ok for _, result in pairs)
        assert server.most == 4


def test_repeated_batch_submits_only_missing_items(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """As after a script was interrupted."""
    cut_off = client.jobs.submit_many(numbered_items(20), concurrency=4, batch_key="import-7")
    assert [result.ok for _, result in islice(cut_off, 10)] == [True] * 10
    cut_off.close()
    before = len(idempotent_server.jobs)

    pairs = list(client.jobs.submit_many(numbered_items(20), concurrency=4, batch_key="import-7"))

    assert 10 <= before < 20
    assert sorted(payload["n"] for payload in idempotent_server.payloads()) == list(range(20))
    assert [result.meta.idempotency_replayed for _, result in pairs] == [True] * before + [False] * (20 - before)
    assert len({result.unwrap().id for _, result in pairs}) == 20


def test_other_batch_key_submits_again(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """And so does no key."""
    for batch_key in ("monday", "tuesday", None, None):
        list(client.jobs.submit_many(numbered_items(2), batch_key=batch_key))

    assert len(idempotent_server.jobs) == 8


def test_key_of_an_item_replaces_its_position(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """The order of the items may then change between runs."""
    items = [Submission("resize", {"n": n}, idempotency_key=f"picture-{n}") for n in range(5)]

    list(client.jobs.submit_many(items, batch_key="import-7"))
    list(client.jobs.submit_many(reversed(items), batch_key="import-7"))

    assert len(idempotent_server.jobs) == 5


def test_key_of_an_item_never_equals_a_position(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """Otherwise one of two jobs would be missing."""
    items: list[Item] = [Submission("resize", {}, idempotency_key="1"), ("resize", {})]

    list(client.jobs.submit_many(items, batch_key="import-7"))

    assert len(idempotent_server.jobs) == 2


def test_long_keys_stay_distinct(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """Batch key and item key may have 256 characters each, which together is too long for the header."""
    items = [Submission("resize", {}, idempotency_key=f"{n:0256}") for n in range(3)]

    results = [result for _, result in client.jobs.submit_many(items, batch_key="k" * 256)]

    assert all(result.ok for result in results)
    assert len(idempotent_server.jobs) == len(set(idempotent_server.keys())) == 3


def test_item_keys_are_unchanged_without_batch_key(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """As by `submit`."""
    list(client.jobs.submit_many([Submission("resize", idempotency_key="order-7")]))

    assert idempotent_server.keys() == ["order-7"]


@pytest.mark.parametrize("key", ["", "two words", "k" * 257])
def test_invalid_key_of_an_item_is_its_error(client: FluxbaseClient, idempotent_server: IdempotentServer, key: str) -> None:
    """Also with a batch key, where an empty key would be the same for several items."""
    items = [Submission("resize", idempotency_key=key)]

    for batch_key in (None, "import-7"):
        [(_, result)] = client.jobs.submit_many(items, batch_key=batch_key)
        assert isinstance(result.error, InvalidInput)
    assert idempotent_server.request_lines == []


def test_timedelta_is_refused_with_batch_key(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """It is another time in each run, and thus another body for the same key."""
    items = [Submission("resize", scheduled=timedelta(hours=1))]

    [(_, refused)] = client.jobs.submit_many(items, batch_key="import-7")
    [(_, taken)] = client.jobs.submit_many(items)

    assert isinstance(refused.error, InvalidInput)
    assert "scheduled" in refused.error.message
    assert taken.ok
    assert len(idempotent_server.jobs) == 1


def test_retry_failed_replaces_replayed_failures(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """The server replays a 404 for a day, although the function exists today."""
    idempotent_server.unknown.add("resize")
    list(client.jobs.submit_many(numbered_items(3), batch_key="import-7"))
    idempotent_server.unknown.clear()

    again = [result for _, result in client.jobs.submit_many(numbered_items(3), batch_key="import-7")]
    retried = [result for _, result in client.jobs.submit_many(numbered_items(3), batch_key="import-7", retry_failed=True)]
    twice = [result for _, result in client.jobs.submit_many(numbered_items(3), batch_key="import-7", retry_failed=True)]

    assert all(isinstance(result.error, NotFound) and result.meta.idempotency_replayed for result in again)
    assert [result.ok for result in retried] == [True] * 3
    assert [result.unwrap().id for result in twice] == [result.unwrap().id for result in retried]
    assert len(idempotent_server.jobs) == 3


def test_retry_failed_works_again_and_again(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """Each failed run uses one more key."""
    idempotent_server.unknown.add("resize")
    for _ in range(4):
        [(_, failed)] = client.jobs.submit_many(numbered_items(1), batch_key="import-7", retry_failed=True)
        assert not failed.ok
    idempotent_server.unknown.clear()

    [(_, result)] = client.jobs.submit_many(numbered_items(1), batch_key="import-7", retry_failed=True)

    assert result.ok
    assert len(idempotent_server.jobs) == 1


def test_replayed_failure_without_batch_key_is_final(connect: Connect) -> None:
    """It can be the item's own failure, replayed after a dropped connection."""
    with IdempotentServer(unknown={"resize"}) as server:
        server.fault_rate, server.seed = 0.4, 3
        client = connect(server.url, retry=PERSISTENT)
        list(client.jobs.submit_many(numbered_items(40), retry_failed=True))

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
def test_invalid_options_raise(client: FluxbaseClient, options: dict[str, Any]) -> None:
    """At once and by name, because there is no result to return them in."""
    with pytest.raises(InvalidInput, match=f"^{next(iter(options))} must "):
        client.jobs.submit_many(numbered_items(1), **options)


def test_exceptions_of_user_code_propagate(connect: Connect, idempotent_server: IdempotentServer) -> None:
    """From the items and from a callable key, in both styles."""

    def items() -> Iterator[Any]:
        yield from numbered_items(2)
        raise LookupError("the file ends here")

    def key() -> str:
        raise LookupError("no key in the vault")

    with pytest.raises(LookupError, match="ends here"):
        list(connect(idempotent_server.url).jobs.submit_many(items(), concurrency=2))
    with pytest.raises(LookupError, match="vault"):
        list(connect(idempotent_server.url, key).jobs.submit_many(numbered_items(3)))


@pytest.mark.parametrize("seed", [1, 2])
def test_two_hundred_jobs_over_an_unreliable_connection(connect: Connect, seed: int) -> None:
    """Every fifth request fails; no job is missing and none is duplicated."""
    with IdempotentServer(fault_rate=0.2, seed=seed) as server:
        pairs = list(connect(server.url, retry=PERSISTENT).jobs.submit_many(numbered_items(200), batch_key="import-7"))

        assert all(result.ok for _, result in pairs)
        assert sorted(payload["n"] for payload in server.payloads()) == list(range(200))
        assert server.faults > 20
        assert len({(request.headers[KEY], request.body) for request in server.requests}) == 200


def test_failed_items_succeed_in_the_next_run(connect: Connect) -> None:
    """With one attempt per item, the batch is repeated until it is complete."""
    with IdempotentServer(fault_rate=0.3) as server:
        client = connect(server.url, retry=None)
        runs = [[result.ok for _, result in client.jobs.submit_many(numbered_items(50), batch_key="import-7")] for _ in range(12)]

        assert not all(runs[0])
        assert all(map(any, zip(*runs, strict=True)))
        assert sorted(payload["n"] for payload in server.payloads()) == list(range(50))


def test_5xx_is_sent_again_without_retry_failed(client: FluxbaseClient, idempotent_server: IdempotentServer) -> None:
    """The server does not store it."""
    idempotent_server.fault_rate = 1.0
    [(_, failed)] = client.jobs.submit_many(numbered_items(1), batch_key="import-7", retry=None)
    idempotent_server.fault_rate = 0.0

    [(_, result)] = client.jobs.submit_many(numbered_items(1), batch_key="import-7")

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
    """An item whose class cannot be read."""

    def __getattribute__(self, name: str) -> Any:
        raise OSError("secret-value")


BAD_ITEMS: Final[dict[str, Callable[[], Any]]] = {
    "payload cannot be read: RuntimeError": lambda: ("resize", Detached()),
    "payload.row cannot be read: RuntimeError": lambda: ("resize", {"row": Detached()}),
    "items[1] must be readable; reading it raised LookupError": lambda: Hostile("resize"),
    "items[1] must be a tuple of a job name and a payload, or a Submission": Nothing,
}
"""By the message."""


@pytest.mark.parametrize("message", BAD_ITEMS)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_an_item_that_raises_loses_nothing_beside_it(
    client: FluxbaseClient, idempotent_server: IdempotentServer, message: str, concurrency: int
) -> None:
    """It has an error in its own place, which does not quote what it raised."""
    good: Any = ("resize", {})

    results = [result for _, result in client.jobs.submit_many([good, BAD_ITEMS[message](), good], concurrency=concurrency)]

    assert [result.ok for result in results] == [True, False, True]
    assert isinstance(results[1].error, InvalidInput)
    assert (results[1].error.message, results[1].error.hint) == (message, None)
    assert len(idempotent_server.jobs) == 2


@pytest.mark.parametrize("count", [0, 3, 20])
def test_what_was_submitted_is_told_before_the_items_exception(
    client: FluxbaseClient, idempotent_server: IdempotentServer, count: int
) -> None:
    """The iterator raises midway: first the results, then the exception with a note of how many went through."""

    def items() -> Iterator[Any]:
        yield from numbered_items(count)
        raise LookupError("the file ends here")

    received: list[Any] = []
    with pytest.raises(LookupError, match="ends here") as caught:
        received.extend(result.unwrap() for _, result in client.jobs.submit_many(items(), concurrency=4, batch_key="import-7"))

    assert len(received) == len(idempotent_server.jobs) == count
    (note,) = caught.value.__notes__
    assert note == (
        f"submit_many: {count} jobs were submitted; run the batch again with the same batch_key within 24 hours to submit only the items "
        "that are missing"
    )


def test_what_was_submitted_is_told_before_a_callbacks_exception(connect: Connect, idempotent_server: IdempotentServer) -> None:
    """A callable key that raises at its fifth call, and an `on_progress` that raises at its second."""
    calls = iter(range(5))

    def key() -> str:
        if next(calls, None) is None:
            raise LookupError("no key in the vault")
        return "eyJ.a-token"

    def on_progress(done: int, _: int | None) -> None:
        if done == 2:
            raise LookupError("the window is closed")

    for client, options in ((connect(idempotent_server.url, key), {}), (connect(idempotent_server.url), {"on_progress": on_progress})):
        idempotent_server.jobs.clear()
        received: list[Any] = []
        with pytest.raises(LookupError):
            received.extend(result.unwrap().id for _, result in client.jobs.submit_many(numbered_items(20), concurrency=3, **options))  # type: ignore[arg-type]  # options
        assert sorted(received) == sorted(job["id"] for job in idempotent_server.jobs)
        assert 2 <= len(received) < 20


def test_tells_how_far_it_is(client: FluxbaseClient) -> None:
    """The number of pairs so far, and of all items where they can be counted."""
    seen: list[tuple[int, int | None]] = []

    list(client.jobs.submit_many(numbered_items(3), on_progress=lambda done, total: seen.append((done, total))))
    list(client.jobs.submit_many(iter(numbered_items(1)), on_progress=lambda done, total: seen.append((done, total))))

    assert seen == [(1, 3), (2, 3), (3, 3), (1, None)]
    with pytest.raises(InvalidInput, match=r"^on_progress must be a function or None; got 5$"):
        client.jobs.submit_many(numbered_items(1), on_progress=5)  # type: ignore[arg-type]  # on purpose


@define
class Holding(IdempotentServer):
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
        pairs = list(connect(server.url).jobs.submit_many(numbered_items(4), concurrency=2))

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
            yield from numbered_items(3)
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
    told, _, advice = note.partition("; ")
    assert told.removesuffix(", 3 requests had no response yet, and the server may have queued their jobs") == (
        "submit_many: 0 jobs were submitted"
    )
    assert advice == "with a batch_key, running the batch again would submit only the items that are missing"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_batch_stops(backend: str) -> None:
    """Under asyncio and trio: nothing new is sent, and the exception has its note."""

    async def main(server: Silent) -> list[str]:
        notes: list[str] = []
        async with AsyncFluxbaseClient(server.url, retry=PERSISTENT) as client:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:

                    async def cancel_once_sent() -> None:
                        for _ in range(3):
                            await anyio.to_thread.run_sync(server.met.acquire)
                        scope.cancel()

                    tasks.start_soon(cancel_once_sent)
                    try:
                        async for _ in client.jobs.submit_many(numbered_items(9), concurrency=3, batch_key="import-7"):
                            pass
                    except anyio.get_cancelled_exc_class() as error:
                        notes += error.__notes__
                        raise
        return notes

    with Silent() as server:
        (note,) = anyio.run(main, server, backend=backend)
        sent = len(server.requests)
        server.released.set()

    assert sent == len(server.requests) == 3
    assert note == (
        "submit_many: 0 jobs were submitted, 3 requests had no response yet, and the server may have queued their jobs; run the batch again "
        "with the same batch_key within 24 hours to submit only the items that are missing"
    )


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_batch_works_under_each_event_loop(idempotent_server: IdempotentServer, backend: str) -> None:
    """Results in order, an `on_progress` that is awaited, and no task left over."""
    seen: list[int] = []

    async def on_progress(done: int, _: int | None) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(done)

    async def main() -> list[Any]:
        async with AsyncFluxbaseClient(idempotent_server.url) as client:
            return [item async for item, _ in client.jobs.submit_many(numbered_items(20), concurrency=3, on_progress=on_progress)]

    assert anyio.run(main, backend=backend) == numbered_items(20)
    assert seen == list(range(1, 21))


OK: Final = Ok(None)
FAILED: Final = Err(InvalidInput("no"))


@pytest.mark.parametrize(
    ("open_results", "told"),
    [
        ([], "1 jobs were submitted"),
        ([FAILED], "1 jobs were submitted"),
        ([OK, FAILED, OK], "3 jobs were submitted, 2 of them were not yielded yet"),
        ([None], "1 jobs were submitted, 1 requests had no response yet, and the server may have queued their jobs"),
        (
            [OK, None, None],
            (
                "2 jobs were submitted, 1 of them were not yielded yet, 2 requests had no response yet, and the server may have queued "
                "their jobs"
            ),
        ),
    ],
)
def test_the_note_of_an_interrupted_batch(open_results: list[Any], told: str) -> None:
    """One job was yielded and one item has failed; the others are open."""
    report = BatchReport[Any](numbered_items(9), None, resumable=True)
    report.count(OK)
    report.count(FAILED)

    assert report.note(open_results).partition("; ")[0] == f"submit_many: {told}"
