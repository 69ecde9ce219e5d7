"""Raise an exception in a handler's thread from another thread, but only while the thread runs the handler's own code.

CPython raises such an exception between two bytecode instructions: a busy loop is interrupted at once, a blocking call
into C (`time.sleep`, a socket) when it returns. Other interpreters may lack this; there a handler ends when it next
reports progress or logs.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

_T = TypeVar("_T")

_PACKAGES_WITH_LOCKS: Final = ("logging", "importlib")
"""Standard library packages that hold process-wide locks. An interrupt between taking such a lock and the `try` that
releases it would block every thread that logs or imports, the server's included."""

_THREAD_START: Final = threading.Thread.start.__code__
"""While a thread starts, CPython knows it by its parent's id: the interrupt would hit the child, and the parent would
wait for it forever (seen with 3.11)."""


class RunStopped(BaseException):
    """Raised in the handler of a stopped run. Not an `Exception`, so that handlers do not catch it by accident."""


class Interrupts:
    """Lets other threads interrupt the handler that one thread runs.

    The thread accepts interrupts only while the handler's own code runs. It takes no lock to say so, because an interrupt
    could come between taking and releasing one. Instead it waits until `_injecting` is false, and then clears an interrupt
    that has not been raised yet, before it goes on with our code.
    """

    def __init__(self) -> None:
        self._thread_id = 0
        self._open = False
        self._injecting = False
        self._injected = False

    def run(self, call: Callable[[], _T]) -> _T:
        """Call a handler, or a step of one, and let it be interrupted. No interrupt comes after this has returned or raised.

        Raises:
            RunStopped: the handler was interrupted.
        """
        self._thread_id = threading.get_ident()
        try:
            self._open = True
            return call()
        finally:
            # First, and in one statement that cannot be interrupted halfway: no new interrupt begins from here on. Two
            # may still be raised: one that was pending and one that was just being made.
            self._open = False
            try:
                self._clear_pending()
            except RunStopped:
                try:
                    self._clear_pending()
                except RunStopped:
                    self._clear_pending()

    def shielded(self, call: Callable[[], _T]) -> _T:
        """Call our own code from within a handler without interrupts, so that it always finishes and releases its locks.

        Raises:
            RunStopped: an interrupt came first; nothing was called.
        """
        if threading.get_ident() != self._thread_id:
            return call()
        was_open = self._open
        try:
            self._open = False
            self._clear_pending()
            return call()
        finally:
            self._open = was_open

    def interrupt(self) -> bool:
        """Raise `RunStopped` in the thread; False if that is not possible now. Only one thread may call this."""
        self._injecting = True
        try:
            return self._open and not _is_uninterruptible(self._thread_id) and self._inject()
        finally:
            self._injecting = False

    def _inject(self) -> bool:
        if _set_exception is None:
            return False
        # Before the call: the exception may be raised as soon as it is set.
        self._injected = True
        return self._open and _set_exception(self._thread_id, RunStopped)

    def _clear_pending(self) -> None:
        """Wait for an interrupt that is being made, and take one that has not been raised yet out of the way.

        It is raised here: a pending exception that is cleared keeps the threads of Python 3.11 from running on while they are traced.
        """
        while self._injecting:
            time.sleep(0)
        if not self._injected or _set_exception is None:
            return
        try:
            _set_exception(self._thread_id, RunStopped)
            while True:  # until it is raised
                pass
        except RunStopped:
            self._injected = False


def _is_uninterruptible(thread_id: int) -> bool:
    """Whether the thread is at a place where an interrupt would do harm beyond its handler."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # documented, for "specialized purposes"
    if _package(frame) in _PACKAGES_WITH_LOCKS:
        return True
    while frame and _package(frame) == "threading":
        if frame.f_code is _THREAD_START:
            return True
        frame = frame.f_back
    return False


def _package(frame: FrameType | None) -> str:
    module = frame.f_globals.get("__name__") if frame else None
    return module.partition(".")[0] if isinstance(module, str) else ""


def _find_set_exception() -> Callable[[int, type[BaseException]], bool] | None:
    """CPython's function that sets the exception a thread raises next; None on other interpreters."""
    try:
        import ctypes  # noqa: PLC0415  # missing where the interpreter or its build has no C API

        prototype = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.py_object)
        function = prototype(("PyThreadState_SetAsyncExc", ctypes.pythonapi))
    except (ImportError, AttributeError):
        return None

    def set_exception(thread_id: int, exception: type[BaseException]) -> bool:
        return bool(function(ctypes.c_ulong(thread_id), ctypes.py_object(exception)))

    return set_exception


_set_exception: Final = _find_set_exception()
