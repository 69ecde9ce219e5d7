"""Schedules: which expressions are valid, when jobs are created and what they contain."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define, field
from fluxbase_jobs.emulator import function
from fluxbase_jobs.emulator.app import Emulator
from fluxbase_jobs.emulator.formats.schedule import InvalidScheduleError, read_schedule
from fluxbase_jobs.emulator.handlers.decorator import FunctionSet, JobFunction
from fluxbase_jobs.emulator.settings import Settings
from hypothesis import given
from hypothesis import strategies as st

from tests.support.servers.emulator_in_process import AdjustableClock, eventually, serving

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
_NANOSECONDS = 1_000_000_000


def ns(moment: datetime) -> int:
    """Nanoseconds since 1970."""
    return int(moment.timestamp()) * _NANOSECONDS


@define
class SteppingClock:
    """A clock that only a test advances; it then steps from one sleeper's due time to the next."""

    now: int = ns(NOON)
    _sleepers: list[tuple[int, int, asyncio.Future[None]]] = field(factory=list[tuple[int, int, "asyncio.Future[None]"]])
    _count: int = 0

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced that far."""
        waiting = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self.now + round(seconds * 1e9), self._count, waiting))
        await waiting

    async def advance(self, **span: float) -> None:
        """Advance the clock, waking sleepers in the order of their due times."""
        await settle()
        end = self.now + round(timedelta(**span).total_seconds()) * _NANOSECONDS
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, waiting = heapq.heappop(self._sleepers)
            if not waiting.done():
                self.now = max(self.now, due)
                waiting.set_result(None)
                await settle()
        self.now = end


async def settle() -> None:
    """Let all tasks run until they wait."""
    for _ in range(5):
        await asyncio.sleep(0)


def definition(name: str = "clean", schedule: str | None = "*/5 * * * *", **fields: Any) -> JobFunction:
    """A job function that does nothing."""
    return JobFunction(name, lambda _payload, _context: None, schedule=schedule, **fields)


@asynccontextmanager
async def emulating(clock: SteppingClock, *functions: JobFunction, database: Path | None = None) -> AsyncGenerator[Emulator]:
    """An emulator in this event loop whose workers claim no jobs."""
    emulator = Emulator(Settings(poll_interval=1e9, database=database), FunctionSet(functions), clock)
    async with emulator.running():
        yield emulator


def service(emulator: Emulator) -> httpx.AsyncClient:
    """An in-process client with a service key."""
    headers = {"authorization": f"Bearer {emulator.service_key()}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(emulator.app), base_url="http://emulator/api/v1", headers=headers)


async def all_jobs(emulator: Emulator) -> list[dict[str, Any]]:
    """All jobs, oldest first."""
    async with service(emulator) as client:
        listed: list[dict[str, Any]] | None = (await client.get("/jobs?limit=0")).json()["jobs"]
        return [(await client.get(f"/jobs/{job['id']}")).json() for job in reversed(listed or [])]


async def creation_times(emulator: Emulator, name: str = "clean") -> list[str]:
    """The times of day at which a function's jobs were created."""
    return [job["created_at"][11:-1] for job in await all_jobs(emulator) if job["job_name"] == name]


def test_five_minute_schedule() -> None:
    """A five-minute schedule creates twelve jobs in an hour, each at its time."""

    async def hour() -> list[str]:
        clock = SteppingClock()
        async with emulating(clock, definition()) as emulator:
            await clock.advance(hours=1)
            return await creation_times(emulator)

    assert asyncio.run(hour()) == [f"12:{minute:02}:00" for minute in range(5, 60, 5)] + ["13:00:00"]


def test_scheduled_job() -> None:
    """A scheduled job has no owner and its function's settings; its payload says when and why it was created."""

    async def one() -> dict[str, Any]:
        clock = SteppingClock()
        schedule = '0 13 * * *|{"kind": "daily", "_trigger": "mine", "n": 1.50}'
        async with emulating(clock, definition(schedule=schedule, namespace="n", max_retries=2, timeout=7)) as emulator:
            await clock.advance(hours=2)
            return (await all_jobs(emulator))[0]

    job = asyncio.run(one())

    assert job["payload"] == '{"n": 1.5, "kind": "daily", "_trigger": "mine", "_scheduled_at": "2026-03-04T13:00:00Z"}'
    assert (job["namespace"], job["max_retries"], job["max_duration_seconds"], job["priority"]) == ("n", 2, 7, 0)
    assert job["created_at"] == "2026-03-04T13:00:00Z"
    assert not job.keys() & {"created_by", "user_role", "user_email", "scheduled_at"}


def test_scheduled_jobs_run() -> None:
    """A scheduled job runs like any other."""

    @function("tick", schedule="* * * * *")
    def tick(payload: dict[str, Any], _context: object) -> dict[str, Any]:
        return {"trigger": payload["_trigger"]}

    clock = AdjustableClock()
    with serving(tick, clock=clock) as running, running.client(running.service_key) as client:
        clock.ahead_seconds += 60
        job = client.ended(eventually(client.listed, bool)[0]["id"])

    assert json.loads(job["result"]) == {"trigger": "cron"}


def test_missed_times_are_not_caught_up(tmp_path: Path) -> None:
    """Jobs due while no server ran are not created later, and a jump of the clock over an hour creates one job, not twelve."""

    async def stopped() -> list[str]:
        clock = SteppingClock()
        async with emulating(clock, definition(), database=tmp_path / "db"):
            await clock.advance(minutes=7)
        clock.now += ns(NOON + timedelta(hours=1)) - ns(NOON)
        async with emulating(clock, definition(), database=tmp_path / "db") as emulator:
            await clock.advance(minutes=4)
            clock.now += ns(NOON + timedelta(hours=1)) - ns(NOON)
            await clock.advance(minutes=5)
            return await creation_times(emulator)

    assert asyncio.run(stopped()) == ["12:05:00", "13:10:00", "14:11:00", "14:15:00"]


def test_changes_take_effect_at_once() -> None:
    """Adding, changing, disabling or removing a function changes its schedule from that moment on."""

    async def changes() -> tuple[list[str], list[str]]:
        clock = SteppingClock()
        async with emulating(clock, definition(schedule=None)) as emulator:
            await clock.advance(minutes=10)
            emulator.add_functions([definition(schedule="*/10 * * * *"), definition("other", "*/15 * * * *")])
            await clock.advance(minutes=7)
            emulator.add_functions([definition(schedule="*/2 * * * *")])
            await clock.advance(minutes=4)
            emulator.add_functions([definition(enabled=False)])
            await clock.advance(minutes=10)
            emulator.replace_functions(FunctionSet())
            await clock.advance(hours=1)
            return await creation_times(emulator), await creation_times(emulator, "other")

    assert asyncio.run(changes()) == (["12:18:00", "12:20:00"], ["12:15:00", "12:30:00"])


def test_change_of_another_function_keeps_the_interval() -> None:
    """A change of another function does not restart an interval."""

    async def changes() -> list[str]:
        clock = SteppingClock()
        async with emulating(clock, definition(schedule="@every 90s")) as emulator:
            await clock.advance(seconds=60)
            emulator.add_functions([definition("other")])
            await clock.advance(minutes=3)
            return await creation_times(emulator)

    assert asyncio.run(changes()) == ["12:01:30", "12:03:00"]


async def sync(emulator: Emulator, **schedules: str) -> None:
    """Sync functions with these schedules; other functions stay unchanged."""
    jobs = [{"name": name, "code": "// never run", "schedule": schedule} for name, schedule in schedules.items()]
    async with service(emulator) as client:
        answer = (await client.post("/admin/jobs/sync", json={"namespace": "default", "jobs": jobs})).json()
    assert answer["summary"]["errors"] == 0


def test_sync_and_delete() -> None:
    """A synced schedule takes effect at once, and ends when its function is deleted."""

    async def changes() -> list[str]:
        clock = SteppingClock()
        async with emulating(clock) as emulator:
            await sync(emulator, clean="*/5 * * * *")
            await clock.advance(minutes=7)
            await sync(emulator, clean="0 13 * * *")
            await clock.advance(hours=2)
            await sync(emulator, clean="*/20 * * * *")
            await clock.advance(minutes=20)
            async with service(emulator) as client:
                assert (await client.delete("/admin/jobs/functions/default/clean")).status_code == 204
            await clock.advance(hours=1)
            return await creation_times(emulator)

    assert asyncio.run(changes()) == ["12:05:00", "13:00:00", "14:20:00"]


def test_sync_of_an_invalid_schedule(caplog: pytest.LogCaptureFixture) -> None:
    """Sync accepts any schedule. An invalid one is logged, and the schedule that it replaces stays in force."""

    async def changes() -> tuple[list[str], list[str]]:
        clock = SteppingClock()
        async with emulating(clock, definition()) as emulator:
            bad = '60 * * * *|{"password": "secret"}'
            await sync(emulator, clean=bad, other=bad)
            await clock.advance(minutes=5)
            await sync(emulator, third="0 0 * * *")
            await clock.advance(minutes=1)
            return await creation_times(emulator), await creation_times(emulator, "other")

    assert asyncio.run(changes()) == (["12:05:00"], [])
    assert len(caplog.messages) == 2
    assert min(caplog.messages).startswith("default/clean: schedule '60 * * * *' cannot be followed (the minute is 0 to 59)")
    assert "secret" not in caplog.text


def test_job_that_cannot_be_stored(caplog: pytest.LogCaptureFixture) -> None:
    """Parameters that the database rejects are logged at each due time; other functions' jobs are created as usual."""

    async def run() -> list[str]:
        clock = SteppingClock()
        async with emulating(clock, definition("broken", '*/5 * * * *|{"a": "\\u0000"}'), definition()) as emulator:
            await clock.advance(minutes=10)
            return await creation_times(emulator)

    assert asyncio.run(run()) == ["12:05:00", "12:10:00"]
    assert caplog.messages == ["no job of default/broken could be made on schedule; the next is due as planned"] * 2


@pytest.mark.parametrize(
    ("schedule", "after"),
    [
        ("* * * * *", ["03-04 12:01:00", "03-04 12:02:00"]),
        ("  *\t* * * *  ", ["03-04 12:01:00"]),
        ("*/7 * * * *", ["03-04 12:07:00", "03-04 12:14:00"]),
        ("*/70 * * * *", ["03-04 13:00:00"]),
        ("5/20 * * * *", ["03-04 12:05:00", "03-04 12:25:00", "03-04 12:45:00", "03-04 13:05:00"]),
        ("0,,5 * * * *", ["03-04 12:05:00", "03-04 13:00:00"]),
        ("30 * * * * *", ["03-04 12:00:30", "03-04 12:01:30"]),
        ("0 0 * JAN-mar mon,Fri", ["03-06 00:00:00", "03-09 00:00:00"]),
        ("? ? ? ? ?", ["03-04 12:01:00"]),
        # Sunday is 0, never 7, so a step that starts on Monday ends on Friday.
        ("0 0 * * 1/2", ["03-06 00:00:00", "03-09 00:00:00", "03-11 00:00:00"]),
        # If both day fields are restricted, either may match. `*/30` is a restriction too: the 1st and the 31st.
        ("0 0 10 * 5", ["03-06 00:00:00", "03-10 00:00:00"]),
        ("0 0 */30 * 1", ["03-09 00:00:00", "03-16 00:00:00", "03-23 00:00:00", "03-30 00:00:00", "03-31 00:00:00"]),
        ("0 0 */30 * *", ["03-31 00:00:00", "04-01 00:00:00"]),
        ("0 0 */1 * 1", ["03-09 00:00:00"]),
        ("@yearly", ["01-01 00:00:00"]),
        ("@monthly", ["04-01 00:00:00"]),
        ("@weekly", ["03-08 00:00:00"]),
        ("@daily", ["03-05 00:00:00"]),
        ("@hourly", ["03-04 13:00:00"]),
        ("@every 1h30m", ["03-04 13:30:00", "03-04 15:00:00"]),
        ("@every 1.5m", ["03-04 12:01:30"]),
        ("TZ=Europe/Berlin 0 14 * * *", ["03-04 13:00:00"]),
        # Berlin skips from 2:00 to 3:00 on 29 March, so that night has no 02:30.
        ("CRON_TZ=Europe/Berlin 30 2 28-30 3 *", ["03-28 01:30:00", "03-30 00:30:00"]),
        ("* * * * *|null", ["03-04 12:01:00"]),
    ],
)
def test_valid_schedules(schedule: str, after: list[str]) -> None:
    """Expressions have the meaning they have for the real server's library."""
    read, moment, found = read_schedule(schedule), ns(NOON) + 1, list[str]()
    for _ in after:
        moment = read.next_after(moment) or 0
        found.append(f"{datetime.fromtimestamp(moment // _NANOSECONDS, UTC):%m-%d %H:%M:%S}")

    assert found == after


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("", "fields: 0"),
        ("* * * *", "fields: 4"),
        ("* * * * * * *", "fields: 7"),
        ("not a cron", "fields: 3"),
        ("60 * * * *", "the minute is 0 to 59"),
        ("0 0 * * 7", "the day of week is 0 to 6"),
        ("0 0 L * *", "bad day of month"),
        ("0 0 * * 1#2", "bad day of week"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("10-5 * * * *", "bad minute"),
        ("*/0 * * * *", "bad minute"),
        ("*/2/3 * * * *", "bad minute"),
        (", * * * *", "bad minute"),
        ("٣ * * * *", "bad minute"),
        ("0,30 * * * * *", "more than once a minute"),
        ("@every 30s", "more than once a minute"),
        ("@every", "the names are @yearly"),
        ("@every soon", "such as 90s or 1h30m"),
        ("@every 5m soon", "such as 90s or 1h30m"),
        ("@every 2562048h", "longer than 292 years"),
        (f"@every {10**400}s", "longer than 292 years"),
        ("@HOURLY", "the names are @yearly"),
        ("@reboot", "the names are @yearly"),
        ("TZ=Mars/Base 0 6 * * *", "there is no time zone Mars/Base"),
        ("TZ=../zones 0 6 * * *", "there is no time zone ../zones"),
        ("TZ=Europe 0 6 * * *", "there is no time zone Europe"),
        ("* * * * *|{oops", "what follows the last | is no JSON object"),
        ("* * * * *|[1]", "what follows the last | is no JSON object"),
        ("* * * * *|", "what follows the last | is no JSON object"),
        ('* * * * *|{"a": "x|y"}', "the parameters may hold no |"),
    ],
)
def test_invalid_schedule(schedule: str, reason: str) -> None:
    """A schedule that the real server would not follow raises an error that says why and what to write instead."""
    with pytest.raises(InvalidScheduleError) as caught:
        function("f", schedule=schedule)

    text = str(caught.value)
    stated = text.partition(" cannot be followed (")[2].partition("): write ")[0]
    assert reason in stated
    assert text.startswith(f"schedule {schedule.partition('|')[0]!r} cannot be followed (")
    assert text.endswith('write five fields such as "*/5 * * * *", six with the second first, @hourly or "@every 90s"')


@given(st.text('0123456789*?/,-LW#@ \t|{}":Tevryhoursmand=ZµU', max_size=30))
def test_any_text(schedule: str) -> None:
    """Any text is either a schedule with a next time in the future, or raises InvalidScheduleError."""
    try:
        moment = read_schedule(schedule).next_after(ns(NOON)) or 0
    except InvalidScheduleError:
        return

    assert moment > ns(NOON)


@given(
    fields=st.tuples(
        *(st.sampled_from(["*", f"*/{step}", str(low), f"{low}-{low + 3}"]) for low, step in ((5, 7), (3, 6), (2, 3), (1, 5), (0, 2)))
    )
)
def test_next_time_is_the_first_match(fields: tuple[str, ...]) -> None:
    """The next time is the first minute that matches the fields."""
    found = read_schedule(" ".join(fields)).next_after(ns(NOON))
    assert found
    moment = NOON + timedelta(minutes=1)
    while not matches(moment, fields):
        moment += (
            timedelta(minutes=1)
            if matches(moment, ("*", "*", *fields[2:]))
            else timedelta(days=1) - (moment - moment.replace(hour=0, minute=0))
        )

    assert ns(moment) == found


def matches(moment: datetime, fields: tuple[str, ...]) -> bool:
    """Whether a moment matches five fields, by the real server's rule for the two day fields."""
    minute, hour, day, month, weekday = (
        value in allowed(field, first, last)
        for value, field, (first, last) in zip(
            (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7),
            fields,
            ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6)),
            strict=True,
        )
    )
    both = "*" in (fields[2], fields[4])
    return minute and hour and month and (day and weekday if both else day or weekday)


def allowed(field: str, first: int, last: int) -> range:
    """The numbers that a field allows."""
    if field.startswith("*"):
        return range(first, last + 1, int(field[2:] or 1))
    low, _, high = field.partition("-")
    return range(int(low), int(high or low) + 1)
