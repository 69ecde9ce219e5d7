"""What a handler is given beside its payload: the way to report progress, write log lines and notice a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..runtime.reports import Reports

Level: TypeAlias = Literal["trace", "debug", "info", "warn", "error", "fatal", "panic"]
LEVELS: tuple[Level, ...] = get_args(Level)


@frozen
class JobUser:
    """Whom a job runs for; each of the three may be missing."""

    id: str | None
    email: str | None
    role: str | None


@frozen
class Context:
    """One run of one job, as its handler sees it. All methods are called plainly, from async handlers too."""

    job_id: str
    job_name: str
    namespace: str
    retry_count: int
    """0 in the first run, 1 after the first retry."""
    user: JobUser
    _reports: Reports = field(repr=False, alias="reports")

    def progress(self, percent: float, message: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Report how far the job is.

        Args:
            percent: whole, usually 0 to 100. As on the real server, 33.3 makes the report vanish without an error,
                and so does `data` that is no mapping.
            message: what is being done.
            data: a JSON object of your own.

        """
        self._reports.progress(percent, message, data)

    def log(self, message: object, level: Level = "info") -> None:
        """Write to the job's log, a line for each line of the text.

        Raises:
            ValueError: `level` is none of trace, debug, info, warn, error, fatal, panic.

        """
        if level not in LEVELS:
            problem = f"level is one of {', '.join(LEVELS)}, not {level}"
            raise ValueError(problem)
        self._reports.log(str(message), level)

    @property
    def cancelled(self) -> bool:
        """Whether this run has been stopped: cancelled, out of time, or its server is about to end.

        Nothing needs to ask for it: the handler of a stopped run is ended. An async one gets asyncio's cancellation; a
        sync one, and an async one that goes on, gets an exception that is no `Exception`, again every half a second
        until it ends. `finally` blocks run. The one limit: a call that blocks outside of Python, such as one long
        `time.sleep`, ends first; meanwhile the job may be retried, and so be at work twice. Reports of a stopped run
        are not stored: they raise that exception too.
        """
        return self._reports.is_closed
