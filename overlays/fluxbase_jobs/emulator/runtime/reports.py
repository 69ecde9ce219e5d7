"""What a handler reports while its run lasts: progress and log lines, stored until the run is stopped and never after."""

from __future__ import annotations

import logging
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from ..clock import Clock, micros
from ..formats.json_text import clean_text
from .interrupts import Interrupts, RunStopped
from .progress import progress_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..handlers.context import Level
    from ..store import Jobs, Logs

_LOGGER = logging.getLogger(__name__)


class Reports:
    """The reports of one run. Any thread may report.

    Args:
        job_id: whose run it is.
        jobs: takes the progress.
        logs: takes the log lines.
        clock: times them.
        interrupts: of the handler's thread.

    """

    def __init__(self, job_id: str, jobs: Jobs, logs: Logs, clock: Clock, interrupts: Interrupts) -> None:
        self._job_id = job_id
        self._jobs = jobs
        self._logs = logs
        self._clock = clock
        self._interrupts = interrupts
        self._started_ns = clock.now_ns()
        self._line = 0
        self._is_closed = False
        self._lock = Lock()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    def close(self) -> bool:
        """Take no more reports; one that is being stored is, before this returns. False if that was done before."""
        with self._lock:
            was_open, self._is_closed = not self._is_closed, True
        return was_open

    def progress(self, percent: object, message: object, data: object) -> None:
        """Keep the handler's progress, or drop it where the real server would.

        Raises:
            RunStopped: the run was stopped; nothing is stored.

        """
        elapsed_seconds = (self._clock.now_ns() - self._started_ns) / 1e9
        text = progress_text(percent, message, data, elapsed_seconds)
        self._store(partial(self._keep_progress, text))

    def log(self, text: str, level: Level) -> None:
        """Write the handler's lines to the job's log.

        Raises:
            RunStopped: the run was stopped; what is left is not written.

        """
        for line in clean_text(text).split("\n"):
            self._store(partial(self._write_line, level, line))

    def _store(self, write: Callable[[], None]) -> None:
        self._interrupts.shielded(partial(self._store_if_open, write))

    def _store_if_open(self, write: Callable[[], None]) -> None:
        with self._lock:
            if self.is_closed:
                raise RunStopped
            write()

    def _keep_progress(self, text: str | None) -> None:
        if text is None:
            _LOGGER.warning(
                "job %s: a progress report was dropped, as on the real server: percent must be whole, data an object", self._job_id
            )
        else:
            self._jobs.report_progress(self._job_id, text, micros(self._clock))

    def _write_line(self, level: Level, line: str) -> None:
        self._logs.add(self._job_id, self._line, level, line, micros(self._clock))
        self._line += 1
