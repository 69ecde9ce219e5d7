"""The virtual clock: an hour passes in milliseconds, and everything that was due in it has happened."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.testing import Server, VirtualClock

from tests.support.servers.emulator_in_process import eventually

START: Final = datetime(2026, 4, 1, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
TICK: Final = timedelta(seconds=2)
"""The real time that may pass while a test runs."""


def test_clock_runs_like_the_machine_clock() -> None:
    """Without a start the clock shows the machine's time, and runs on."""
    clock = VirtualClock()
    shown, before = clock.now(), clock.now_ns()
    time.sleep(0.01)

    assert abs(shown - datetime.now(UTC)) < TICK
    assert shown.utcoffset() == timedelta()
    assert 10_000_000 <= clock.now_ns() - before < 2_000_000_000


@pytest.mark.parametrize(("by", "span"), [(90, timedelta(seconds=90)), (0.5, timedelta(seconds=0.5)), (HOUR, HOUR), (0, timedelta())])
def test_advance_takes_seconds_or_timedelta(by: float | timedelta, span: timedelta) -> None:
    """The clock advances by seconds or a timedelta."""
    clock = VirtualClock(START)
    clock.advance(by)

    assert span <= clock.now() - START < span + TICK


def test_start_may_have_any_time_zone() -> None:
    """The start may be in any time zone; the clock shows UTC."""
    assert VirtualClock(START.astimezone(timezone(timedelta(hours=2)))).now().isoformat().startswith("2026-04-01T12:00:0")


@pytest.mark.parametrize(
    ("by", "kind", "text"),
    [
        (-1, ValueError, "by must be finite and not negative, not -1"),
        (math.inf, ValueError, "by must be finite"),
        (math.nan, ValueError, "by must be finite"),
        ("1h", TypeError, "by must be seconds or a timedelta, not str"),
        (True, TypeError, "by must be seconds or a timedelta, not bool"),
    ],
)
def test_invalid_advance_is_refused(by: Any, kind: type[Exception], text: str) -> None:
    """The error names the argument."""
    with pytest.raises(kind, match=text):
        VirtualClock().advance(by)


@pytest.mark.parametrize(
    ("start", "kind", "text"),
    [
        ("2026-04-01", TypeError, "start must be a datetime, not str"),
        (START.replace(tzinfo=None), ValueError, "start must have a time zone"),
    ],
)
def test_invalid_start_is_refused(start: Any, kind: type[Exception], text: str) -> None:
    """The error names the argument."""
    with pytest.raises(kind, match=text):
        VirtualClock(start)


def test_jobs_and_keys_follow_the_clock() -> None:
    """Jobs are dated by the clock, and a client's key does not expire when the clock advances."""
    with Server(clock=VirtualClock(START)) as server, server.client() as client:
        server.script("resize").complete()
        first = client.jobs.run("resize").unwrap()
        server.clock.advance(timedelta(days=400))
        second = client.jobs.run("resize").unwrap()

    assert timedelta() <= first.created_at - START < TICK
    assert timedelta(days=400) <= second.created_at - START < timedelta(days=400) + TICK


def test_scheduled_job_runs_when_due(server: Server, client: FluxbaseClient) -> None:
    """A scheduled job stays pending until the clock reaches its time, and has then run."""
    server.script("report").complete({"sent": True})
    at = server.clock.now() + HOUR
    job = client.jobs.submit("report", scheduled=at).unwrap()

    server.clock.advance(HOUR - timedelta(minutes=1))
    early = client.jobs.get(job.id).unwrap()
    server.clock.advance(120)
    done = client.jobs.get(job.id).unwrap()

    assert (early.status, done.status, done.result) == ("pending", "completed", {"sent": True})
    assert done.started_at is not None
    assert at - timedelta(milliseconds=1) <= done.started_at < at + TICK


def test_cron_schedule_creates_a_job_per_due_time() -> None:
    """An hour of a five-minute schedule creates and runs twelve jobs, each in its minute."""

    @function("clean", schedule="*/5 * * * *")
    def clean(payload: dict[str, Any], _context: Context) -> dict[str, Any]:
        return {"due": payload["_scheduled_at"]}

    clock = VirtualClock(START)
    with Server(functions=[clean], clock=clock) as server, server.client() as client:
        clock.advance(HOUR)
        jobs = [client.jobs.get(job.id).unwrap() for job in client.jobs.list(limit=100).unwrap()]

    due = [START + timedelta(minutes=minute) for minute in range(60, 0, -5)]
    assert [job.result for job in jobs] == [{"due": f"{moment:%Y-%m-%dT%H:%M:%SZ}"} for moment in due]
    assert all(timedelta() <= job.created_at - moment < TICK for job, moment in zip(jobs, due, strict=True))


def test_scheduled_jobs_run_in_order_of_their_times(server: Server, client: FluxbaseClient) -> None:
    """One long advance runs scheduled jobs in the order of their times, each at its own time."""
    started: list[tuple[int, datetime]] = []

    @server.function("note")
    def note(payload: dict[str, Any], _context: Context) -> None:
        started.append((payload["minute"], server.clock.now()))

    now = server.clock.now()
    for minute in (50, 10, 30, 20):
        client.jobs.submit("note", {"minute": minute}, scheduled=now + timedelta(minutes=minute)).unwrap()
    server.clock.advance(HOUR)

    assert [minute for minute, _ in started] == [10, 20, 30, 50]
    assert all(abs(at - now - timedelta(minutes=minute)) < TICK for minute, at in started)


def test_job_times_out_when_the_clock_passes_its_timeout(server: Server, client: FluxbaseClient) -> None:
    """A held job fails when the clock passes its timeout."""
    script = server.script("slow", timeout=300).hold()
    job = client.jobs.submit("slow").unwrap()
    script.wait_until_held()

    server.clock.advance(299)
    before = client.jobs.get(job.id).unwrap()
    server.clock.advance(2)
    after = client.jobs.get(job.id).unwrap()

    assert (before.status, after.status, after.error_message) == ("running", "failed", "execution timeout after 5m0s")


def test_advance_wakes_scripted_sleeps(server: Server, client: FluxbaseClient) -> None:
    """A run that sleeps on the clock wakes when the clock advances, and reports progress in between."""
    server.script("long", timeout=7200).sleep(1800).progress(50).sleep(timedelta(minutes=30)).complete({"ok": True})
    job = client.jobs.submit("long").unwrap()

    seen = [client.jobs.get(job.id).unwrap()]
    for _ in range(2):
        server.clock.advance(timedelta(minutes=30, seconds=1))
        seen.append(client.jobs.get(job.id).unwrap())

    assert [(job.status, job.progress_percent) for job in seen] == [("running", None), ("running", 50), ("completed", 50)]


def test_sleep_that_ends_before_the_timeout_completes(server: Server, client: FluxbaseClient) -> None:
    """A sleep that ends before the timeout completes the job, even in one long advance."""
    server.script("close", timeout=60).sleep(59).complete({"ok": True})
    server.script("late", timeout=60).sleep(61).complete({"ok": True})
    jobs = [client.jobs.submit(name).unwrap().id for name in ("close", "late")]
    assert [client.jobs.get(job).unwrap().status for job in jobs] == ["running", "running"]

    server.clock.advance(HOUR)

    assert [client.jobs.get(job).unwrap().status for job in jobs] == ["completed", "failed"]


def test_short_sleep_ends_in_real_time(server: Server, client: FluxbaseClient) -> None:
    """A short sleep ends by itself, and so does the remaining time of a long one after an advance."""
    server.script("short").sleep(0.02).complete({"ok": True})
    server.script("long", timeout=7200).sleep(3600.2).complete({"ok": True})
    jobs = [client.jobs.submit(name).unwrap().id for name in ("short", "long")]

    eventually(lambda: client.jobs.get(jobs[0]).unwrap().status, lambda status: status == "completed")
    assert client.jobs.get(jobs[1]).unwrap().status == "running"
    server.clock.advance(3600)
    eventually(lambda: client.jobs.get(jobs[1]).unwrap().status, lambda status: status == "completed")


def test_advance_does_not_wait_for_held_runs(server: Server) -> None:
    """`advance` waits neither for held runs nor for a handler that never returns."""
    script = server.script("held", timeout=100_000).hold()

    @server.function("endless", timeout=100_000)
    def endless(_payload: dict[str, Any], context: Context) -> None:
        while not context.cancelled:
            time.sleep(0.01)

    with server.client() as client:
        client.jobs.submit("endless").unwrap()
        for minutes in range(10):
            client.jobs.submit("held", scheduled=server.clock.now() + timedelta(minutes=minutes)).unwrap()
        server.clock.advance(HOUR)
        jobs = client.jobs.list(limit=50).unwrap()

    assert (len(script.runs), {job.status for job in jobs}) == (10, {"running"})


def test_servers_can_share_a_clock() -> None:
    """One advance runs the scheduled jobs of all servers that share the clock."""
    clock = VirtualClock(START)
    with Server(clock=clock) as first, Server(clock=clock) as second:
        statuses: list[str] = []
        for server in (first, second):
            server.script("report")
        with first.client() as one, second.client() as two:
            jobs = [client.jobs.submit("report", scheduled=START + HOUR).unwrap().id for client in (one, two)]
            clock.advance(2 * HOUR)
            statuses = [client.jobs.get(job).unwrap().status for client, job in zip((one, two), jobs, strict=True)]
    clock.advance(HOUR)

    assert statuses == ["completed"] * 2
