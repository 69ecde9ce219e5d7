"""What a handler reports while it runs: progress and log lines. They are stored until the run is stopped, and never after."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Final

from ..clock import Clock, micros
from ..faults.defects import Defect
from ..formats.json_text import JSONValue, NulInTextError, clean_text, jsonb_text, normalise
from ..handlers.context import Level
from ..store import FullDiskError, Job, Jobs, Logs
from .handler_log import HandlerLog
from .interrupts import Interrupts, RunStopped
from .outcomes import MAX_NOTIFIED_BYTES

_LOGGER: Final = logging.getLogger(__name__)
_COMPLETE_PERCENT: Final = 100


class RunReports:
    """Stores the reports of one run; implements `handlers.context.Reports`. Any thread may report.

    Args:
        job: the job being run.
        jobs: where progress is stored.
        logs: where log lines are stored.
        clock: dates the reports.
        interrupts: those of the handler's thread, kept out while a report is being stored.
        lost_output: the defect that loses the last lines of this run, if it has it.
    """

    def __init__(
        self, job: Job, jobs: Jobs, logs: Logs, clock: Clock, interrupts: Interrupts, *, lost_output: Defect | None = None
    ) -> None:
        self._job_id = job.id
        self._jobs = jobs
        self._logs = logs
        self._clock = clock
        self._interrupts = interrupts
        self._handler_log = HandlerLog(job)
        self._started_ns = clock.now_ns()
        self._line = 0
        self._lost_output = lost_output
        self._unread = deque[tuple[Level, str, int]]()
        self._is_closed = False
        self._lock = Lock()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    def close(self) -> bool:
        """Accept no more reports, after waiting for one that is being stored. False if it was closed before."""
        with self._lock:
            was_open, self._is_closed = not self._is_closed, True
        return was_open

    def progress(self, percent: object, message: object, data: object) -> None:
        """Store the handler's progress, or drop it where the real server would.

        Raises:
            RunStopped: the run was stopped; nothing is stored.
        """
        elapsed_seconds = (self._clock.now_ns() - self._started_ns) / 1e9
        text = progress_text(percent, message, data, elapsed_seconds)
        self._store(partial(self._store_progress, text))

    def log(self, text: str, level: Level) -> None:
        """Append each line of the text to the job's log, and show it to the developer.

        Raises:
            RunStopped: the run was stopped; the remaining lines are not stored.
        """
        for line in clean_text(text).split("\n"):
            self._store(partial(self._store_and_show_line, level, line))

    def show_exception(self, error: BaseException) -> None:
        """Show the developer an exception that ended the handler."""
        self._handler_log.exception(error)

    def end(self, lines: Iterable[tuple[Level, str]]) -> None:
        """Append the lines that the server adds when a handler has ended.

        Raises:
            RunStopped: the run was stopped; the remaining lines are not stored.
        """
        if self._lost_output is None:
            for level, line in lines:
                self._store(partial(self._store_line, level, line))

    def _store(self, write: Callable[[], None]) -> None:
        self._interrupts.shielded(partial(self._store_if_open, write))

    def _store_if_open(self, write: Callable[[], None]) -> None:
        with self._lock:
            if self.is_closed:
                raise RunStopped
            with suppress(FullDiskError):  # reports of that time are lost; the handler goes on
                write()

    def _store_progress(self, text: str | None) -> None:
        if text is None:
            _LOGGER.warning(
                "job %s: a progress report was dropped, as on the real server: percent must be whole, data an object, both together under %d bytes",
                self._job_id,
                MAX_NOTIFIED_BYTES,
            )
        else:
            self._jobs.report_progress(self._job_id, text, micros(self._clock))

    def _store_and_show_line(self, level: Level, line: str) -> None:
        self._store_line(level, line)
        self._handler_log.line(level, line)

    def _store_line(self, level: Level, line: str) -> None:
        self._unread.append((level, line, micros(self._clock)))
        while len(self._unread) > (self._lost_output.lines if self._lost_output else 0):
            first_level, first_line, at = self._unread.popleft()
            self._logs.add(self._job_id, self._line, first_level, first_line, at)
            self._line += 1


def progress_text(percent: object, message: object, data: object, elapsed_seconds: float) -> str | None:
    """Format a progress report as jsonb text; None for a report that the real server silently drops.

    Dropped are reports whose percent is not a whole number, whose message is not a string or whose data is not an object
    (failures: edges), and those that PostgreSQL cannot store: with U+0000, or too long for the notification of the change.

    Args:
        percent: any whole number; it is not clamped to 0 to 100.
        message: left out if None or empty.
        data: left out if None or empty.
        elapsed_seconds: time since the run began, from which the remaining time is estimated.

    Raises:
        TypeError: a value has no JSON form.
    """
    whole, text, details = normalise(percent), normalise(message), normalise(data)
    if not isinstance(whole, int) or isinstance(whole, bool):
        return None
    if not isinstance(text, str | None) or not isinstance(details, dict | None):
        return None
    progress: dict[str, JSONValue] = {"percent": whole}
    if text:
        progress["message"] = text
    if details:
        progress["data"] = details
    if 0 < whole < _COMPLETE_PERCENT:
        progress["estimated_seconds_left"] = int((_COMPLETE_PERCENT - whole) * elapsed_seconds / whole)
    try:
        stored = jsonb_text(progress)
    except NulInTextError:
        return None
    return stored if len(stored.encode()) <= MAX_NOTIFIED_BYTES else None
