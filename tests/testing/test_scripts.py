"""Scripted jobs: what runs report, how they end, and what a test can do while one is held."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import anyio
import pytest
import trio
from fluxbase_jobs import FluxbaseClient, JobFailed, NotAllowedInState, PermissionDenied
from fluxbase_jobs.testing import Script, Server

from tests.support.servers.emulator_in_process import eventually


def test_progress_is_visible_while_held(client: FluxbaseClient, server: Server) -> None:
    """Progress with message and data is visible while the run is held, and the result afterwards."""
    script = server.script("resize").progress(30, "reading", {"file": "a.png"}).hold().progress(90).complete({"width": 1})
    job = client.jobs.submit("resize").unwrap()
    script.wait_until_held()

    held = client.jobs.get(job.id).unwrap()
    script.release()
    done = client.jobs.wait(job.id).unwrap()

    assert (held.status, held.progress_percent, held.progress_message, held.progress_data) == ("running", 30, "reading", {"file": "a.png"})
    assert (done.status, done.progress_percent, done.result) == ("completed", 90, {"width": 1})


def test_script_without_end_completes() -> None:
    """A script without an end, or without any step, completes with `{}`. Log lines have their levels."""
    with Server(profile="2026-03") as server, server.client() as client:
        server.script("nothing")
        server.script("chatty").log("one").log("two", level="warn")

        assert client.jobs.run("nothing").unwrap().result == {}
        lines = client.jobs.logs(client.jobs.run("chatty").unwrap().id).unwrap()

    assert [(line.level, line.message) for line in lines[:2]] == [("info", "one"), ("warn", "two")]


def test_fail_looks_like_an_exception() -> None:
    """As on the real server, the job has only `exit status 1`, and its log the text."""
    with Server(profile="2026-03") as server, server.client() as client:
        server.script("flaky").progress(10).fail("the reactor is on fire")

        error = client.jobs.run("flaky").error

    assert isinstance(error, JobFailed)
    assert error.message == "the reactor is on fire"
    assert error.job is not None
    assert (error.job.status, error.job.error_message, error.job.result) == ("failed", "exit status 1", None)


def test_unsuccessful_result_fails_the_job(server: Server, client: FluxbaseClient) -> None:
    """A result with `success: False` fails the job with its `error`."""
    server.script("picky").complete({"success": False, "error": "no rows"})

    error = client.jobs.run("picky").error

    assert isinstance(error, JobFailed)
    assert error.message == "no rows"


def test_each_ending_is_for_one_run(server: Server, client: FluxbaseClient) -> None:
    """The last run is repeated. A retry is the next run."""
    script = server.script("flaky", max_retries=1).complete({"success": False, "error": "first"}).progress(50).complete({"n": 2})

    job = client.jobs.submit("flaky", {"id": 1}).unwrap()
    failed = client.jobs.wait(job.id).unwrap()
    client.jobs.retry(job.id).unwrap()
    retried = client.jobs.wait(job.id).unwrap()
    other = client.jobs.run("flaky", {"id": 2}).unwrap()

    assert (failed.status, failed.progress_percent, failed.error_message) == ("failed", None, "first")
    assert (retried.result, retried.progress_percent, other.result) == ({"n": 2}, 50, {"n": 2})
    assert [(run.job_id, run.payload, run.retry_count) for run in script.runs] == [
        (job.id, {"id": 1}, 0),
        (job.id, {"id": 1}, 1),
        (other.id, {"id": 2}, 0),
    ]


def test_steps_after_the_last_ending_are_the_last_run(server: Server, client: FluxbaseClient) -> None:
    """Steps after the last ending belong to the last run, which is repeated."""
    server.script("twice").complete({"n": 1}).progress(7)

    assert [client.jobs.run("twice").unwrap().progress_percent for _ in range(3)] == [None, 7, 7]


def test_payloads_of_one_function(server: Server, client: FluxbaseClient) -> None:
    """Payloads are there at once, whether the job has run or not, and only for this function."""
    script, other = server.script("resize").hold(), server.script("resize", namespace="other")
    later = server.clock.now().replace(year=server.clock.now().year + 1)
    client.jobs.submit("resize", {"id": 1}, namespace="default").unwrap()
    client.jobs.submit("resize", {"id": 2}, namespace="default", scheduled=later).unwrap()
    client.jobs.submit("resize", namespace="default").unwrap()
    client.jobs.submit("resize", {"id": 4}, namespace="other").unwrap()

    assert script.payloads == [{"id": 1}, {"id": 2}, {}]
    assert other.payloads == [{"id": 4}]


def test_run_has_the_submitting_user(server: Server) -> None:
    """A run has the user who submitted the job."""
    script = server.script("mine")
    with server.client(key=server.user_key("ada@example.com")) as ada:
        ada.jobs.run("mine").unwrap()

    assert script.runs[0].user.email == "ada@example.com"


def test_repr_of_a_run_hides_the_payload(server: Server, client: FluxbaseClient) -> None:
    """Failing assertions print the run, but not its payload."""
    script = server.script("resize")
    job = client.jobs.run("resize", {"password": "hush"}).unwrap()

    assert script.runs[0].payload == {"password": "hush"}
    assert job.id in repr(script.runs)
    assert "hush" not in repr(script.runs)


def test_cancel_of_a_held_run(server: Server, client: FluxbaseClient) -> None:
    """A held run can be cancelled; its remaining steps do not happen, and it is no longer held."""
    script = server.script("long").progress(30).hold().progress(60).complete({"ok": True})
    job = client.jobs.submit("long").unwrap()
    run = script.wait_until_held()

    client.jobs.cancel(job.id).unwrap()
    cancelled = client.jobs.get(job.id).unwrap()

    assert run.job_id == job.id
    assert (cancelled.status, cancelled.progress_percent, cancelled.result) == ("cancelled", 30, None)
    assert isinstance(client.jobs.cancel(job.id).error, NotAllowedInState)
    eventually(lambda: is_held(script), lambda held: not held)


def is_held(script: Script) -> bool:
    """Whether a run is held at this moment."""
    try:
        script.wait_until_held(timeout=0)
    except TimeoutError:
        return False
    return True


def test_each_release_passes_one_hold(server: Server, client: FluxbaseClient) -> None:
    """Each release lets the run that has waited longest pass one hold."""
    script = server.script("steps").hold().progress(50).hold().complete({"ok": True})
    first, second = (client.jobs.submit("steps").unwrap().id for _ in range(2))
    assert {client.jobs.get(job).unwrap().status for job in (first, second)} == {"running"}

    began = script.wait_until_held().job_id
    script.release()
    after_one = {job: client.jobs.get(job).unwrap().progress_percent for job in (first, second)}
    for _ in range(3):
        script.release()

    assert after_one == {job: 50 if job == began else None for job in (first, second)}
    assert [client.jobs.wait(job).unwrap().status for job in (first, second)] == ["completed"] * 2


def test_release_before_the_run(server: Server, client: FluxbaseClient) -> None:
    """A release that comes before the run lets it pass."""
    script = server.script("quick").hold().complete({"ok": True})
    script.release()

    assert client.jobs.run("quick").unwrap().result == {"ok": True}


def test_wait_until_held_times_out(server: Server) -> None:
    """The error says how many runs have begun."""
    with pytest.raises(TimeoutError, match=r"no run of lazy was held within 0\.01 s: 0 have begun"):
        server.script("lazy").hold().wait_until_held(timeout=0.01)


def test_wait_until_held_in_async_code(server: Server) -> None:
    """An async test waits in a thread, and its own tasks continue."""
    script = server.script("held").hold().complete({"ok": True})
    client = server.async_client()

    async def submit_later() -> None:
        await anyio.sleep(0.01)
        (await client.jobs.submit("held")).unwrap()

    async def main() -> Any:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(submit_later)
            await anyio.to_thread.run_sync(script.wait_until_held)
            script.release()
        return (await client.jobs.wait(script.runs[0].job_id)).unwrap().result

    assert trio.run(main) == {"ok": True}


def test_script_takes_function_options(server: Server, client: FluxbaseClient) -> None:
    """A script has the options of a job function, and replaces one of the same name."""
    server.script("off", enabled=False)
    server.script("again").complete({"n": 1})
    server.script("again").complete({"n": 2})

    assert isinstance(client.jobs.submit("off").error, PermissionDenied)
    assert client.jobs.run("again").unwrap().result == {"n": 2}


def test_result_is_copied(server: Server, client: FluxbaseClient) -> None:
    """Changing a dict after `complete` changes no result."""
    result: dict[str, Any] = {"rows": [1]}
    server.script("resize").complete(result)
    result["rows"].append(2)

    assert client.jobs.run("resize").unwrap().result == {"rows": [1]}


@pytest.mark.parametrize(
    ("step", "arguments", "kind", "text"),
    [
        ("progress", {"percent": 33.3}, TypeError, "percent must be a whole number, not 33.3"),
        ("progress", {"percent": True}, TypeError, "percent must be a whole number, not True"),
        ("progress", {"percent": 1, "message": 5}, TypeError, "message must be a text, not int"),
        ("progress", {"percent": 1, "data": [1]}, TypeError, "data must be a mapping, as the server takes nothing else, not list"),
        ("progress", {"percent": 1, "data": {"a": b""}}, TypeError, "data must be a JSON value: bytes has no JSON form"),
        (
            "log",
            {"message": "a", "level": "loud"},
            ValueError,
            "level must be one of trace, debug, info, warn, error, fatal, panic, not 'loud'",
        ),
        ("log", {"message": 5}, TypeError, "message must be a text, not int"),
        ("sleep", {"seconds": -1}, ValueError, "seconds must be finite and not negative, not -1"),
        ("sleep", {"seconds": math.inf}, ValueError, "seconds must be finite"),
        ("sleep", {"seconds": "1"}, TypeError, "seconds must be seconds or a timedelta, not str"),
        ("complete", {"result": [1]}, TypeError, "result must be a mapping, as the server takes nothing else, not list"),
        ("complete", {"result": {"a": object()}}, TypeError, "result must be a JSON value: object has no JSON form"),
        ("fail", {"text": 5}, TypeError, "text must be a text, not int"),
        ("wait_until_held", {"timeout": -1}, ValueError, "timeout must be finite and not negative, not -1"),
    ],
)
def test_invalid_steps_are_refused(server: Server, step: str, arguments: dict[str, Any], kind: type[Exception], text: str) -> None:
    """The error names the argument, and the script does not change."""
    script = server.script("resize").complete({"n": 1})

    with pytest.raises(kind) as caught:
        getattr(script, step)(**arguments)

    assert str(caught.value).startswith(text)
    with server.client() as client:
        assert [client.jobs.run("resize").unwrap().result for _ in range(2)] == [{"n": 1}] * 2


def test_invalid_function_options_are_refused(server: Server) -> None:
    """The options are checked as those of `@function`."""
    with pytest.raises(ValueError, match="a job function needs a name"):
        server.script("")
    with pytest.raises(ValueError, match="timeout of at least 1 second"):
        server.script("resize", timeout=0)
    with pytest.raises(TypeError, match="style"):
        server.script("resize", style="red")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


class Text(str):
    """A text whose methods can't be trusted."""

    __slots__ = ()

    def __str__(self) -> str:
        raise LookupError("SECRET")


class Unreadable(Mapping[str, object]):
    """A mapping that fails when it is read."""

    def __getitem__(self, key: str) -> object:
        raise LookupError(key)

    def __iter__(self) -> Iterator[str]:
        raise LookupError("SECRET")

    def __len__(self) -> int:
        return 1


def test_results_are_taken_as_payloads_are(server: Server) -> None:
    """Moments, ids, decimals, enums, other sequences and mappings, and values of subclasses."""

    class Size(Enum):
        LARGE = "large"

    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    identity = UUID("3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11")
    result = {
        "at": moment,
        "on": moment.date(),
        "id": identity,
        "sum": Decimal("1.50"),
        "size": Size.LARGE,
        "all": deque([1, (2,)]),
        "a": Text("b"),
    }
    server.script("resize").complete(MappingProxyType(result))

    assert server.client().jobs.run("resize").unwrap().result == {
        "at": "2030-01-02T03:04:05Z",
        "on": "2030-01-02",
        "id": str(identity),
        "sum": "1.50",
        "size": "large",
        "all": [1, [2]],
        "a": "b",
    }


NO_JSON: list[Any] = [b"x", {1}, object(), datetime(2030, 1, 1), range(10**15), Unreadable()]  # noqa: DTZ001  # without an offset, on purpose


@pytest.mark.parametrize("odd", NO_JSON, ids=lambda odd: type(odd).__name__)
def test_results_that_are_no_json_are_refused(server: Server, odd: Any) -> None:
    """As a TypeError, whatever their methods raise, also far inside and in a circle."""
    circle: list[Any] = []
    circle.append(circle)
    for result in ({"a": [odd]}, {"a": circle}):
        with pytest.raises(TypeError, match="result must be a JSON value") as raised:
            server.script("resize").complete(result)
        assert "SECRET" not in str(raised.value)


def test_numbers_that_are_too_large_are_refused_in_a_short_line(server: Server) -> None:
    """Python refuses to print them."""
    with pytest.raises(ValueError, match="seconds must be finite") as slept:
        server.script("resize").sleep(10**5000)
    with pytest.raises(ValueError, match="max_retries must be") as retried:
        server.script("resize", max_retries=10**5000)
    assert max(len(str(slept.value)), len(str(retried.value))) < 200


def test_deep_values_come_and_go(server: Server, client: FluxbaseClient) -> None:
    """Payloads, progress and results, as deep as the JSON codec takes them."""
    deep: Any = {}
    for _ in range(700):
        deep = {"a": deep}
    resize = server.script("resize").progress(50, data=deep).complete(deep)

    done = client.jobs.run("resize", deep).unwrap()

    assert done.payload == done.result == done.progress_data == resize.payloads[0] == deep
