"""One run of one job: its handler in its own thread, how the run ends, and how it is stopped.

Each run has its own thread, and its own event loop if the handler is async, because the real server runs each job in
its own process: a handler that waits delays neither the server nor another job. A handler that computes shares the
interpreter with them, and a single long call into C that does not release the GIL stops everything until it returns.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from contextlib import suppress
from functools import partial
from typing import Any, Final

from ..clock import Clock
from ..faults.defects import Defects
from ..formats.json_text import go_text, normalise, parse
from ..formats.timestamps import duration
from ..handlers.context import Context, JobUser
from ..handlers.decorator import Handler
from ..store import Job, Jobs, Logs
from .async_handler import AsyncHandler
from .interrupts import Interrupts, RunStopped
from .outcomes import Failed, HandlerEnd, Hanging, Outcome, end_of_exception, end_of_return
from .reports import RunReports

THREAD_NAME: Final = "fluxbase job"
"""Prefix of the names of the handlers' threads."""

_DEFAULT_SECONDS: Final = 300
"""Time limit of a run whose function has no timeout above zero: April stores such functions when they are synced."""

_INTERRUPT_INTERVAL_SECONDS: Final = 0.5
"""Pause between two interrupts: the time a handler has for its `finally` blocks."""

_RETRY_SECONDS: Final = 0.01
"""Pause before the next attempt when the handler could not be interrupted, for example while it stores a report."""

_LOGGER: Final = logging.getLogger(__name__)


class Run:
    """One run of a job.

    Args:
        job: the job as claimed.
        handler: the function to call.
        jobs: where progress is stored.
        logs: where log lines are stored.
        clock: measures the run's time limit.
        defects: decides whether the run's last lines are lost, and whether its end can be stored.
    """

    def __init__(self, job: Job, handler: Handler, jobs: Jobs, logs: Logs, clock: Clock, *, defects: Defects) -> None:
        self._job = job
        self._handler = handler
        self._clock = clock
        self._interrupts = Interrupts()
        self._lost_output = defects.claim("lost output")
        self._is_hanging = defects.claim("hanging job") is not None
        self._reports = RunReports(job, jobs, logs, clock, self._interrupts, lost_output=self._lost_output)
        self._async_handler: AsyncHandler | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run_in_thread, name=f"{THREAD_NAME} {job.id}", daemon=True)
        self._server_loop = asyncio.get_running_loop()
        self._end: asyncio.Future[Outcome | None] = self._server_loop.create_future()

    async def outcome(self) -> Outcome | None:
        """Run the handler until it ends or the job's time limit is reached; None if the run was stopped."""
        timer = asyncio.create_task(self._time_out())
        try:
            await asyncio.sleep(0)  # start the timer first: a test may set the clock forward as soon as the handler runs
            self._thread.start()
            return await self._end
        finally:
            timer.cancel()
            self.stop()

    def stop(self) -> None:
        """Stop the run, from any thread: nothing more of it is stored, and its handler is interrupted until it ends."""
        if self._reports.close() and not self._is_over:
            self._notify_server(None)
            threading.Thread(target=self._interrupt_until_done, name=f"{THREAD_NAME} {self._job.id} stops", daemon=True).start()

    def join(self, timeout_seconds: float) -> None:
        """Wait for the handler's thread to end, which may be later than the end of the run."""
        if self._thread.is_alive():  # otherwise it has ended, or never started
            self._thread.join(timeout_seconds)

    async def _time_out(self) -> None:
        seconds = self._job.max_duration_seconds if self._job.max_duration_seconds > 0 else _DEFAULT_SECONDS
        await self._clock.sleep(seconds)
        self._finish(Failed(f"execution timeout after {duration(seconds)}"))

    def _interrupt_until_done(self) -> None:
        while self._thread.is_alive():
            handler = self._async_handler or self._interrupts
            self._thread.join(_INTERRUPT_INTERVAL_SECONDS if handler.interrupt() else _RETRY_SECONDS)

    def _run_in_thread(self) -> None:
        # A stop that came before the thread had started found nothing to interrupt.
        outcome = None if self._reports.is_closed else self._run_and_log()
        self._is_over = True
        self._notify_server(outcome)

    def _run_and_log(self) -> Outcome | None:
        try:
            end = self._call_and_judge()
            self._reports.end(end.lines)
        except RunStopped:
            return None
        except BaseException as error:  # formatting the handler's own exception may raise anything
            _LOGGER.exception("job %s could not be logged", self._job.id)
            return Failed(f"Internal error: job execution panic: {error}")
        if self._is_hanging:
            return Hanging()
        return end.outcome_unread if self._lost_output else end.outcome

    def _call_and_judge(self) -> HandlerEnd:
        try:
            return end_of_return(self._call())
        except BaseException as error:
            if self._reports.is_closed:
                raise RunStopped from error
            self._reports.show_exception(error)
            return end_of_exception(error)

    def _call(self) -> object:
        returned = self._interrupts.run(partial(self._handler, self._payload(), self._context()))
        if not inspect.isawaitable(returned):
            return returned
        self._async_handler = AsyncHandler(returned, self._interrupts)
        return self._async_handler.run()

    def _payload(self) -> dict[str, Any]:
        # Through Go's JSON text, because the real handlers get it so, with keys sorted (lifecycle: logs).
        stored = normalise(parse((self._job.payload or "{}").encode()))
        payload = parse(go_text(stored).encode())
        return payload if isinstance(payload, dict) else {}

    def _context(self) -> Context:
        job = self._job
        user = JobUser(job.created_by, job.user_email, job.user_role)
        return Context(job.id, job.job_name, job.namespace, job.retry_count, user, reports=self._reports)

    def _notify_server(self, outcome: Outcome | None) -> None:
        with suppress(RuntimeError):  # the server's loop has closed: it is stopping, and nobody waits for the outcome
            self._server_loop.call_soon_threadsafe(self._finish, outcome)

    def _finish(self, outcome: Outcome | None) -> None:
        if not self._end.done():
            self._end.set_result(outcome)
