"""The async driver for batches, under asyncio and trio: carries many plans out at once and yields their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, Generic, TypeVar, cast

from attrs import define

from .._lazy import anyio, asyncio
from .._plans.exchange.steps import Plan
from .._plans.submit_many import BatchReport
from .._transports.base import AsyncTransport
from .._transports.clock import is_asyncio, move_on_after
from .._transports.messages import RawResponse, Request
from ..errors import FluxbaseError
from . import driver_async as driver
from . import observer
from .batch import GRACE_SECONDS, BatchStopped

T = TypeVar("T")
ItemT = TypeVar("ItemT")


async def run_many(
    plans: Iterator[tuple[ItemT, Plan[T]]], transport: AsyncTransport, concurrency: int, report: BatchReport[T]
) -> AsyncGenerator[tuple[ItemT, T]]:
    """Carry many plans out, at most `concurrency` at a time, and yield each item with its plan's result, in order.

    Exceptions, cancellation and `aclose()` are treated as in the sync driver.
    """
    window: _Window[ItemT, T] = _Window(transport, concurrency)
    raised: BaseException | None = None
    try:
        while True:
            raised = raised or window.fill(plans)
            if not window.pending:
                break
            item, task = await window.next()
            if task.error is not None:
                raised = raised or task.error
                continue
            result = cast("T", task.result)
            report.count(result)
            raised = raised or await _reported(report, transport)
            yield item, result
    except GeneratorExit:
        await window.stop()
        raise
    except BaseException as interruption:
        await window.stop()
        interruption.add_note(report.note([task.result for _, task in window.pending]))
        raise
    if raised is not None:
        raised.add_note(report.note([]))
        raise raised


async def _reported(report: BatchReport[T], transport: AsyncTransport) -> Exception | None:
    """Call the user's `on_progress`, and return what it raises."""
    try:
        await driver.run(report.report_progress(), transport)
    except Exception as error:  # noqa: BLE001  # the user's; raised once all results are yielded
        return error
    return None


@define(eq=False)
class _Task(Generic[T]):
    """A plan, and what came of it."""

    item: object
    plan: Plan[T]
    ended: Any
    """An event of the running event loop: asyncio's own is made in a tenth of the time of anyio's."""
    cancel: Callable[[], object] | None = None
    result: T | None = None
    error: BaseException | None = None

    async def carry_out(self, transport: Any) -> None:
        """Run the plan."""
        try:
            with observer.call("submit", self.item) as observed:
                self.result = await driver.run(self.plan, transport)
                observed.ended(self.result)
        except BaseException as error:  # raised again in the caller's task
            self.error = error
            if isinstance(error, anyio.get_cancelled_exc_class()):
                raise
        finally:
            self.ended.set()


@define(eq=False)
class _StoppableTransport:
    """A transport that sends nothing more once it is stopped."""

    transport: AsyncTransport
    stopped: bool = False

    async def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:  # the driver's name for it
        """Send a request, unless the batch was stopped."""
        if self.stopped:
            raise BatchStopped
        return await self.transport.send(request, timeout)


class _Window(Generic[ItemT, T]):
    """The items that have been read but not yielded yet, at most `concurrency`, each submitted by its own task."""

    def __init__(self, transport: AsyncTransport, concurrency: int) -> None:
        self.pending: deque[tuple[ItemT, _Task[T]]] = deque()
        self._transport = _StoppableTransport(transport)
        self._concurrency = concurrency
        self._running: set[object] = set()
        self._in_trio = not is_asyncio()

    def fill(self, plans: Iterator[tuple[ItemT, Plan[T]]]) -> Exception | None:
        """Read items and start to submit them, as many as fit. Returns what the caller's iterator raises."""
        try:
            while len(self.pending) < self._concurrency:
                item, plan = next(plans)
                task = _Task(item, plan, anyio.Event() if self._in_trio else asyncio.Event())
                self.pending.append((item, task))
                self._start(task)
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001  # the user's; raised once all results are yielded
            return error
        return None

    async def next(self) -> tuple[ItemT, _Task[T]]:
        """Wait for the oldest item's plan to end, and take the item out."""
        await self.pending[0][1].ended.wait()
        return self.pending.popleft()

    async def stop(self) -> None:
        """Send nothing new, wait for what is in flight, but not for long, and cancel the rest."""
        self._transport.stopped = True
        tasks = [task for _, task in self.pending]
        for cancel in (False, True):
            if cancel:
                for task in tasks:
                    if task.cancel is not None:
                        task.cancel()
            with move_on_after(GRACE_SECONDS, shield=True):
                for task in tasks:
                    await task.ended.wait()

    def _start(self, task: _Task[T]) -> None:
        """Start a task of the event loop. A task group must not be left open over a yield, so none is used."""
        if self._in_trio:
            self._start_in_trio(task)
            return
        running = asyncio.get_running_loop().create_task(task.carry_out(self._transport), name="fluxbase-jobs")
        task.cancel = running.cancel
        self._running.add(running)  # an event loop holds its tasks weakly
        running.add_done_callback(self._running.discard)

    def _start_in_trio(self, task: _Task[T]) -> None:
        scope = anyio.CancelScope()
        task.cancel = scope.cancel

        async def carry_out() -> None:
            with scope:
                await task.carry_out(self._transport)

        driver.spawn_in_trio(carry_out)
