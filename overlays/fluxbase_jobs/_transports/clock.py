"""The clock that durations are measured with, and pauses and time limits under asyncio and trio.

Tests freeze the functions of `time` (freezegun does), in that module and wherever they were imported. A wait that counted on them would
never end, so the clock takes them from a copy of the module. The event loop's own timers never fire then, as its clock stands still:
there a thread measures the time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from typing import Any, Final, Protocol

from .._lazy import anyio, asyncio


def _unpatched_time() -> Any:
    spec = BuiltinImporter.find_spec("time")
    if spec is None or spec.loader is None:  # not CPython
        import time  # noqa: PLC0415  # the only one there is

        return time
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_monotonic_ns: Final = _unpatched_time().monotonic_ns


def monotonic() -> float:
    """Seconds that pass also where a test has frozen the time."""
    return monotonic_ns() / 1e9


def monotonic_ns() -> int:
    """The same in nanoseconds."""
    nanoseconds: int = _monotonic_ns()
    return nanoseconds


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do without it."""
        ...


async def sleep(seconds: float) -> None:
    """Wait."""
    if not _is_frozen():
        await anyio.sleep(seconds)
        return
    with _woken_after(seconds, anyio.CancelScope()):
        await anyio.sleep_forever()


def move_on_after(seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
    """A cancel scope that is cancelled after some seconds."""
    if not _is_frozen():
        return anyio.move_on_after(seconds, shield=shield)
    return _woken_after(seconds, anyio.CancelScope(shield=shield))


@contextmanager
def fail_after(seconds: float) -> Generator[None]:
    """Raise TimeoutError where the block takes longer than some seconds."""
    with move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise TimeoutError


def call_later(seconds: float, function: Callable[[], object]) -> Timer:
    """Call a function in the running event loop of asyncio after some seconds."""
    if not _is_frozen():
        return asyncio.get_running_loop().call_later(seconds, function)
    return _timer(seconds, function)


def is_asyncio() -> bool:
    """Whether the running task is asyncio's, not trio's."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # no event loop of asyncio
        return False


@contextmanager
def _woken_after(seconds: float, scope: anyio.CancelScope) -> Generator[anyio.CancelScope]:
    """Cancel a scope from a thread."""
    timer = _timer(seconds, scope.cancel)
    try:
        with scope:
            yield scope
    finally:
        timer.cancel()


def _timer(seconds: float, function: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, _from_thread(), [function])
    timer.daemon = True
    timer.start()
    return timer


def _from_thread() -> Callable[[Callable[[], object]], None]:
    """What calls a function in the running event loop, from another thread."""
    schedule: Any
    if is_asyncio():
        schedule = asyncio.get_running_loop().call_soon_threadsafe
    else:
        schedule = sys.modules["trio"].lowlevel.current_trio_token().run_sync_soon

    def call(function: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the event loop has ended
            schedule(function)

    return call


def _is_frozen() -> bool:
    """Whether the event loop's clock stands still while time passes."""
    clock = _loop_clock()
    if clock is None:
        return False
    shown, began = clock(), monotonic()
    while monotonic() == began:
        pass
    return clock() == shown


def _loop_clock() -> Callable[[], float] | None:
    """The event loop's clock; None for a clock that a test has put into trio in place of the system's: it moves by rules of its own."""
    if is_asyncio():
        return asyncio.get_running_loop().time
    clock: Any = sys.modules["trio"].lowlevel.current_clock()
    return clock.current_time if type(clock).__name__ == "SystemClock" else None
