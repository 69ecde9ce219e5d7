"""Interrupts: an exception raised in a handler's thread from outside, while it runs the handler and never while it runs us.

CPython raises such an exception between two steps of the thread's bytecode: a busy loop meets it at once, and a blocking
call into C (`time.sleep`, a socket) when that call returns. Other interpreters may have no such call; there a handler
ends at its next report.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_T = TypeVar("_T")

_SHARED_LOCKS = ("logging", "importlib")
"""Packages of Python's own that hold a lock of the whole process: an interrupt between taking it and the `try` that gives
it back would stop every thread that logs or imports, the server's too."""

_THREAD_START = threading.Thread.start.__code__
"""While a thread is born CPython knows it by its parent's id: the interrupt would hit the child, and the parent would wait
for it for ever (seen with 3.11)."""


class RunStopped(BaseException):
    """Raised in the handler of a stopped run. No `Exception`, so that handlers do not catch it by accident."""


class Interrupts:
    """Lets other threads end what one thread does for a handler.

    The thread opens itself to interrupts for as long as the handler's own code runs, and only then. It takes no lock for
    that: an interrupt could come between taking and giving back. That an interrupt in the making is over is seen from
    `_injecting`, and one that was made is taken back before the thread goes on with our code.
    """

    def __init__(self) -> None:
        self._thread_id = 0
        self._open = False
        self._injecting = False
        self._injected = False

    def run(self, call: Callable[[], _T]) -> _T:
        """Call a handler, or a step of one, open to interrupts; when this returns or raises, none can come any more.

        Raises:
            RunStopped: interrupted.

        """
        self._thread_id = threading.get_ident()
        try:
            self._open = True
            return call()
        finally:
            # First of all, and by a statement that nothing can come between: from here on no interrupt is begun. Two may
            # still hit, one that was pending and one that was being made.
            self._open = False
            try:
                self._settle()
            except RunStopped:
                try:
                    self._settle()
                except RunStopped:
                    self._settle()

    def shielded(self, call: Callable[[], _T]) -> _T:
        """Call our own code from within a handler, out of reach: what it begins it ends, and no lock is left held.

        Raises:
            RunStopped: an interrupt came before; nothing was called.

        """
        if threading.get_ident() != self._thread_id:
            return call()
        was_open = self._open
        try:
            self._open = False
            self._settle()
            return call()
        finally:
            self._open = was_open

    def interrupt(self) -> bool:
        """Raise `RunStopped` in the thread; False if it cannot be now. Only one thread may call this."""
        self._injecting = True
        try:
            return self._open and not _is_delicate(self._thread_id) and self._inject()
        finally:
            self._injecting = False

    def _inject(self) -> bool:
        if _set_exception is None:
            return False
        # Before the call: an interrupt can hit as soon as it is made.
        self._injected = True
        return self._open and _set_exception(self._thread_id, RunStopped)

    def _settle(self) -> None:
        """Wait for an interrupt in the making, and take back one that has not hit."""
        while self._injecting:
            time.sleep(0)
        if self._injected and _set_exception is not None:
            _set_exception(self._thread_id, None)


def _is_delicate(thread_id: int) -> bool:
    """Tell whether the thread is at a place where an interrupt would do harm beyond its handler."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - documented, for "specialized purposes"
    if _package(frame) in _SHARED_LOCKS:
        return True
    while frame and _package(frame) == "threading":
        if frame.f_code is _THREAD_START:
            return True
        frame = frame.f_back
    return False


def _package(frame: FrameType | None) -> str:
    module = frame.f_globals.get("__name__") if frame else None
    return module.partition(".")[0] if isinstance(module, str) else ""


def _find_set_exception() -> Callable[[int, type[BaseException] | None], bool] | None:
    """Return CPython's way to set, or with None to clear, the exception that a thread raises next; None elsewhere."""
    try:
        import ctypes  # noqa: PLC0415 - missing where the interpreter or its build has no C API

        prototype = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.py_object)
        function = prototype(("PyThreadState_SetAsyncExc", ctypes.pythonapi))
    except (ImportError, AttributeError):
        return None

    def set_exception(thread_id: int, exception: type[BaseException] | None) -> bool:
        # An empty py_object is C's NULL.
        value = ctypes.py_object() if exception is None else ctypes.py_object(exception)
        return bool(function(ctypes.c_ulong(thread_id), value))

    return set_exception


_set_exception = _find_set_exception()
