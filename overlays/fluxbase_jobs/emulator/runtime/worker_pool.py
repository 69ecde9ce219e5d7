"""The workers: on every tick each may claim one job, highest priority first, and runs what it has claimed."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakSet

from attrs import define, field, frozen
from starlette.concurrency import run_in_threadpool

from ..clock import Clock, micros
from ..formats.json_text import jsonb_text
from .outcomes import Completed, Failed, Outcome
from .read_receipts import ReadReceipts
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..functions.registry import FunctionRegistry
    from ..handlers.context import Context
    from ..handlers.decorator import Handler
    from ..settings import Settings
    from ..store import Job, Jobs, Logs

_LAST_SECONDS = 0.5
"""What the handlers have for their ends when the server stops."""

_LOGGER = logging.getLogger(__name__)
_ACCESS_LOGGER = logging.getLogger("fluxbase_jobs.emulator.access.jobs")
_HEARTBEAT_MICROS = 10_000_000
"""How often the real server's workers say that they live."""


@define(eq=False)
class _Worker:
    """One worker's name on the wire, and how much it has to do."""

    id: str = field(factory=lambda: str(uuid4()))
    running: int = 0


@frozen
class WorkerRecord:
    """What admins see of a worker. Times are microseconds since 1970, metadata is a jsonb text."""

    id: str
    name: str
    hostname: str
    max_concurrent_jobs: int
    current_job_count: int
    last_heartbeat_at: int
    started_at: int
    metadata: str


class WorkerPool:
    """All workers of one emulator.

    Args:
        settings: pace and numbers.
        registry: what can be run, and what runs it.
        jobs: where work comes from.
        logs: takes the log lines.
        clock: dates what happens. The ticks are real time's: a virtual hour must not mean 72,000 of them.

    Attributes:
        read_receipts: to be told which jobs are read.

    """

    def __init__(self, settings: Settings, registry: FunctionRegistry, jobs: Jobs, logs: Logs, clock: Clock) -> None:
        self._settings = settings
        self._catalogue = registry
        self._jobs = jobs
        self._logs = logs
        self._clock = clock
        self._workers = [_Worker() for _ in range(settings.workers)]
        self.read_receipts = ReadReceipts()
        self._started_at: int | None = None
        self._runs: dict[str, Run] = {}
        # Of stopped runs too: a run stays in memory as long as its handler's thread.
        self._handlers = WeakSet[Run]()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to claim jobs, and to wait for those that an earlier server left running."""
        self._started_at = micros(self._clock)
        self._spawn(self._tick_for_ever())
        self._spawn(self._requeue_left_behind(self._jobs.running()))

    async def stop(self) -> None:
        """Stop claiming and end all runs; their jobs stay `running`, for the next start to requeue."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await run_in_threadpool(self._wait_for_handlers)

    def stop_run(self, job_id: str) -> None:
        """End the run of a job, if there is one. May be called from any thread."""
        run = self._runs.get(job_id)
        if run:
            run.stop()

    def records(self) -> list[WorkerRecord]:
        """Return the workers that have started; the last heartbeat is on the ten seconds since then."""
        if self._started_at is None:
            return []
        beating = (micros(self._clock) - self._started_at) // _HEARTBEAT_MICROS * _HEARTBEAT_MICROS
        host = socket.gethostname()
        return [
            WorkerRecord(
                id=worker.id,
                name=f"worker-{worker.id[:8]}@{host}",
                hostname=host,
                max_concurrent_jobs=self._settings.jobs_per_worker,
                current_job_count=worker.running,
                last_heartbeat_at=self._started_at + beating,
                started_at=self._started_at,
                metadata=jsonb_text({"hostname": host, "pid": os.getpid()}),
            )
            for worker in self._workers
        ]

    @property
    def running(self) -> frozenset[str]:
        """The ids of the jobs that are being run."""
        return frozenset(self._runs)

    @property
    def has_room(self) -> bool:
        """Whether a worker would take another job."""
        return any(worker.running < self._settings.jobs_per_worker for worker in self._workers)

    async def _tick_for_ever(self) -> None:
        while True:
            try:
                await self._claim()
            except Exception:
                _LOGGER.exception("no job could be claimed; the next tick tries again")
            await asyncio.sleep(self._settings.poll_interval)

    async def _claim(self) -> None:
        for worker in self._workers:
            if worker.running < self._settings.jobs_per_worker:
                job = await run_in_threadpool(self._jobs.claim, worker.id, micros(self._clock))
                if job is None:
                    return
                self._spawn(self._work(worker, job))

    async def _work(self, worker: _Worker, job: Job) -> None:
        worker.running += 1
        _ACCESS_LOGGER.info("job %s of %s/%s: running", job.id, job.namespace, job.job_name)
        try:
            outcome = await self._outcome(job)
            await run_in_threadpool(self._end, job, outcome)
        except Exception:
            _LOGGER.exception("job %s could not be ended", job.id)
        finally:
            worker.running -= 1

    async def _outcome(self, job: Job) -> Outcome | None:
        handler = await run_in_threadpool(self._handler, job)
        if isinstance(handler, Failed):
            await self.read_receipts.seen(job.id, self._settings.poll_interval)
            return handler
        run = self._runs[job.id] = Run(job, handler, self._jobs, self._logs, self._clock)
        self._handlers.add(run)
        try:
            # A cancel that came after the claim, but before the run could be found, shows in the row alone.
            still_running = await run_in_threadpool(self._jobs.is_running, job.id)
            return await run.outcome() if still_running else None
        finally:
            del self._runs[job.id]

    def _handler(self, job: Job) -> Handler | Failed:
        definition = self._catalogue.find(job.job_name, job.namespace)
        if definition is None:
            return Failed(f"Job function not found: job function not found: {job.namespace}/{job.job_name}")
        if not definition.enabled:
            return Failed("Job function is disabled")
        handler = self._catalogue.handler_of(job.job_name, job.namespace)
        if handler is None and self._settings.profile.loses_synced_code:
            return Failed("Job function has no code")
        return handler.handler if handler else _do_nothing

    def _end(self, job: Job, outcome: Outcome | None) -> None:
        now = micros(self._clock)
        match outcome:
            case Completed(result):
                self._jobs.complete(job.id, result, now)
            case Failed(error_message):
                self._jobs.fail(job.id, error_message, now)
            case None:
                """Cancelled: the job's row says so already."""
        if _ACCESS_LOGGER.isEnabledFor(logging.INFO):
            ended = self._jobs.get(job.id) or job
            seconds = (now - (job.started_at or now)) / 1e6
            _ACCESS_LOGGER.info("job %s of %s/%s: %s after %.2f s", job.id, job.namespace, job.job_name, ended.status, seconds)

    def _wait_for_handlers(self) -> None:
        deadline = time.monotonic() + _LAST_SECONDS
        for run in list(self._handlers):
            run.join(max(deadline - time.monotonic(), 0))

    async def _requeue_left_behind(self, job_ids: list[str]) -> None:
        if job_ids:
            await self._clock.sleep(self._settings.worker_timeout)
            await run_in_threadpool(self._jobs.requeue, job_ids)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _do_nothing(_payload: dict[str, Any], _context: Context) -> None:
    """Stand in for a function that came by sync: its code is kept and never run."""
