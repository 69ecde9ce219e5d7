"""Scripted jobs: a test says what a run reports, how long it takes and how it ends."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from threading import Condition, Lock
from typing import Any, Final, Self, TypeAlias, assert_never, cast

from attrs import field, frozen

from ..emulator import JobUser
from ..emulator.faults.validation import in_seconds, string
from ..emulator.formats.json_text import normalise
from ..emulator.handlers.context import LEVELS, Context, Level
from ..emulator.handlers.validation import described, is_a, type_name
from ..emulator.store import JobFilter, Jobs
from .clock import VirtualClock
from .event_loop import Waiter

_HELD_TIMEOUT_SECONDS: Final = 5.0


class ScriptedFailureError(Exception):
    """What a run raises whose script says `fail`."""


@frozen
class ScriptedRun:
    """One run of a scripted job."""

    job_id: str
    payload: dict[str, Any] = field(repr=False)
    retry_count: int
    """0 in a job's first run, 1 after its first retry."""
    user: JobUser


@frozen
class Progress:
    """Report progress."""

    percent: int
    message: str | None
    data: dict[str, Any] | None


@frozen
class Log:
    """Write to the job's log."""

    message: str
    level: Level


@frozen
class Sleep:
    """Wait on the server's clock."""

    seconds: float


@frozen
class Hold:
    """Wait for `Script.release`."""


@frozen
class Complete:
    """Complete the job."""

    result: dict[str, Any]


@frozen
class Fail:
    """Fail the job."""

    text: str


Step: TypeAlias = Progress | Log | Sleep | Hold | Complete | Fail
Ending: TypeAlias = Complete | Fail


class Script:
    """What the runs of one job function do, step by step. `Server.script` creates it.

    Each `complete` or `fail` ends the script of one run; the steps after it are for the next run. When all have been played,
    the last one is repeated. A run whose script has no end completes with `{}`.
    """

    def __init__(self, name: str, clock: VirtualClock, payloads: Callable[[], list[dict[str, Any]]]) -> None:
        self._name = name
        self._clock = clock
        self._read_payloads = payloads
        self._steps_by_run: list[list[Step]] = [[]]
        self._runs: list[ScriptedRun] = []
        self._waiters: dict[str, Waiter] = {}
        self._gate = Gate()
        self._lock = Lock()

    def progress(self, percent: int, message: str | None = None, data: Mapping[str, Any] | None = None) -> Self:
        """Report progress.

        Args:
            percent: a whole number, usually 0 to 100; other numbers are kept as they are, as on the real server.
            message: what the job is doing.
            data: a JSON object of your own.

        Raises:
            TypeError: an argument of another type, which the real server would silently ignore.
        """
        if not is_a(percent, int) or is_a(percent, bool):
            raise TypeError(f"percent must be a whole number, not {described(percent)}: the real server drops any other report")
        whole = int.__index__(percent)
        checked = None if message is None else string("message", message)
        return self._append(Progress(whole, checked, None if data is None else _json_object("data", data)))

    def log(self, message: str, level: Level = "info") -> Self:
        """Write to the job's log: one log line for each line of the text.

        Servers of version 2026-04 show log lines only after their next start, and so does this one.

        Raises:
            TypeError: `message` is not a string.
            ValueError: `level` is none of trace, debug, info, warn, error, fatal, panic.
        """
        if not is_a(level, str) or level not in LEVELS:
            raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {described(level)}")
        return self._append(Log(string("message", message), level))

    def sleep(self, seconds: float | timedelta) -> Self:
        """Wait on the server's clock; `server.clock.advance` ends the wait.

        Raises:
            TypeError: `seconds` is neither a number nor a timedelta.
            ValueError: `seconds` is negative or not finite.
        """
        return self._append(Sleep(in_seconds("seconds", seconds)))

    def hold(self) -> Self:
        """Wait until `release`, so that a test can read the job, cancel it or let it time out."""
        return self._append(Hold())

    def complete(self, result: Mapping[str, Any] | None = None) -> Self:
        """Complete the job; with `{"success": False, "error": "why"}` the job fails with that as its `error_message`.

        Args:
            result: the job's result, `{}` if not given.

        Raises:
            TypeError: `result` is no mapping, or something in it has no JSON form.
        """
        return self._append(Complete({} if result is None else _json_object("result", result)))

    def fail(self, text: str) -> Self:
        """Fail the job as an exception does: `error_message` is `exit status 1`, and the text is only in the job's log.

        Raises:
            TypeError: `text` is not a string.
        """
        return self._append(Fail(string("text", text)))

    def wait_until_held(self, timeout: float | timedelta = _HELD_TIMEOUT_SECONDS) -> ScriptedRun:
        """Wait for a run to reach a `hold()`, and return it.

        Blocks the thread: in async code, `await anyio.to_thread.run_sync(script.wait_until_held)` lets other tasks continue.

        Args:
            timeout: seconds of real time, or a timedelta.

        Raises:
            TimeoutError: no run has reached a `hold()` in that time.
        """
        run = self._gate.wait_for_run(in_seconds("timeout", timeout))
        if run is None:
            raise TimeoutError(f"no run of {self._name} was held within {timeout} s: {len(self.runs)} have begun")
        return run

    def release(self) -> None:
        """Let the held run continue; if there is none, the next `hold()` does not wait."""
        self._gate.release()

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """The payloads of all submitted jobs, in the order of submission; `{}` for a job without one.

        Raises:
            RuntimeError: the server is closed.
        """
        return self._read_payloads()

    @property
    def runs(self) -> Sequence[ScriptedRun]:
        """The runs that have begun, in order."""
        return tuple(self._runs)

    def waiting_jobs(self) -> frozenset[str]:
        """The ids of jobs whose runs are held or sleep."""
        return frozenset(job_id for job_id, waiter in [*self._waiters.items()] if waiter.is_waiting)

    async def handle(self, payload: dict[str, Any], context: Context) -> dict[str, Any]:
        """Play the next run, as a job function's handler."""
        run = ScriptedRun(context.job_id, payload, context.retry_count, context.user)
        with self._lock:
            steps = [*self._steps_by_run[min(len(self._runs), len(self._steps_by_run) - 1)]]
            self._runs.append(run)
        try:
            return await self._play(steps, run, context)
        finally:
            self._waiters.pop(run.job_id, None)

    def _append(self, step: Step) -> Self:
        with self._lock:
            if self._steps_by_run[-1] and isinstance(self._steps_by_run[-1][-1], Ending):
                self._steps_by_run.append([])
            self._steps_by_run[-1].append(step)
        return self

    async def _play(self, steps: list[Step], run: ScriptedRun, context: Context) -> dict[str, Any]:
        for step in steps:
            match step:
                case Progress(percent, message, data):
                    context.progress(percent, message, data)
                case Log(message, level):
                    context.log(message, level)
                case Sleep(seconds):
                    sleeper = self._waiters[run.job_id] = self._clock.sleeper(seconds)
                    await self._clock.sleep_until(sleeper)
                case Hold():
                    await self._hold(run)
                case Complete(result):
                    return cast("dict[str, Any]", normalise(result))  # a copy, of any depth
                case Fail(text):
                    raise ScriptedFailureError(text)
                case _:
                    assert_never(step)
        return {}

    async def _hold(self, run: ScriptedRun) -> None:
        waiter = self._gate.enter(run)
        if waiter:
            self._waiters[run.job_id] = waiter
            await waiter.wait()


class Gate:
    """Holds the runs of one script; each release lets one run continue, whether it comes before or after the run."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: deque[tuple[ScriptedRun, Waiter]] = deque()
        self._passes = 0

    def enter(self, run: ScriptedRun) -> Waiter | None:
        """The wait of a run that has reached the gate; None if it may continue at once. Call it in the run's event loop."""
        with self._changed:
            if self._passes:
                self._passes -= 1
                return None
            waiter = Waiter()
            self._waiting.append((run, waiter))
            self._changed.notify_all()
            return waiter

    def release(self) -> None:
        """Let the run that has waited longest continue, or the next one that arrives."""
        with self._changed:
            self._drop_ended_runs()
            if self._waiting:
                self._waiting.popleft()[1].wake()
            else:
                self._passes += 1

    def wait_for_run(self, timeout_seconds: float) -> ScriptedRun | None:
        """Wait until a run is held, and return the one that has waited longest; None after the timeout."""
        with self._changed:
            return self._waiting[0][0] if self._changed.wait_for(self._has_run, timeout_seconds) else None

    def _has_run(self) -> bool:
        self._drop_ended_runs()
        return bool(self._waiting)

    def _drop_ended_runs(self) -> None:
        """Forget runs that were cancelled or timed out while they were held."""
        self._waiting = deque((run, waiter) for run, waiter in self._waiting if waiter.is_waiting)


def submitted_payloads(jobs: Jobs, name: str, namespace: str) -> list[dict[str, Any]]:
    """The payloads of a function's jobs in the order of submission; `{}` for a job without one."""
    newest_first = jobs.find(JobFilter(job_name=name, namespace=namespace, limit=0))
    return [json.loads(job.payload or "{}") for job in reversed(newest_first)]


def _json_object(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    if not is_a(value, Mapping):
        raise TypeError(f"{name} must be a mapping, as the server takes nothing else, not {type_name(value)}")
    try:
        return cast("dict[str, Any]", normalise(value))
    except TypeError as error:
        raise TypeError(f"{name} must be a JSON value: {error}") from None
