"""Interrupts are raised in a handler's code and nowhere else, however many there are and whenever they come."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fluxbase_jobs.emulator.runtime.interrupts import Interrupts, RunStopped

SECONDS = 0.5
TIMEOUT = 30


class InterruptedThread(threading.Thread):
    """A thread that calls a handler in a loop. Interrupts must end the handler and never reach the loop."""

    def __init__(self, handler: Callable[[Interrupts], None]) -> None:
        super().__init__(daemon=True)
        self.interrupts = Interrupts()
        self._handler = handler
        self._is_finished = False
        self.stopped = 0
        self.escaped: list[BaseException] = []

    def run(self) -> None:
        """Count how often the handler was interrupted, and keep exceptions that were raised outside of it."""
        try:
            while not self._is_finished:
                self._once()
                sum(range(50))  # code of ours after the handler
        except BaseException as error:  # noqa: BLE001  # the test is that there is none
            self.escaped.append(error)

    def interrupt_often(self, stops: int = 0) -> None:
        """Run the thread and interrupt it as often as possible for SECONDS, and on until the handler was stopped so often."""
        self.start()
        end = time.monotonic() + SECONDS
        while (time.monotonic() < end or (self.stopped < stops and time.monotonic() < end + TIMEOUT)) and self.is_alive():
            self.interrupts.interrupt()
            time.sleep(0)
        self._is_finished = True
        while self.is_alive():
            self.interrupts.interrupt()
            self.join(0.001)

    def _once(self) -> None:
        try:
            self.interrupts.run(lambda: self._handler(self.interrupts))
        except RunStopped:
            self.stopped += 1


def test_no_interrupt_after_the_handler() -> None:
    """No interrupt is raised after the handler, whether it was interrupted or ended by itself."""
    thread = InterruptedThread(lambda _: None)
    thread.interrupt_often()

    assert thread.escaped == []


def test_traced_handler_is_interrupted() -> None:
    """A debugger or a coverage tool, which traces every line, does not make an interrupt hang the process."""
    program = (
        "import threading\n"
        "from tests.emulator.runtime.test_interrupts import InterruptedThread\n"
        "class Tracer:\n"
        "    def __call__(self, *_):\n"
        "        return self\n"
        "threading.settrace(Tracer())\n"
        "InterruptedThread(lambda _: None).interrupt_often()\n"
    )
    root = Path(__file__).parents[3]

    done = subprocess.run([sys.executable, "-c", program], cwd=root, timeout=20, check=False)

    assert done.returncode == 0


def test_busy_handler_is_ended_each_time() -> None:
    """A handler that never ends by itself is interrupted each time it is called."""

    def busy(_: Interrupts) -> None:
        while True:
            pass

    thread = InterruptedThread(busy)
    thread.interrupt_often(stops=2)

    assert thread.escaped == []
    assert thread.stopped > 1


def test_shielded_code_is_never_interrupted() -> None:
    """Shielded code within a handler always runs to its end."""
    counts = {"begun": 0, "ended": 0}

    def shielded() -> None:
        counts["begun"] += 1
        sum(range(200))
        counts["ended"] += 1

    def reporting(interrupts: Interrupts) -> None:
        while True:
            interrupts.shielded(shielded)

    thread = InterruptedThread(reporting)
    thread.interrupt_often(stops=2)

    assert thread.escaped == []
    assert thread.stopped > 1
    assert counts["begun"] == counts["ended"] > 0


def test_handler_that_logs_leaves_no_lock_behind() -> None:
    """An interrupt never leaves a lock of Python's logging acquired, which would block the whole process."""
    logger = logging.getLogger("of a handler")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    output = logging.StreamHandler(NullFile())
    logger.addHandler(output)

    def talkative(_: Interrupts) -> None:
        while True:
            logger.info("still here")

    thread = InterruptedThread(talkative)
    thread.interrupt_often(stops=2)

    assert thread.escaped == []
    assert thread.stopped > 1
    assert output.lock
    assert output.lock.acquire(timeout=5)
    output.lock.release()


class NullFile:
    """A file that discards everything."""

    def write(self, text: str) -> int:
        """Discard the text."""
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def test_handler_that_starts_threads() -> None:
    """A handler can start threads, and their shielded calls do not stop the handler from being interrupted."""

    def parent(interrupts: Interrupts) -> None:
        helper = threading.Thread(target=interrupts.shielded, args=[lambda: None])
        helper.start()
        while True:
            pass

    thread = InterruptedThread(parent)
    thread.interrupt_often(stops=2)

    assert thread.escaped == []
    assert thread.stopped > 1


def test_interrupt_without_a_handler() -> None:
    """Without a running handler nothing is interrupted."""
    assert Interrupts().interrupt() is False


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_errors_pass(error: type[BaseException]) -> None:
    """Exceptions of the handler propagate unchanged."""

    def failing() -> None:
        raise error

    with pytest.raises(error):
        Interrupts().run(failing)
