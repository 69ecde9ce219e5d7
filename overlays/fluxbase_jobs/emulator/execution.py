"""One run of one job: its handler in a thread of its own, its reports, its end.

A thread each, with an event loop of its own where the handler is async, because the real server runs each job in a
process of its own: a handler that blocks holds up neither the server nor another job.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .clock import Clock, micros
from .context import Context, JobUser, Level
from .jsontext import clean_text, go_text, normalise, parse
from .outcomes import Ending, Failed, Outcome, of_exception, of_return
from .progress import progress_text
from .times import duration

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .functions import Handler
    from .store import Job, Jobs, Logs

THREAD_NAME = "fluxbase job"
"""How the names of the handlers' threads begin."""

_DEFAULT_SECONDS = 300
"""What a run may take when the function's timeout is not above zero, as April's are that came by sync without one."""

_LOGGER = logging.getLogger(__name__)


class RunStopped(BaseException):
    """Raised in the handler of a stopped run. No `Exception`, so that handlers do not catch it by accident."""


class Run:
    """One run of a job.

    Args:
        job: the job as claimed.
        handler: what to run.
        jobs: takes the progress.
        logs: takes the log lines.
        clock: times the run.

    """

    def __init__(self, job: Job, handler: Handler, jobs: Jobs, logs: Logs, clock: Clock) -> None:
        self._job = job
        self._handler = handler
        self._jobs = jobs
        self._logs = logs
        self._clock = clock
        self._started_ns = clock.now_ns()
        self._line = 0
        self._stopped = threading.Event()
        self._async_handler: tuple[asyncio.AbstractEventLoop, asyncio.Future[object]] | None = None
        self._server_loop = asyncio.get_running_loop()
        self._end: asyncio.Future[Outcome | None] = self._server_loop.create_future()

    async def outcome(self) -> Outcome | None:
        """Run the handler and wait for its end, or for the job's time to run out; None if the run was stopped."""
        threading.Thread(target=self._thread, name=f"{THREAD_NAME} {self._job.id}", daemon=True).start()
        timer = asyncio.create_task(self._time_out())
        try:
            return await self._end
        finally:
            timer.cancel()
            self.stop()

    def stop(self) -> None:
        """End the run, from any thread: an async handler is cancelled, a sync one ends at its next report."""
        self._stopped.set()
        self._tell_server(None)
        if self._async_handler:
            loop, task = self._async_handler
            with suppress(RuntimeError):  # its loop has just closed: the handler is at its end anyway
                loop.call_soon_threadsafe(task.cancel)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def report_progress(self, percent: float, message: str | None, data: object) -> None:
        """Keep the handler's progress, or drop it where the real server would."""
        self._check()
        elapsed_seconds = (self._clock.now_ns() - self._started_ns) / 1e9
        text = progress_text(percent, message, data, elapsed_seconds)
        if text is None:
            _LOGGER.warning("job %s: progress(%r) was dropped, as the real server does", self._job.id, percent)
        else:
            self._jobs.report_progress(self._job.id, text, micros(self._clock))

    def write_log(self, text: str, level: Level) -> None:
        """Write the handler's lines to the job's log."""
        self._check()
        for line in clean_text(text).split("\n"):
            self._logs.add(self._job.id, self._line, level, line, micros(self._clock))
            self._line += 1

    async def _time_out(self) -> None:
        seconds = self._job.max_duration_seconds if self._job.max_duration_seconds > 0 else _DEFAULT_SECONDS
        await self._clock.sleep(seconds)
        self._finish(Failed(f"execution timeout after {duration(seconds)}"))

    def _check(self) -> None:
        if self.is_stopped:
            raise RunStopped

    def _thread(self) -> None:
        try:
            ending = self._handle()
            for level, line in ending.lines:
                self.write_log(line, level)
        except RunStopped:
            return
        except Exception as error:
            _LOGGER.exception("job %s could not be logged", self._job.id)
            self._tell_server(Failed(f"Internal error: job execution panic: {error}"))
        else:
            self._tell_server(ending.outcome)

    def _handle(self) -> Ending:
        try:
            return of_return(self._call())
        except RunStopped:
            raise
        except BaseException as error:
            if self.is_stopped:
                raise RunStopped from error
            return of_exception(error)

    def _call(self) -> object:
        returned = self._handler(self._payload(), self._context())
        return asyncio.run(self._await(returned)) if inspect.isawaitable(returned) else returned

    async def _await(self, returned: Awaitable[object]) -> object:
        task = asyncio.ensure_future(returned)
        self._async_handler = asyncio.get_running_loop(), task
        if self.is_stopped:
            task.cancel()
        return await task

    def _payload(self) -> dict[str, Any]:
        # Through Go's text, because that is how the real handlers get it: keys sorted (lifecycle: logs).
        stored = normalise(parse((self._job.payload or "{}").encode()))
        payload = parse(go_text(stored).encode())
        return payload if isinstance(payload, dict) else {}

    def _context(self) -> Context:
        job = self._job
        user = JobUser(job.created_by, job.user_email, job.user_role)
        return Context(job.id, job.job_name, job.namespace, job.retry_count, user, run=self)

    def _tell_server(self, outcome: Outcome | None) -> None:
        with suppress(RuntimeError):  # the server's loop has closed: it is stopping, nobody waits
            self._server_loop.call_soon_threadsafe(self._finish, outcome)

    def _finish(self, outcome: Outcome | None) -> None:
        if not self._end.done():
            self._end.set_result(outcome)
