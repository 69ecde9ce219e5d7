"""Scripted jobs: what a run reports, how long it takes and how it ends, said in a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from threading import Lock
from typing import Any, Self, assert_never, cast

from fluxbase_jobs.emulator.formats.json_text import normalise
from fluxbase_jobs.emulator.handlers.context import LEVELS, Context, Level

from .clock import VirtualClock
from .gate import Gate
from .steps import Complete, Ending, Fail, Hold, Log, Progress, ScriptedFailureError, ScriptedRun, Sleep, Step
from .validation import a_text, in_seconds
from .waiter import Waiter

_HELD_SECONDS = 5.0


class Script:
    """What the runs of one job function do, step by step. `Server.script` makes it.

    Each `complete` or `fail` ends the script of one run; the steps after it are the next run's. When all have been played,
    the last one is played again. A run whose script has no end completes with `{}`.
    """

    def __init__(self, name: str, clock: VirtualClock, submitted: Callable[[], list[dict[str, Any]]]) -> None:
        self._name = name
        self._clock = clock
        self._submitted = submitted
        self._plans: list[list[Step]] = [[]]
        self._runs: list[ScriptedRun] = []
        self._waiters: dict[str, Waiter] = {}
        self._gate = Gate()
        self._lock = Lock()

    def progress(self, percent: int, message: str | None = None, data: Mapping[str, Any] | None = None) -> Self:
        """Report progress.

        Args:
            percent: a whole number, usually 0 to 100; it is not cut, as on the real server.
            message: what is being done.
            data: a JSON object of your own.

        Raises:
            TypeError: an argument of another type, which the real server would drop without a word.

        """
        if not isinstance(cast("object", percent), int) or isinstance(percent, bool):
            raise TypeError(f"percent must be a whole number, not {percent!r}: the real server drops any other report")
        said = None if message is None else a_text("message", message)
        return self._add(Progress(percent, said, None if data is None else _json_object("data", data)))

    def log(self, message: str, level: Level = "info") -> Self:
        """Write to the job's log, a line for each line of the text.

        Servers of the profile 2026-04 show the lines of a log only after their next start, and so does this one.

        Raises:
            TypeError: `message` is no text.
            ValueError: `level` is none of trace, debug, info, warn, error, fatal, panic.

        """
        if level not in LEVELS:
            raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
        return self._add(Log(a_text("message", message), level))

    def sleep(self, seconds: float | timedelta) -> Self:
        """Wait on the server's clock: `server.clock.advance` ends it.

        Raises:
            TypeError: `seconds` is neither a number nor a timedelta.
            ValueError: `seconds` is negative or not finite.

        """
        return self._add(Sleep(in_seconds("seconds", seconds)))

    def hold(self) -> Self:
        """Wait until `release`, so that a test can look at the job, cancel it or let it time out."""
        return self._add(Hold())

    def complete(self, result: Mapping[str, Any] | None = None) -> Self:
        """End the run well; with `{"success": False, "error": "why"}` the job has failed with that as its `error_message`.

        Args:
            result: the job's result, `{}` if not given.

        Raises:
            TypeError: `result` is no mapping, or something in it has no JSON form.

        """
        return self._add(Complete({} if result is None else _json_object("result", result)))

    def fail(self, text: str) -> Self:
        """End the run as an exception does: `error_message` is `exit status 1`, and the text is in the job's log only.

        Raises:
            TypeError: `text` is no text.

        """
        return self._add(Fail(a_text("text", text)))

    def wait_until_held(self, timeout: float | timedelta = _HELD_SECONDS) -> ScriptedRun:
        """Return the run that is held, as soon as there is one.

        Blocks the thread: in async code, `await anyio.to_thread.run_sync(script.wait_until_held)` lets other tasks go on.

        Args:
            timeout: seconds of real time, or a timedelta.

        Raises:
            TimeoutError: no run has come to a `hold()` in that time.

        """
        run = self._gate.held(in_seconds("timeout", timeout))
        if run is None:
            raise TimeoutError(f"no run of {self._name} was held within {timeout} s: {len(self.runs)} have begun")
        return run

    def release(self) -> None:
        """Let the run that is held go on; if there is none, the next `hold()` does not wait."""
        self._gate.release()

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """The payloads of all jobs that were submitted, the first one first; `{}` for none.

        Raises:
            RuntimeError: the server is closed.

        """
        return self._submitted()

    @property
    def runs(self) -> Sequence[ScriptedRun]:
        """The runs that have begun, in order."""
        return tuple(self._runs)

    def resting(self) -> frozenset[str]:
        """Return the ids of the jobs whose runs are held or sleep."""
        return frozenset(job_id for job_id, waiter in [*self._waiters.items()] if waiter.is_waiting)

    async def handle(self, payload: dict[str, Any], context: Context) -> dict[str, Any]:
        """Play the next run, as a job function's handler."""
        run = ScriptedRun(context.job_id, payload, context.retry_count, context.user)
        with self._lock:
            plan = [*self._plans[min(len(self._runs), len(self._plans) - 1)]]
            self._runs.append(run)
        try:
            return await self._play(plan, run, context)
        finally:
            self._waiters.pop(run.job_id, None)

    def _add(self, step: Step) -> Self:
        with self._lock:
            if self._plans[-1] and isinstance(self._plans[-1][-1], Ending):
                self._plans.append([])
            self._plans[-1].append(step)
        return self

    async def _play(self, plan: list[Step], run: ScriptedRun, context: Context) -> dict[str, Any]:
        for step in plan:
            match step:
                case Progress(percent, message, data):
                    context.progress(percent, message, data)
                case Log(message, level):
                    context.log(message, level)
                case Sleep(seconds):
                    sleeper = self._waiters[run.job_id] = self._clock.sleeper(seconds)
                    await self._clock.doze(sleeper)
                case Hold():
                    await self._held(run)
                case Complete(result):
                    return deepcopy(result)
                case Fail(text):
                    raise ScriptedFailureError(text)
                case _:
                    assert_never(step)
        return {}

    async def _held(self, run: ScriptedRun) -> None:
        waiter = self._gate.come(run)
        if waiter:
            self._waiters[run.job_id] = waiter
            await waiter.wait()


def _json_object(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(cast("object", value), Mapping):
        raise TypeError(f"{name} must be a mapping, as the server takes nothing else, not {type(value).__name__}")
    try:
        normalise(value)
    except TypeError as error:
        raise TypeError(f"{name} must be a JSON value: {error}") from None
    return deepcopy(dict(value))
