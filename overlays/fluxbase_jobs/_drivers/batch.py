"""The sync driver for batches: carries many plans out at once and yields their results in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, Final, Generic, TypeVar, cast

from attrs import define, field

from .._plans.exchange.steps import Plan
from .._plans.submit_many import BatchReport
from .._transports.base import Transport
from .._transports.clock import monotonic
from .._transports.messages import RawResponse, Request
from ..errors import FluxbaseError
from . import driver, observer

T = TypeVar("T")
ItemT = TypeVar("ItemT")

GRACE_SECONDS: Final = 1.0
"""Seconds that the requests in flight get to finish after Ctrl-C or `close()`."""
BUSY: Final = 0.8
"""From this share of CPU time on, threads only wait for each other: fewer of them are faster."""
IDLE: Final = 0.5
"""Below this share of CPU time the requests wait for the server: more of them at once are faster."""


class BatchStopped(BaseException):  # a signal, as GeneratorExit is one
    """Raised in a plan of a batch that has been stopped, in place of sending its next request."""


def run_many(
    plans: Iterator[tuple[ItemT, Plan[T]]], transport: Transport, concurrency: int, report: BatchReport[T]
) -> Generator[tuple[ItemT, T]]:
    """Carry many plans out, at most `concurrency` at a time, and yield each item with its plan's result, in order.

    When the caller's code raises (the items, a callback), the results of what was sent are yielded first. After Ctrl-C or `close()` nothing
    new is sent, and what is in flight gets a moment to finish.
    """
    window: _Window[ItemT, T] = _Window(transport, concurrency)
    raised: BaseException | None = None
    try:
        while True:
            raised = raised or window.fill(plans)
            if not window.pending:
                break
            item, task = window.next()
            if task.error is not None:
                raised = raised or task.error
                continue
            result = cast("T", task.result)
            report.count(result)
            raised = raised or _reported(report, transport)
            yield item, result
    except GeneratorExit:
        window.stop()
        raise
    except BaseException as interruption:
        window.stop()
        interruption.add_note(report.note([task.result for _, task in window.pending]))
        raise
    finally:
        window.end_threads()
    if raised is not None:
        raised.add_note(report.note([]))
        raise raised


def _reported(report: BatchReport[T], transport: Transport) -> Exception | None:
    """Call the user's `on_progress`, and return what it raises."""
    try:
        driver.run(report.report_progress(), transport)
    except Exception as error:  # noqa: BLE001  # the user's; raised once all results are yielded
        return error
    return None


@define(eq=False)
class _Task(Generic[T]):
    """A plan, and what came of it."""

    item: object
    plan: Plan[T]
    context: Context = field(factory=copy_context)
    """The caller's context variables, like the span that is current there."""
    ended: threading.Lock = field(factory=threading.Lock)
    """Held until the plan has ended."""
    result: T | None = None
    error: BaseException | None = None
    cpu_seconds: float = 0.0
    started: bool = False
    """Whether a thread was given the task; else the caller's own thread carries it out."""

    def __attrs_post_init__(self) -> None:
        self.ended.acquire()

    def carry_out(self, transport: Any) -> None:
        """Run the plan in the current thread."""
        start = time.thread_time()
        try:
            self.result = self.context.run(self._observed, transport)
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            self.error = error
        self.cpu_seconds = time.thread_time() - start
        self.ended.release()

    def _observed(self, transport: Any) -> T:
        with observer.call("submit", self.item) as observed:
            result = driver.run(self.plan, transport)
            observed.ended(result)
        return result


@define(eq=False)
class _StoppableTransport:
    """A transport that sends nothing more once it is stopped."""

    transport: Transport
    stopped: bool = False

    def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request, unless the batch was stopped."""
        if self.stopped:
            raise BatchStopped
        return self.transport.send(request, timeout)


class _Window(Generic[ItemT, T]):
    """The items that have been read but not yielded yet, at most `concurrency`, and the threads that submit them.

    The threads are daemons: a request without an answer must not keep the interpreter from exiting.
    """

    def __init__(self, transport: Transport, concurrency: int) -> None:
        self.pending: deque[tuple[ItemT, _Task[T]]] = deque()
        self._transport = _StoppableTransport(transport)
        self._tasks: SimpleQueue[_Task[T] | None] = SimpleQueue()
        self._threads = 0
        self._width = _Width(concurrency)

    def fill(self, plans: Iterator[tuple[ItemT, Plan[T]]]) -> Exception | None:
        """Read items and start to submit them, as many as fit. Returns what the caller's iterator raises."""
        try:
            while len(self.pending) < self._width.current:
                item, plan = next(plans)
                task = _Task(item, plan)
                self.pending.append((item, task))
                if self._width.current > 1:
                    self._start(task)
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001  # the user's; raised once all results are yielded
            return error
        return None

    def next(self) -> tuple[ItemT, _Task[T]]:
        """Wait for the oldest item's plan to end, and take the item out."""
        item, task = self.pending[0]
        if task.started:
            task.ended.acquire()
        else:
            task.carry_out(self._transport)
        self.pending.popleft()
        self._width.measure(task.cpu_seconds)
        return item, task

    def stop(self) -> None:
        """Send nothing new, and wait for what is in flight, but not for long."""
        self._transport.stopped = True
        end = monotonic() + GRACE_SECONDS
        for _, task in self.pending:
            if task.started:
                task.ended.acquire(timeout=max(0.0, end - monotonic()))

    def end_threads(self) -> None:
        """Let each thread end once it has nothing to do."""
        for _ in range(self._threads):
            self._tasks.put(None)

    def _start(self, task: _Task[T]) -> None:
        task.started = True
        self._tasks.put(task)
        if self._threads < len(self.pending):
            threading.Thread(target=self._work, name="fluxbase-jobs", daemon=True).start()
            self._threads += 1

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task.carry_out(self._transport)


@define
class _Width:
    """How many requests to have in flight: all that are allowed where they wait for the server, fewer where they wait for the interpreter.

    On a fast server the threads of one process slow each other down: eight of them submit at half the speed of one.
    """

    allowed: int
    current: int = field(init=False)
    _results: int = 0
    _cpu_seconds: float = 0.0
    _since: float = field(factory=monotonic)

    def __attrs_post_init__(self) -> None:
        self.current = self.allowed

    def measure(self, cpu_seconds: float) -> None:
        """Note what a plan took; now and then, change the width by what share of the time was computing."""
        self._results += 1
        self._cpu_seconds += cpu_seconds
        if self._results < max(self.current, 4):
            return
        now = monotonic()
        share = self._cpu_seconds / max(now - self._since, 1e-9)
        if share > BUSY:
            self.current = max(1, self.current // 4)
        elif share < IDLE:
            self.current = min(self.allowed, self.current * 4)
        self._results, self._cpu_seconds, self._since = 0, 0.0, now
