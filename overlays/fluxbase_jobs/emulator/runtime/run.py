"""One run of one job: its handler in a thread of its own, its end, and how it is stopped.

A thread each, with an event loop of its own where the handler is async, because the real server runs each job in a
process of its own: a handler that waits holds up neither the server nor another job. One that computes shares the
interpreter with them, and a single long call into C that keeps it to itself stops everything until it returns.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..formats.json_text import go_text, normalise, parse
from ..formats.timestamps import duration
from ..handlers.context import Context, JobUser
from .async_handler import AsyncHandler
from .interrupts import Interrupts, RunStopped
from .outcomes import Ending, Failed, Outcome, of_exception, of_return
from .reports import Reports

if TYPE_CHECKING:
    from ..handlers.decorator import Handler
    from ..store import Job, Jobs, Logs

THREAD_NAME = "fluxbase job"
"""How the names of the handlers' threads begin."""

_DEFAULT_SECONDS = 300
"""What a run may take when the function's timeout is not above zero, as April's are that came by sync without one."""

_AGAIN_SECONDS = 0.5
"""How long after an interrupt the next one comes: what a handler has for its `finally` blocks."""

_RETRY_SECONDS = 0.01
"""How soon an interrupt is tried again where the handler could not be interrupted, being within a report, say."""

_LOGGER = logging.getLogger(__name__)


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
        self._clock = clock
        self._interrupts = Interrupts()
        self._reports = Reports(job.id, jobs, logs, clock, self._interrupts)
        self._async_handler: AsyncHandler | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._work, name=f"{THREAD_NAME} {job.id}", daemon=True)
        self._server_loop = asyncio.get_running_loop()
        self._end: asyncio.Future[Outcome | None] = self._server_loop.create_future()

    async def outcome(self) -> Outcome | None:
        """Run the handler and wait for its end, or for the job's time to run out; None if the run was stopped."""
        timer = asyncio.create_task(self._time_out())
        try:
            await asyncio.sleep(0)  # the timer first: whoever sees the handler at work may set the clock forward
            self._thread.start()
            return await self._end
        finally:
            timer.cancel()
            self.stop()

    def stop(self) -> None:
        """End the run, from any thread: nothing of it is stored any more, and its handler is interrupted until it ends."""
        if self._reports.close() and not self._is_over:
            self._tell_server(None)
            threading.Thread(target=self._drive_out, name=f"{THREAD_NAME} {self._job.id} stops", daemon=True).start()

    def join(self, timeout_seconds: float) -> None:
        """Wait for the end of the handler, not just of the run."""
        if self._thread.is_alive():  # else it has ended, or never begun
            self._thread.join(timeout_seconds)

    async def _time_out(self) -> None:
        seconds = self._job.max_duration_seconds if self._job.max_duration_seconds > 0 else _DEFAULT_SECONDS
        await self._clock.sleep(seconds)
        self._finish(Failed(f"execution timeout after {duration(seconds)}"))

    def _drive_out(self) -> None:
        while self._thread.is_alive():
            handler = self._async_handler or self._interrupts
            self._thread.join(_AGAIN_SECONDS if handler.interrupt() else _RETRY_SECONDS)

    def _work(self) -> None:
        # A stop that came before the thread had begun found nothing to interrupt.
        outcome = None if self._reports.is_closed else self._worked_out()
        self._is_over = True
        self._tell_server(outcome)

    def _worked_out(self) -> Outcome | None:
        try:
            ending = self._handle()
            for level, line in ending.lines:
                self._reports.log(line, level)
        except RunStopped:
            return None
        except BaseException as error:  # an exception of the handler's own may raise anything when it is looked at
            _LOGGER.exception("job %s could not be logged", self._job.id)
            return Failed(f"Internal error: job execution panic: {error}")
        return ending.outcome

    def _handle(self) -> Ending:
        try:
            return of_return(self._call())
        except BaseException as error:
            if self._reports.is_closed:
                raise RunStopped from error
            return of_exception(error)

    def _call(self) -> object:
        returned = self._interrupts.run(partial(self._handler, self._payload(), self._context()))
        if not inspect.isawaitable(returned):
            return returned
        self._async_handler = AsyncHandler(returned, self._interrupts)
        return self._async_handler.run()

    def _payload(self) -> dict[str, Any]:
        # Through Go's text, because that is how the real handlers get it: keys sorted (lifecycle: logs).
        stored = normalise(parse((self._job.payload or "{}").encode()))
        payload = parse(go_text(stored).encode())
        return payload if isinstance(payload, dict) else {}

    def _context(self) -> Context:
        job = self._job
        user = JobUser(job.created_by, job.user_email, job.user_role)
        return Context(job.id, job.job_name, job.namespace, job.retry_count, user, reports=self._reports)

    def _tell_server(self, outcome: Outcome | None) -> None:
        with suppress(RuntimeError):  # the server's loop has closed: it is stopping, nobody waits
            self._server_loop.call_soon_threadsafe(self._finish, outcome)

    def _finish(self, outcome: Outcome | None) -> None:
        if not self._end.done():
            self._end.set_result(outcome)
