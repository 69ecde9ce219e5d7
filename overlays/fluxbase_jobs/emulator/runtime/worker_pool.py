"""The workers. Each claims at most one job a tick, highest priority first, and runs what it has claimed."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, ParamSpec
from uuid import uuid4
from weakref import WeakSet

from attrs import define, field, frozen
from starlette.concurrency import run_in_threadpool

from ..clock import Clock, micros
from ..faults.defects import Defects
from ..formats.json_text import jsonb_text
from ..formats.timestamps import duration
from ..functions.registry import FunctionRegistry
from ..handlers.context import Context
from ..handlers.decorator import Handler
from ..settings import Settings
from ..store import FullDiskError, Job, Jobs, Logs
from .outcomes import Completed, Failed, Hanging, Outcome
from .run import Run

_SHUTDOWN_SECONDS: Final = 0.5
"""Time handlers have to finish when the server stops."""

_HEARTBEAT_MICROS: Final = 10_000_000
"""Interval of the real server's worker heartbeats."""

_FULL_DISK_SECONDS: Final = 0.1
"""Pause before the end of a job is stored again, on a full disk."""

_P = ParamSpec("_P")
_LOGGER: Final = logging.getLogger(__name__)
_ACCESS_LOGGER: Final = logging.getLogger("fluxbase_jobs.emulator.access.jobs")


class ReadReceipts:
    """Keeps jobs that fail at once `running` until a client has read them.

    A job that cannot be run because it has no code is `running` for three milliseconds on April servers, and the recording
    shows it: read as running, and as failed in the next request (admin: `poll: running`). For clients to see both states
    here too, such a run lasts until its job has been read, but no longer than one poll interval of the workers.
    """

    def __init__(self) -> None:
        self._unread: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def wait_until_read(self, job_id: str, timeout_seconds: float) -> None:
        """Wait until a client has read the job, at most this many seconds of real time."""
        _, event = self._unread[job_id] = asyncio.get_running_loop(), asyncio.Event()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), timeout_seconds)
        finally:
            del self._unread[job_id]

    def mark_read(self, job_id: str) -> None:
        """Record that a client has read the job. Callable from any thread."""
        unread = self._unread.get(job_id)
        if unread:
            loop, event = unread
            loop.call_soon_threadsafe(event.set)


@define(eq=False)
class _Worker:
    """A worker's public id and the number of jobs it is running."""

    id: str = field(factory=lambda: str(uuid4()))
    running: int = 0


@frozen
class WorkerRecord:
    """What admins see of a worker. Times are microseconds since 1970, metadata is jsonb text."""

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
        settings: the poll interval and the numbers of workers and jobs.
        registry: the functions and their handlers.
        jobs: the queue.
        logs: where log lines are stored.
        clock: dates jobs. Ticks use real time instead: an hour of virtual time must not cost 72,000 of them.
        defects: those that runs have.

    Attributes:
        read_receipts: records which jobs clients have read.
    """

    def __init__(self, settings: Settings, registry: FunctionRegistry, jobs: Jobs, logs: Logs, clock: Clock, *, defects: Defects) -> None:
        self._settings = settings
        self._registry = registry
        self._jobs = jobs
        self._logs = logs
        self._clock = clock
        self._defects = defects
        self._workers = [_Worker() for _ in range(settings.workers)]
        self.read_receipts = ReadReceipts()
        self._started_at: int | None = None
        self._runs: dict[str, Run] = {}
        # Stopped runs included: a run stays in memory as long as its handler's thread.
        self._unfinished_runs = WeakSet[Run]()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start claiming jobs, and schedule the requeueing of those that an earlier server left running."""
        self._started_at = micros(self._clock)
        self._spawn(self._claim_periodically())
        self._spawn(self._requeue_orphans(self._jobs.running()))

    async def stop(self) -> None:
        """Stop claiming and stop all runs; their jobs stay `running`, and the next start requeues them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await run_in_threadpool(self._wait_for_handlers)

    def stop_run(self, job_id: str) -> None:
        """Stop the run of a job, if there is one. Callable from any thread."""
        run = self._runs.get(job_id)
        if run:
            run.stop()

    def records(self) -> list[WorkerRecord]:
        """The workers, once started; the last heartbeat is a multiple of ten seconds after the start."""
        if self._started_at is None:
            return []
        heartbeat = (micros(self._clock) - self._started_at) // _HEARTBEAT_MICROS * _HEARTBEAT_MICROS
        host = socket.gethostname()
        return [
            WorkerRecord(
                id=worker.id,
                name=f"worker-{worker.id[:8]}@{host}",
                hostname=host,
                max_concurrent_jobs=self._settings.jobs_per_worker,
                current_job_count=worker.running,
                last_heartbeat_at=self._started_at + heartbeat,
                started_at=self._started_at,
                metadata=jsonb_text({"hostname": host, "pid": os.getpid()}),
            )
            for worker in self._workers
        ]

    @property
    def running(self) -> frozenset[str]:
        """The ids of the jobs being run."""
        return frozenset(self._runs)

    @property
    def has_room(self) -> bool:
        """Whether a worker could claim another job."""
        return any(worker.running < self._settings.jobs_per_worker for worker in self._workers)

    async def _claim_periodically(self) -> None:
        while True:
            try:
                await self._claim()
            except FullDiskError:
                """The database said so; the next tick tries again."""
            except Exception:
                _LOGGER.exception("no job could be claimed; the next tick tries again")
            await asyncio.sleep(self._settings.poll_interval)

    async def _claim(self) -> None:
        for worker in self._workers:
            if worker.running < self._settings.jobs_per_worker:
                job = await run_in_threadpool(self._jobs.claim, worker.id, micros(self._clock))
                if job is None:
                    return
                self._spawn(self._run_job(worker, job))

    async def _run_job(self, worker: _Worker, job: Job) -> None:
        worker.running += 1
        _ACCESS_LOGGER.info("job %s of %s/%s: running", job.id, job.namespace, job.job_name)
        try:
            outcome = await self._outcome(job)
            await _stored(self._store_outcome, job, outcome)
            if isinstance(outcome, Hanging) and self._settings.profile.ends_silent_jobs:
                self._spawn(self._fail_silent_job(job))
        except Exception:
            _LOGGER.exception("job %s could not be ended", job.id)
        finally:
            worker.running -= 1

    async def _outcome(self, job: Job) -> Outcome | None:
        handler = await run_in_threadpool(self._handler_of, job)
        if isinstance(handler, Failed):
            await self.read_receipts.wait_until_read(job.id, self._settings.poll_interval)
            return handler
        run = self._runs[job.id] = Run(job, handler, self._jobs, self._logs, self._clock, defects=self._defects)
        self._unfinished_runs.add(run)
        try:
            # A cancellation between the claim and the registration of the run shows only in the job's row.
            still_running = await run_in_threadpool(self._jobs.is_running, job.id)
            return await run.outcome() if still_running else None
        finally:
            del self._runs[job.id]

    def _handler_of(self, job: Job) -> Handler | Failed:
        definition = self._registry.find(job.job_name, job.namespace)
        if definition is None:
            return Failed(f"Job function not found: job function not found: {job.namespace}/{job.job_name}")
        if not definition.enabled:
            return Failed("Job function is disabled")
        handler = self._registry.handler_of(job.job_name, job.namespace)
        if handler is None and self._settings.profile.loses_synced_code:
            return Failed("Job function has no code")
        return handler.handler if handler else _do_nothing

    def _store_outcome(self, job: Job, outcome: Outcome | None) -> None:
        now = micros(self._clock)
        match outcome:
            case Completed(result):
                self._jobs.complete(job.id, result, now)
            case Failed(error_message):
                self._jobs.fail(job.id, error_message, now)
            case Hanging():
                _LOGGER.warning("job %s stays running, as on the real server: the database would refuse its result or its error", job.id)
            case None:
                """The run was stopped: the job's row says why already."""
        if _ACCESS_LOGGER.isEnabledFor(logging.INFO):
            ended = self._jobs.get(job.id) or job
            seconds = (now - (job.started_at or now)) / 1e6
            _ACCESS_LOGGER.info("job %s of %s/%s: %s after %.2f s", job.id, job.namespace, job.job_name, ended.status, seconds)

    def _wait_for_handlers(self) -> None:
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        for run in list(self._unfinished_runs):
            run.join(max(deadline - time.monotonic(), 0))

    async def _fail_silent_job(self, job: Job) -> None:
        seconds = job.progress_timeout_seconds
        await self._clock.sleep(seconds)
        await _stored(self._jobs.fail, job.id, f"Progress timeout exceeded ({duration(seconds)})", micros(self._clock))

    async def _requeue_orphans(self, job_ids: list[str]) -> None:
        if job_ids:
            await self._clock.sleep(self._settings.worker_timeout)
            await _stored(self._jobs.requeue, job_ids)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _stored(write: Callable[_P, object], *arguments: _P.args, **options: _P.kwargs) -> None:
    """Run a write in a thread; on a full disk again and again, until there is room."""
    while True:
        try:
            await run_in_threadpool(write, *arguments, **options)
        except FullDiskError:
            await asyncio.sleep(_FULL_DISK_SECONDS)
        else:
            return


def _do_nothing(_payload: dict[str, Any], _context: Context) -> None:
    """Handler of functions that came by sync: their code is stored and never run."""
