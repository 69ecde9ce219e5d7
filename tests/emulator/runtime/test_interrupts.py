"""Interrupts from outside hit a handler's code and nothing else, however many come and whenever."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest
from fluxbase_jobs.emulator.runtime.interrupts import Interrupts, RunStopped

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 0.5


class Hammered(threading.Thread):
    """A thread that runs a handler again and again; each time it must come back to us, and we must not be hit."""

    def __init__(self, handler: Callable[[Interrupts], None]) -> None:
        super().__init__(daemon=True)
        self.interrupts = Interrupts()
        self._handler = handler
        self._is_enough = False
        self.stopped = 0
        self.hit: list[BaseException] = []

    def run(self) -> None:
        """Count how often the handler was interrupted, and keep what hit us."""
        try:
            while not self._is_enough:
                self._once()
                sum(range(50))  # our own code after the handler
        except BaseException as error:  # noqa: BLE001 - that none comes is what is tested
            self.hit.append(error)

    def hammer(self) -> None:
        """Interrupt it as often as can be, for a while."""
        self.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.is_alive():
            self.interrupts.interrupt()
            time.sleep(0)
        self._is_enough = True
        while self.is_alive():
            self.interrupts.interrupt()
            self.join(0.001)

    def _once(self) -> None:
        try:
            self.interrupts.run(lambda: self._handler(self.interrupts))
        except RunStopped:
            self.stopped += 1


def test_nothing_is_hit_after_the_handler() -> None:
    """Whether it is interrupted or ends by itself: after the handler no interrupt comes."""
    thread = Hammered(lambda _: None)
    thread.hammer()

    assert thread.hit == []


def test_busy_handler_is_ended_each_time() -> None:
    """A handler that never ends by itself is ended again and again."""

    def busy(_: Interrupts) -> None:
        while True:
            pass

    thread = Hammered(busy)
    thread.hammer()

    assert thread.hit == []
    assert thread.stopped > 1


def test_shielded_code_is_never_hit() -> None:
    """Our own code within a handler is run to its end: what it takes it gives back."""
    counts = {"begun": 0, "ended": 0}

    def ours() -> None:
        counts["begun"] += 1
        sum(range(200))
        counts["ended"] += 1

    def reporting(interrupts: Interrupts) -> None:
        while True:
            interrupts.shielded(ours)

    thread = Hammered(reporting)
    thread.hammer()

    assert thread.hit == []
    assert thread.stopped > 1
    assert counts["begun"] == counts["ended"] > 0


def test_handler_that_logs_leaves_no_lock_behind() -> None:
    """The locks of Python's logging belong to the whole process: an interrupt never leaves one taken."""
    logger = logging.getLogger("of a handler")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    output = logging.StreamHandler(Lines())
    logger.addHandler(output)

    def talkative(_: Interrupts) -> None:
        while True:
            logger.info("still here")

    thread = Hammered(talkative)
    thread.hammer()

    assert thread.hit == []
    assert thread.stopped > 1
    assert output.lock
    assert output.lock.acquire(timeout=5)
    output.lock.release()


class Lines:
    """A file that takes all."""

    def write(self, text: str) -> int:
        """Take a text."""
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def test_handler_that_starts_threads() -> None:
    """A handler's own threads are born undisturbed, and their reports do not close the handler's to interrupts."""

    def parent(interrupts: Interrupts) -> None:
        helper = threading.Thread(target=interrupts.shielded, args=[lambda: None])
        helper.start()
        while True:
            pass

    thread = Hammered(parent)
    thread.hammer()

    assert thread.hit == []
    assert thread.stopped > 1


def test_interrupt_without_a_handler() -> None:
    """Where no handler runs nothing is interrupted."""
    assert Interrupts().interrupt() is False


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_errors_pass(error: type[BaseException]) -> None:
    """What the handler raises comes out as it is."""

    def failing() -> None:
        raise error

    with pytest.raises(error):
        Interrupts().run(failing)
