"""Progress bars for everything that takes `on_progress`: `run`, `wait`, `wait_many` and `submit_many`, sync and async.

    from fluxbase_jobs.progress import progress_bar

    with progress_bar() as on_progress:
        client.jobs.run("resize", {"width": 640}, on_progress=on_progress)

It needs the extra: `pip install ".[cli]"` in a clone, `pip install "fluxbase-jobs[cli]"` once it is published.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from html import escape
from types import TracebackType
from typing import Any, Final, Protocol, TextIO, cast, overload

from attrs import define, field

from . import Job

HOW_TO_INSTALL: Final = 'run pip install ".[cli]" in a clone, or pip install "fluxbase-jobs[cli]" once it is published'

try:
    from rich.console import Console, Group, OverflowMethod, RenderableType
    from rich.live import Live
    from rich.progress_bar import ProgressBar as RichBar
    from rich.table import Table
    from rich.text import Text
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"{missing.name} is not installed, which fluxbase_jobs.progress needs: {HOW_TO_INSTALL}", name=missing.name
    ) from None

__all__ = ["OnProgress", "ProgressBar", "progress_bar"]

_ID_LENGTH: Final = 8
_STYLES: Final = {"completed": "green", "failed": "red", "interrupted": "red", "cancelled": "yellow", "running": "cyan"}
_BAR_WIDTHS: Final = ((80, 20), (60, 10), (0, 0))
"""How wide a bar is on terminals of at least a width: where there is no room, percent and status tell more."""
_REFRESHES_PER_SECOND: Final = 8
_SECONDS_BETWEEN_COUNTS: Final = 1.0
"""How often the number of submitted jobs is printed where each line stays."""


class OnProgress(Protocol):
    """What `on_progress` is called with: `run`, `wait` and `wait_many` pass a job, `submit_many` two numbers."""

    @overload
    def __call__(self, job: Job, /) -> None: ...
    @overload
    def __call__(self, done: int, total: int | None, /) -> None: ...


def progress_bar(total: int | None = None) -> ProgressBar:
    """Show the progress of jobs: bars on a terminal, HTML in a notebook, a line at each change elsewhere.

    It is written to stderr. On a terminal, what the program prints meanwhile appears above the bars.

    Args:
        total: the number of jobs, for a bar that counts those that have ended; None: only those that were seen are counted.

    Returns:
        A context manager, also for `async with`, whose value is an `on_progress`.
    """
    return ProgressBar(total)


@define
class _Row:
    """A job as it is shown."""

    label: str
    status: str
    percent: int
    message: str
    first_seen: tuple[float, int]
    """When the job was first seen, and at which percentage."""
    ends_at: float | None = None
    """When the job is expected to end, on the monotonic clock."""
    is_ended: bool = False

    @property
    def time_left(self) -> str:
        """The time left, as minutes and seconds; nothing where it is unknown."""
        if self.is_ended or self.ends_at is None:
            return ""
        return clock_text(self.ends_at - time.monotonic())

    @property
    def text(self) -> str:
        """All of it in one line."""
        left = f" ({self.time_left} left)" if self.time_left else ""
        return " ".join(part for part in (self.label, self.status, f"{self.percent} %{left}", self.message) if part)


@define
class _State:
    """All jobs of one progress bar."""

    total: int | None
    rows: dict[str, _Row] = field(factory=dict[str, _Row])
    submitted: tuple[int, int | None] | None = None

    def take(self, job: Job) -> _Row:
        """Note what a job reports."""
        percent = 100 if job.succeeded else min(max(job.progress_percent or 0, 0), 100)
        now, known = time.monotonic(), self.rows.get(job.id)
        row = _Row(
            label=one_line(f"{job.job_name} {job.id[:_ID_LENGTH]}"),
            status=one_line(job.status),
            percent=percent,
            message="" if job.is_terminal else one_line(job.progress_message or ""),
            first_seen=known.first_seen if known else (now, percent),
            is_ended=job.is_terminal,
        )
        row.ends_at = _expected_end(job, row, now)
        self.rows[job.id] = row
        return row

    @property
    def ended(self) -> int:
        """How many jobs have ended."""
        return sum(row.is_ended for row in self.rows.values())

    @property
    def counts(self) -> list[tuple[str, int, int | None]]:
        """The lines that count jobs: a label, how many, and of how many."""
        lines: list[tuple[str, int, int | None]] = []
        if self.submitted:
            lines.append(("submitted", *self.submitted))
        if self.total is not None or len(self.rows) > 1:
            lines.append(("ended", self.ended, max(self.total or 0, len(self.rows))))
        return lines

    def visible(self, most: int) -> list[_Row]:
        """The rows to show where there is room for so many: those that have not ended first, in the order in which they came."""
        rows = list(self.rows.values())
        if len(rows) <= most:
            return rows
        return sorted(rows, key=lambda row: (row.is_ended, row.status == "pending"))[:most]


def _expected_end(job: Job, row: _Row, now: float) -> float | None:
    """When a running job will end: as the server says, else at the speed so far."""
    if job.status != "running":
        return None
    report: Any = job.progress
    reported: Any = cast("dict[str, Any]", report).get("estimated_seconds_left") if isinstance(report, dict) else None
    left: Any = job.estimated_seconds_left if job.estimated_seconds_left is not None else reported
    if isinstance(left, int | float):
        return now + left
    seen, percent = row.first_seen
    if row.percent <= percent or now <= seen:
        return None
    return now + (100 - row.percent) * (now - seen) / (row.percent - percent)


class ProgressBar:
    """A context manager whose value is an `on_progress`; made by `progress_bar`."""

    def __init__(self, total: int | None = None) -> None:
        self._state: Final = _State(total)
        self._lock: Final = threading.Lock()
        self._display: Final = _display(self._state, self._lock)

    @overload
    def __call__(self, job: Job, /) -> None: ...
    @overload
    def __call__(self, done: int, total: int | None, /) -> None: ...
    def __call__(self, job: Job | int, total: int | None = None, /) -> None:
        """Show a job's progress, or how many jobs of how many were submitted."""
        with self._lock:
            if isinstance(job, Job):
                row = self._state.take(job)
            else:
                row, self._state.submitted = None, (job, total)
        self._display.changed(row)

    def __enter__(self) -> OnProgress:
        self._display.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._display.stop()

    async def __aenter__(self) -> OnProgress:
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._display.stop()


class _Display(Protocol):
    """Where progress is shown."""

    def start(self) -> None:
        """Begin."""

    def changed(self, row: _Row | None) -> None:
        """Show a change: of a job, or of the number of submitted jobs."""

    def stop(self) -> None:
        """Show the last state and end."""


def _display(state: _State, lock: threading.Lock) -> _Display:
    if notebook_shell() is not None:
        return _HtmlDisplay(state)
    if sys.stderr is not None and sys.stderr.isatty() and not Console(stderr=True).is_dumb_terminal:  # pyright: ignore[reportUnnecessaryComparison]
        return _TerminalDisplay(state, lock)
    return _LineDisplay(state, sys.stderr)


class _OneThreadConsole(Console):
    """Writes what one thread prints before another thread prints.

    rich places bars by the height of those that were rendered last. Where a thread writes between another one's rendering and
    writing, that height is not what the terminal shows, and lines above the bars are overwritten.
    """

    def __init__(self) -> None:
        self._printing = threading.RLock()
        super().__init__(stderr=True, highlight=False)

    def __enter__(self) -> Console:
        self._printing.acquire()
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            self._printing.release()


class _TerminalDisplay:
    """Bars that stay at the bottom of the terminal."""

    def __init__(self, state: _State, lock: threading.Lock) -> None:
        self._state = state
        self._lock = lock
        self._console = _OneThreadConsole()
        self._stopped = threading.Event()
        # What goes into a file must not go to the terminal, and does not disturb the bars.
        in_terminal = sys.stdout is not None and sys.stdout.isatty()  # pyright: ignore[reportUnnecessaryComparison]
        self._live = Live(
            console=self._console,
            get_renderable=self.render,
            auto_refresh=False,  # rich's own thread takes the locks in another order than a thread that prints
            redirect_stdout=in_terminal,
            vertical_overflow="crop",
        )

    def start(self) -> None:
        """Show the bars."""
        with self._console:
            self._live.start()
        threading.Thread(target=self._redraw, name="fluxbase-jobs progress", daemon=True).start()

    def changed(self, row: _Row | None) -> None:
        """Redraw at once where a job has ended; other changes are drawn at the next refresh."""
        if row and row.is_ended:
            with self._console:
                self._live.refresh()

    def stop(self) -> None:
        """Draw the last state and leave it there."""
        self._stopped.set()
        with self._console:
            self._live.stop()

    def _redraw(self) -> None:
        while not self._stopped.wait(1 / _REFRESHES_PER_SECOND):
            with self._console:
                if not self._stopped.is_set():
                    self._live.refresh()

    def render(self) -> RenderableType:
        """The bars as they are now."""
        with self._lock:
            counts = self._state.counts
            rows = self._state.visible(max(self._console.height - len(counts) - 2, 1))
            hidden = len(self._state.rows) - len(rows)
            bar_width = next(room for least, room in _BAR_WIDTHS if self._console.width >= least)
            lines = [_job_line(row, bar_width, self._console.encoding) for row in rows]
        table = Table.grid(padding=(0, 1))
        overflow: OverflowMethod = "crop" if self._console.options.ascii_only else "ellipsis"
        most = min(30, self._console.width // 2)
        for ratio in (None, None, None, 1, None):
            table.add_column(no_wrap=True, overflow=overflow, ratio=ratio, max_width=most if ratio is None else None)
        table.expand = True
        for line in lines:
            table.add_row(*line)
        for label, done, total in counts:
            bar = RichBar(total=total, completed=done, width=bar_width) if total and bar_width else Text("")
            table.add_row(Text(label, "bold"), bar, "", Text(f"{done} of {total}" if total is not None else str(done)), "")
        return Group(table, Text(f"and {hidden} more", "dim")) if hidden else table


def _job_line(row: _Row, bar_width: int, encoding: str) -> tuple[RenderableType, ...]:
    style = _STYLES.get(row.status, "")
    full = RichBar(total=100, completed=row.percent, width=bar_width, complete_style=style or "bar.complete", finished_style=style)
    bar = full if bar_width else Text("")
    status, reported = Text(row.status, style), _printable(row.message, encoding)
    message = (
        Text.assemble(status, " ", reported)
        if reported and row.status != "running"
        else Text(reported or row.status, "" if reported else style)
    )
    return Text(_printable(row.label, encoding)), bar, Text(f"{row.percent:>3} %"), message, Text(row.time_left, "dim")


def _printable(text: str, encoding: str) -> str:
    """The text with what the terminal's encoding lacks as escapes: added later they make the line longer than rich has measured."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


class _LineDisplay:
    """A line at each change, for files, pipes and terminals that cannot move the cursor."""

    def __init__(self, state: _State, stream: TextIO | None) -> None:
        self._state = state
        self._stream = stream
        self._last_count = float("-inf")
        self._last_line: dict[str, str] = {}

    def start(self) -> None:
        """Nothing is printed before the first change."""

    def changed(self, row: _Row | None) -> None:
        """Print what changed."""
        if row:
            self._print(row.label, row.text)
        elif self._state.submitted:
            done, total = self._state.submitted
            if done == total or time.monotonic() - self._last_count >= _SECONDS_BETWEEN_COUNTS:
                self._last_count = time.monotonic()
                self._print("submitted", f"submitted {done}" + (f" of {total}" if total is not None else ""))

    def stop(self) -> None:
        """Print the counts, where there are several jobs."""
        for label, done, total in self._state.counts:
            self._print(label, f"{label} {done}" + (f" of {total}" if total is not None else ""))

    def _print(self, key: str, line: str) -> None:
        """Print a line once; it must not end the program where nobody reads it."""
        if self._stream is None or self._last_line.get(key) == line:
            return
        self._last_line[key] = line
        try:
            print(line, file=self._stream, flush=True)
        except UnicodeEncodeError:
            print(line.encode("ascii", "backslashreplace").decode(), file=self._stream, flush=True)
        except (OSError, ValueError):  # a broken pipe, or a closed stream
            self._stream = None


class _HtmlDisplay:
    """A table that is replaced at each change, for notebooks; without widgets, so that it stays in a saved notebook."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._handle: Any = None
        self._shown_at = float("-inf")

    def start(self) -> None:
        """Make the place that is replaced later."""
        self._handle = _ipython().display(self._html(), raw=True, display_id=True)

    def changed(self, row: _Row | None) -> None:
        """Replace it, but not more often than one can see."""
        if (row and row.is_ended) or time.monotonic() - self._shown_at >= 1 / _REFRESHES_PER_SECOND:
            self._shown_at = time.monotonic()
            self._handle.update(self._html(), raw=True)

    def stop(self) -> None:
        """Show the last state."""
        self._handle.update(self._html(), raw=True)

    def _html(self) -> dict[str, str]:
        rows = [_html_row(row.label, row.percent, 100, f"{row.status} {row.message}", row.time_left) for row in self._state.visible(20)]
        rows += [
            _html_row(label, done, total, f"{done} of {total}" if total is not None else str(done), "")
            for label, done, total in self._state.counts
        ]
        plain = "\n".join(row.text for row in self._state.visible(20))
        return {"text/html": f"<table>{''.join(rows)}</table>", "text/plain": plain}


def _html_row(label: str, done: int, total: int | None, text: str, left: str) -> str:
    bar = f'<progress value="{done}" max="{max(total, 1)}"></progress>' if total is not None else ""
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in (escape(label), bar, escape(text.strip()), escape(left))) + "</tr>"


def notebook_shell() -> Any:
    """The shell of the notebook that this runs in; None elsewhere."""
    module: Any = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return shell if shell is not None and getattr(shell, "kernel", None) is not None else None


def _ipython() -> Any:
    return importlib.import_module("IPython.display")  # only notebooks have it


def clock_text(seconds: float) -> str:
    """A time span as `M:SS` or `H:MM:SS`."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def one_line(text: str) -> str:
    """Text from a server, fit for a line of a terminal: control characters, which could change the terminal, become blanks."""
    return "".join(character if character.isprintable() else " " for character in text)
