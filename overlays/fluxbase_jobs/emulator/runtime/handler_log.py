"""Show developers what their handlers log and raise: on the emulator's terminal, and in what pytest captures.

The API may not show it: clients of a server of 2026-04 cannot read a log before its next start, and never a traceback.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Final

from ..handlers.context import Level
from ..store import Job

_LOGGER: Final = logging.getLogger("fluxbase_jobs.emulator.handlers")
_LOGGER.setLevel(logging.DEBUG)  # every line that a handler logs, whatever the level of the program's other messages

_LEVELS: Final[dict[Level, int]] = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
_CALLERS: Final = ("fluxbase_jobs.emulator.runtime.", "fluxbase_jobs.testing.", "asyncio.")
"""Modules whose frames come before the handler's own in a traceback."""


class HandlerLog:
    """Logs what one run of a job reports, at the level that the handler gave, to the logger `fluxbase_jobs.emulator.handlers`.

    Args:
        job: the job being run.
    """

    def __init__(self, job: Job) -> None:
        self._name = f"job {job.id} of {job.namespace}/{job.job_name}"

    def line(self, level: Level, text: str) -> None:
        """Log a line that the handler has logged."""
        _LOGGER.log(_LEVELS[level], "%s: %s", self._name, text)

    def exception(self, error: BaseException) -> None:
        """Log an exception that ended the handler, with its traceback from the handler on."""
        _LOGGER.error("%s raised an exception:", self._name, exc_info=(type(error), error, _from_handler(error.__traceback__)))


def _from_handler(trace: TracebackType | None) -> TracebackType | None:
    while trace and str(trace.tb_frame.f_globals.get("__name__")).startswith(_CALLERS):
        trace = trace.tb_next
    return trace
